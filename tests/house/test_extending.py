"""docs/extending.md, followed: its edits applied to a copy, the copy built, its checks run.

Those of the first walk are in the tree: they are taken back before.

A block of `diff` names a file and has parts, each begun by a line @@: lines that start with a blank
or a minus are in the file already, once and together; those with a plus take their place. A file of
plusses alone is a new one. A block of `python` or `sh` is run in the copy, and the block of `text`
after it is what it must say.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clean_copy import ROOT, clean_copy

PAGE = (ROOT / "docs/extending.md").read_text()
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
SECTIONS = re.findall(r"^## (A .+)$", PAGE, re.M)
IN_THE_TREE = "A kind"
KIND = re.compile(r"\bEVENT\b|\bKIND_EVENT\b|SCENE_MISSING|AT_SCENE")
BUILD = """
from grpc_tools import protoc
from pathlib import Path
Path("build/generated").mkdir(parents=True)
protos = sorted(map(str, Path("grpc/proto").glob("onecard/v1/*.proto")))
kinds = [f"--{kind}_out=build/generated" for kind in ("python", "pyi", "grpc_python")]
raise SystemExit(protoc.main(["protoc", "-Igrpc/proto", *kinds, *protos]))
"""


def blocks(section: str) -> list[tuple[str, str]]:
    """Language and text of the fenced blocks of a section of the page."""
    found = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return FENCED.findall(found)


def parts(lines: list[str]) -> Iterator[tuple[str, str]]:
    """What each part of a diff says is there, and what takes its place."""
    part: list[str] = []
    for line in [*lines, "@@"]:
        if line != "@@":
            part.append(line or " ")
        elif part:
            old = "".join(f"{one[1:]}\n" for one in part if one[0] in " -")
            yield old, "".join(f"{one[1:]}\n" for one in part if one[0] in " +")
            part = []


def apply(tree: Path, diff: str, back: bool = False) -> None:
    """Applies a block, or takes it `back`; AssertionError names the file and the part that does not
    fit."""
    head, *lines = diff.splitlines()
    named = re.fullmatch(r"--- ([\w./-]+)", head)
    assert named is not None, f"expected --- FILE, found {head}"
    path = tree / named[1]
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    text = path.read_text()
    for old, new in parts(lines):
        if back and not old:
            assert text == new, f"{named[1]}: expected what the page has of it"
            path.unlink()
            return
        old, new = (new, old) if back else (old, new)
        if not old:
            assert not text, f"{named[1]}: expected a new file, found one"
            text = new
            continue
        there = re.compile(f"^{re.escape(old)}", re.M)
        found = len(re.findall(f"^(?={re.escape(old)})", text, re.M))  # overlapping ones too
        assert found == 1, f"{named[1]}: expected once, found {found} times:\n{old}"
        text = there.sub(lambda _, new=new: new, text)
    path.write_text(text)


def sources(tree: Path) -> list[Path]:
    """Where a kind may be known: what is built, its twin and its tests, the page of the rules."""
    tops = ("ext", "core", "grpc", "cli", "sample", "tests")
    names = ("*.py", "*.pyi", "*.pyx", "*.pxd", "*.proto")
    found = [path for top in tops for name in names for path in (tree / top).rglob(name)]
    found.remove(tree / "tests/house/test_extending.py")
    return [*found, tree / "docs/ledger.md"]


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree after every edit of the page, in its order."""
    tree = clean_copy(tmp_path_factory.mktemp("extended"))
    whole = {path: path.read_text() for path in sources(tree)}
    edits = [text for language, text in blocks(IN_THE_TREE) if language == "diff"]
    for edit in reversed(edits):
        apply(tree, edit, back=True)
    left = [str(path.relative_to(tree)) for path in sources(tree) if KIND.search(path.read_text())]
    assert left == [], "the page does not say that these know the kind"
    for edit in edits:
        apply(tree, edit)
    assert {path: path.read_text() for path in sources(tree)} == whole
    for section in SECTIONS[1:]:
        for language, text in blocks(section):
            if language == "diff":
                apply(tree, text)
    return tree


@pytest.fixture(scope="module")
def built(changed: Path) -> Path:
    run([sys.executable, "-c", BUILD], changed)
    run([sys.executable, "setup.py", "-q", "build_ext", "--inplace", "--parallel=2"], changed)
    return changed


def run(command: list[str], tree: Path) -> str:
    """What a command says in the copy, whose packages come before those of this environment."""
    environment = os.environ | {
        "ONECARD_CFLAGS": "-O0",  # the same build, sooner
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{tree}/build/tree{os.pathsep}{tree}",
    }
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def test_every_edit_applies(changed: Path) -> None:
    assert len(SECTIONS) == 5 and SECTIONS[0] == IN_THE_TREE
    assert (changed / "core/place/README.md").is_file()


@pytest.mark.parametrize("section", SECTIONS)
def test_the_page_says_what_comes_of_it(section: str, built: Path) -> None:
    found = blocks(section)
    checks = [at for at, (language, _) in enumerate(found) if language in ("python", "sh")]
    assert checks, section
    for at in checks:
        language, text = found[at]
        command = [sys.executable, "-c"] if language == "python" else ["sh", "-euc"]
        said = run([*command, text], built)
        assert at + 1 < len(found) and found[at + 1][0] == "text", f"{section}: nothing is promised"
        assert found[at + 1][1].strip() in said, said


@pytest.mark.parametrize(
    ("diff", "complaint"),
    [
        ("+++ a.py\n@@\n+x\n", "expected --- FILE"),
        ("--- a.py\n@@\n y\n+z\n", "expected once, found 0"),
        ("--- a.py\n@@\n x\n+z\n", "expected once, found 2"),
        ("--- a.py\n@@\n+z\n", "expected a new file"),
    ],
)
def test_an_edit_that_does_not_fit_is_named(diff: str, complaint: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x\nx\n")
    with pytest.raises(AssertionError, match=complaint):
        apply(tmp_path, diff)
