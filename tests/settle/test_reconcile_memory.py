"""Whatever shape of file comes back, matching it takes as much memory as any other."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onecard.core.errors import BadInput, Overloaded
from onecard.core.exchange.files import write_files
from onecard.core.reconcile import sorted_lines
from onecard.core.reconcile.match import join
from onecard.core.reconcile.reconcile import reconcile
from onecard.core.reconcile.repeats import LEGS_MAX
from tests.settle.settling import big_sheet, journal_of

LINES = 60_000


def listed(line: Callable[[int], bytes], names: bytes = b"sequence,amount_fen") -> bytes:
    return names + b"\n" + b"".join(map(line, range(LINES)))


# What theirs is made of. Each held all its lines, or all its breaks, in memory once.
LONG, WIDE = b"x" * 60_000, b",2" * 30_000
SHAPES = {
    "one reference": lambda: listed(lambda at: b"7,%d\n" % (at % 1000)),
    "all repeated": lambda: listed(lambda at: b"%d,7\n" % (at // 3 + 1)),
    "theirs only": lambda: listed(lambda at: b"%d,7\n" % (at + 10**9)),
    "no line": lambda: b"sequence,amount_fen\n",
    "shortest lines": lambda: listed(lambda _: b"1,1\n"),
    "long lines": lambda: b"sequence,n,amount_fen\n" + (b'9,"' + LONG + b'",1\n') * 30,
    "wide": lambda: b"sequence,amount_fen" + WIDE + b"\n" + (b"9,1" + WIDE + b"\n") * 30,
}
# A run and a chunk of the sizes below, a part of text, and what the allocator keeps: 4 MB where
# it was measured. What grew with the lines were 60 MB and more.
GROWTH_KB_MAX = 12_000
MEASURED = """
import sys
from pathlib import Path
from onecard.core.reconcile import breaks
from onecard.core.reconcile import statement
from onecard.core.reconcile import reconcile
from onecard.core.reconcile import sorted_lines
from onecard.core.reconcile import repeats
from onecard.core.reconcile.break_list import BreakList

def most_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

sorted_lines.RUN_ROWS, sorted_lines.CHUNK_ROWS = 4_096, 2_048
repeats.READ_ROWS = breaks.READ_ROWS = 1_024
statement.CHUNK_BYTES = 1 << 16
before_kb = most_kb()
result = reconcile.reconcile(Path(sys.argv[1]), Path(sys.argv[2]))
said = sum(len(part) for part in BreakList(result).json_parts())
print(most_kb() - before_kb, len(result.breaks), said)
"""


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("big") / "ours.csv"
    big_sheet(path, LINES)
    return path


@pytest.mark.parametrize("shape", SHAPES)
def test_memory_does_not_grow_with_what_comes_back(big: Path, tmp_path: Path, shape: str) -> None:
    """Runs and chunks are one in 256 of their size, so that what grows would show."""
    theirs = tmp_path / "theirs.csv"
    theirs.write_bytes(SHAPES[shape]())
    command = [sys.executable, "-c", MEASURED, str(big), str(theirs)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    growth_kb, breaks, said = map(int, ran.stdout.split())
    assert growth_kb < GROWTH_KB_MAX
    assert breaks > 0.9 * LINES and said > 100 * breaks  # none left out, all of them told


def test_a_full_disk_under_the_temporary_files_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with journal_of(tmp_path, [90]) as journal:
        manifest = write_files(journal, tmp_path, 1)
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("sequence,amount_fen\n" + "".join(f"{at},1\n" for at in range(1, 9_000)))
    monkeypatch.setattr(sorted_lines, "RUN_ROWS", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(Overloaded, match=r"expected room for temporary files.* set TMPDIR"):
            reconcile(manifest.folder / manifest.sheets[0].file, theirs)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_more_lines_of_ours_than_an_entry_has_legs_are_refused() -> None:
    rows = np.zeros(LEGS_MAX + 1, sorted_lines.LINE)
    rows["line"] = np.arange(3, len(rows) + 3)
    with pytest.raises(BadInput, match="line 258 of our own file: expected at most 255 lines"):
        join([rows], False)
