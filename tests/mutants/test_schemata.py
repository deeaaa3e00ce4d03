"""The switches are where the rules are: each mutant once, and every function has some; and whoever
is listed as equal is one of them."""

import re
import shutil
from pathlib import Path

from tests.mutants.schemata import FUNCTION, RULES, SWITCH, listed, switch

ROOT = Path(__file__).resolve().parent.parent.parent
SURELY = (  # file, what stands there, and what it becomes
    ("charge.pyx", "tap.funding == Funding.PREPAID", "(tap.funding) != (Funding.PREPAID)"),
    ("charge.pyx", "-amount", "amount"),
    ("charge.pyx", "return Outcome.FUNDS", "nothing"),
    ("plan.pxd", "OwnerKind.ACCOUNT", "OwnerKind.ACCOUNT ^ 1"),
    ("journey.pyx", "1", "1 + 1"),
    ("hold.pyx", "original is NULL", "False"),
    ("refund.pyx", "taken is not NULL", "True"),
    ("payee.pxd", "state.scenes[scene].payee or operator_id", "operator_id"),  # a value, no truth
    ("hold.pyx", "original.tariff - 1", "(original.tariff) + (1)"),  # what stands behind an &
)


def test_each_mutant_is_in_the_text_once(tmp_path: Path) -> None:
    shutil.copytree(ROOT / RULES, tmp_path / RULES)
    functions = sum(len(FUNCTION.findall(file.read_text())) for file in rules(tmp_path))
    mutants = switch(tmp_path)
    numbers = []
    empty = 0
    for file in rules(tmp_path):
        for _, body in FUNCTION.findall(file.read_text()):
            found = re.findall(r"awake\((\d+)\)", body)
            numbers += map(int, found)
            empty += not found
    assert sorted(numbers) == [one.number for one in mutants] == list(range(1, len(mutants) + 1))
    assert functions > 20 and empty == 0
    said = {(one.file, one.was, one.becomes) for one in mutants}
    assert said.issuperset(SURELY), set(SURELY) - said
    assert not [one for one in mutants if "check(" in one.was]
    names = [one.name for one in mutants]
    assert len(names) == len(set(names))
    assert listed().keys() <= set(names), listed().keys() - set(names)
    assert all(listed().values()), "a reason each"


def rules(tree: Path) -> list[Path]:
    found = sorted((tree / RULES).glob("*.p[xy][dx]"))
    return [one for one in found if one.stem != SWITCH]
