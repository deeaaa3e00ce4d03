"""check() of ext/shape/check.pxd: it stops a debug build by file, line and words, and no other."""

import os
import re
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = """\
from onecard.ext.shape.check cimport check


cdef struct Table:
    unsigned int rows_max


def row_of(unsigned int row, unsigned int rows_max):
    cdef Table here
    cdef Table* table = &here
    here.rows_max = rows_max
    with nogil:
        check(row < table.rows_max)
    return row
"""
RUN = "import bound; print(bound.row_of(4, 5), bound.row_of(5, 5))"


@pytest.mark.parametrize("debug", [True, False])
def test_a_broken_bound_stops_a_debug_build_alone(tmp_path: Path, debug: bool) -> None:
    source = tmp_path / "bound.pyx"
    source.write_text(MODULE)
    lines = ["--line-directives"] if debug else []
    tree = ROOT / "build" / "tree"
    cython = [sys.executable, "-m", "cython", "-3", *lines, "-I", str(tree), source.name]
    subprocess.run(cython, cwd=tmp_path, check=True)
    flags = ["-shared", "-fPIC", "-O0", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    flags += ["-Wno-missing-field-initializers", "-I", sysconfig.get_path("include")]
    flags += ["-DONECARD_DEBUG=1"] if debug else []
    compiler = os.environ.get("CC", "cc").split()
    subprocess.run([*compiler, *flags, "bound.c", "-o", "bound.so"], cwd=tmp_path, check=True)
    ran = subprocess.run([sys.executable, "-c", RUN], cwd=tmp_path, capture_output=True, text=True)
    if debug:
        assert ran.returncode == -signal.SIGABRT
        assert "bound.pyx:13: expected (row < table->rows_max), found" in ran.stderr
    else:
        assert (ran.returncode, ran.stdout.split()) == (0, ["4", "5"])


def test_each_check_asks_one_thing() -> None:
    """Of two in one, C would have the words of neither: only the name of what they were put in."""
    asked = []
    for path in sorted([*ROOT.glob("ext/**/*.pyx"), *ROOT.glob("ext/**/*.pxd")]):
        for line in path.read_text().splitlines():
            if match := re.fullmatch(r"\s*check\((.+)\)", line):
                asked.append(match[1])
                compared = re.findall(r" (?:[<>=!]=|[<>]) ", match[1])
                assert len(compared) <= 1, (path, line)
                assert not re.search(r"\b(and|or)\b", match[1]), (path, line)
    assert len(asked) > 60
