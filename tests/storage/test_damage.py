"""Any one damage to any file of a ledger: refused by name, or nothing of it is ever wrong.

`tests/storage/damage.py` does it; what is derived must be right again by itself, after a start or
two, or be named by verify where no answer hangs on it.
"""

from collections import Counter

import pytest

from tests.crash import powercut
from tests.support.engine import quick_folder

SCRIPT = """
import sys
from pathlib import Path
from tests.storage.damage import main
main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
"""
IN_EACH_SPACE = """
import sys
from pathlib import Path
from tests.storage.damage import in_each_space
in_each_space(Path(sys.argv[1]))
"""
DERIVED = "checkpoint/"


def survive(first: int, count: int) -> Counter[str]:
    """What came of each of some seeds; AssertionError with all that may not be."""
    with quick_folder() as folder:
        run = powercut.run_plain(SCRIPT, str(folder), str(first), str(first + count))
    assert run.returncode == 0, run.stderr
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    assert len(lines) == count
    wrong = [line for line in lines if not sound(*line[1:])]
    assert not wrong, "\n".join("\t".join(line) for line in wrong)
    return Counter(end.split(" ")[0] for *_, end in lines) + Counter(
        "set aside" for line in lines if len(line) > 3
    )


def sound(what: str, *starts: str) -> bool:
    """Returns True when every start was right or refused by name, and the last as it must be."""
    if any(start.split(" ")[0] not in ("right", "refused", "verified") for start in starts):
        return False
    if not starts[-1].startswith("verified"):
        return starts[-1] == "right" or not what.startswith(DERIVED)
    # What nobody asks for is read by verify alone, which names the file or the segment.
    named = what.split("/data.mdb")[0].replace("journal/", "segment ")
    return named in starts[-1]


def test_no_damage_makes_anything_new() -> None:
    found = survive(24, 24)  # among them some of each kind
    assert found["right"] and found["refused"] and found["set aside"]


def test_no_key_of_the_index_is_believed_that_is_not_what_was_written() -> None:
    """Identities, what was taken back or corrected, spent or ended: pages, shelves, counts."""
    with quick_folder() as folder:
        run = powercut.run_plain(IN_EACH_SPACE, str(folder))
    assert run.returncode == 0, run.stderr
    lines = [line.split("\t") for line in run.stdout.splitlines()]
    wrong = [line for line in lines if not sound(*line[1:])]
    # Where the index is of another ledger's time is all that is not missed by anybody.
    wrong += [line for line in lines if "noticed" not in line[1] and " meta " not in line[1]]
    assert not wrong, "\n".join("\t".join(line) for line in wrong)
    met = {tuple(line[1].split()[1:3]) for line in lines}
    spaces = {name: {key[0] for at, key in met if at == name} for name in ("pages", "shelves")}
    assert spaces == {"pages": set("01234"), "shelves": set("01234")}
    assert sum(name == "counts" for name, _ in met) == 5 and len(lines) == 22


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(8))
def test_campaign_of_damages(part: int) -> None:
    assert survive(1_000 + 500 * part, 500)["right"]
