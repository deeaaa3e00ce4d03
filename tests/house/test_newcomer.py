"""A newcomer's path: the README's own commands and example, a clean copy made and installed."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clean_copy import clean_copy

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
BIN = Path(sys.executable).parent
WAIT_S = 60.0
UNOPTIMISED = {"ONECARD_CFLAGS": "-O0"}  # the same build, sooner


def snippets(language: str, about: str) -> list[str]:
    """The fenced blocks of a language in the section of the README called `about`."""
    section = README.split(f"\n## {about}\n")[1].split("\n## ")[0]
    return [text for found, text in FENCED.findall(section) if found == language]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Reader:
    """Somebody who types what the README says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"7421": str(free_port()), "9421": str(free_port())}
        self.environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
        self.server: subprocess.Popen[str] | None = None

    def here(self, text: str) -> str:
        """The text with ports that are free here."""
        for said, free in self.ports.items():
            text = text.replace(said, free)
        return text

    def starts(self, text: str) -> None:
        """Runs a block whose last command goes on, until that says it is ready."""
        log = self.folder / "server.log"
        with log.open("w") as out:
            self.server = subprocess.Popen(
                ["bash", "-ec", self.here(text)],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        until = time.monotonic() + WAIT_S
        while "ready on" not in log.read_text():
            assert self.server.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)

    def types(self, text: str, *, python: bool = False) -> str:
        """Runs a block to its end; what it said."""
        command = [sys.executable, "-c"] if python else ["bash", "-euc"]
        done = subprocess.run(
            [*command, self.here(text)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def leaves(self) -> None:
        if self.server is not None and self.server.poll() is None:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait(10)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.leaves()


def test_run_a_server_and_stream_to_it(reader: Reader) -> None:
    start, load, settle, stop = snippets("sh", "Run a server")
    [example] = snippets("python", "Stream from your own program")
    reader.starts(start)
    assert "2 cards read" in reader.types(load)
    assert "balance 4700 fen" in reader.types(example, python=True)
    scraped = re.search(r"`(http://\S+/metrics)`", README)
    assert scraped is not None
    with urllib.request.urlopen(reader.here(scraped[1]), timeout=10) as page:
        assert b"onecard_items_total" in page.read()
    printed = reader.types(settle)
    assert "Metro" in printed
    files = sorted(path.name for path in (reader.folder / "ledger/files/window-00000001").iterdir())
    assert "manifest.json" in files
    reader.types(stop)
    assert reader.server is not None
    assert reader.server.wait(WAIT_S) == 0
    reader.types("onecard verify ledger")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean_copy(tmp_path_factory.mktemp("clone"))


def run(command: list[str], cwd: Path) -> str:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS", "PYTEST"))}
    done = subprocess.run(
        command, cwd=cwd, env=clean | UNOPTIMISED, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def test_make_demo_in_a_clean_copy(clone: Path, tmp_path: Path) -> None:
    """Set-up and all; the day is a short one, and no real taps are at hand."""
    printed = run(["make", "demo", "TAPS=20000", f"PYTHON={BIN / 'python'}"], clone)
    assert "opendata.sz.gov.cn" in printed
    assert "generated" in printed.lower()


def test_pip_install_alone_gives_a_working_onecard(clone: Path, tmp_path: Path) -> None:
    """A wheel out of a source archive, in an environment that sees no checkout."""
    python = str(BIN / "python")
    build = (
        "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])('.'))"
    )
    archive = run([python, "-c", build, "build_sdist"], clone).splitlines()[-1]
    shutil.unpack_archive(clone / archive, tmp_path / "source")
    [source] = (tmp_path / "source").iterdir()
    wheel = run([python, "-c", build, "build_wheel"], source).splitlines()[-1]
    fresh = tmp_path / "fresh"
    run([python, "-m", "venv", "--without-pip", str(fresh)], tmp_path)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = fresh / "lib" / version / "site-packages"
    # The libraries it depends on, without this environment's editable onecard.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run([python, "-m", "pip", "install", "--no-deps", "--target", str(packages), wheel], source)
    onecard = [str(fresh / "bin" / "python"), "-c", "from onecard.cli.main import main; main()"]
    run([*onecard, "init", "ledger"], tmp_path)
    where = "import onecard.cli.main, onecard.ext.judge.batch as j; print(j.__file__)"
    assert str(packages) in run([str(fresh / "bin" / "python"), "-c", where], tmp_path)
    assert run([*onecard, "verify", "ledger"], tmp_path).splitlines()[-1] == "ok"
