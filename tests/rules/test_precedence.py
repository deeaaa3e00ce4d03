"""Which of several refusals is answered: the first in the order of docs/ledger.md, every time.

The cases are made out of the table in refusals.py, and each pair of rules that one tap can break is
among them. That they would see it if two rules changed places is shown here on the twin.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from onecard.ext.shape.numbers import Kind, Outcome
from tests.rules.refusal_world import HOLDS_MAX, NOW_US, ROOMY, World
from tests.rules.refusals import REPEATED, Case, cases, ways
from tests.support.engine import EngineSide, quick_folder
from tests.support.steps import TwinSide
from tests.twin import kinds, twin

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs/ledger.md").read_text()


def test_the_twin() -> None:
    wrong = World(TwinSide(NOW_US, HOLDS_MAX), cases()).wrong()
    assert not wrong, "\n".join([str(len(wrong)), *wrong[:20]])


def test_the_engine() -> None:
    with quick_folder() as folder:
        side = EngineSide(folder / "ledger", NOW_US, ROOMY)
        try:
            wrong = World(side, cases()).wrong()
        finally:
            side.close()
    assert not wrong, "\n".join([str(len(wrong)), *wrong[:20]])


def test_the_table_is_the_page() -> None:
    """Numbered rules under their numbers, and every refusal of the page in the table."""
    decided = PAGE[PAGE.index("## How a tap is decided") : PAGE.index("**Offline**: a tap")]
    numbered = re.findall(r"(?<!\d)(\d\d?[a-d]?)\. [^:]*?: ([A-Z_]+)", " ".join(decided.split()))
    said = {(way.place, way.outcome) for way in ways() if way.number}
    assert {(number, name) for number, name in numbered if name in Outcome.__members__} <= said
    names = {name for name in re.findall(r"[A-Z_]{4,}", decided) if name in Outcome.__members__}
    softened = {"ACCEPTED_BELOW_FLOOR", "TOMBSTONED"}  # is accepted, and not refused
    assert names - softened == {way.outcome for way in ways()} - {REPEATED}


# ---- rules that changed places --------------------------------------------------------------


@dataclass(frozen=True)
class Swap:
    """Two rules of one function of the twin, one for the other."""

    module: ModuleType
    name: str
    changed: ast.FunctionDef
    first: frozenset[str]  # outcomes
    second: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name}: {'/'.join(sorted(self.first))} - {'/'.join(sorted(self.second))}"

    def function(self) -> Callable[..., Any]:
        found: dict[str, Any] = {}
        tree = ast.fix_missing_locations(ast.Module([self.changed], []))
        exec(compile(tree, str(self), "exec"), vars(self.module), found)
        return found[self.name]  # type: ignore[no-any-return]

    def cases(self) -> list[Case]:
        """Those of which one rule is broken and the other too."""
        return [
            case
            for case in pairs()
            if case.first.outcome in self.first and case.also[0].outcome in self.second
            if self.module is twin or case.values["kind"] in self.kinds()
        ]

    def kinds(self) -> set[str]:
        """Whose rules they are."""
        asking = {Kind.CAPTURE, Kind.RELEASE} if self.name == "hold_of" else set[Kind]()
        ours = {kind for kind, one in kinds.KINDS.items() if one.__name__ == self.name}
        return {kind.name for kind in ours | asking}


@cache
def pairs() -> list[Case]:
    return [case for case in cases() if len(case.also) == 1]


# Functions of the twin that a rule asks, and whose answer it gives on.
ASKED = ("form", "terminal", "identity", "columns", "limits", "time", "card", "scene", "hold_of")
ASKED += ("charged", "gate_rated", "holding")


def parsed(function: Callable[..., Any]) -> ast.FunctionDef:
    found = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(found, ast.FunctionDef)
    return found


def outcomes(module: ModuleType, node: ast.AST) -> frozenset[str]:
    """What a rule may answer, itself or by the function that it asks."""
    found = set()
    for answer in ast.walk(node):
        if isinstance(answer, ast.Return) and answer.value is not None:
            names = [one for one in ast.walk(answer.value) if isinstance(one, ast.Attribute)]
            found |= {one.attr for one in names if getattr(one.value, "id", "") == "O"}
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name):
            if one.func.id in ASKED:
                found |= outcomes(module, parsed(getattr(module, one.func.id)))
                found |= {REPEATED} if one.func.id == "identity" else set()
    return frozenset(found)


def swaps() -> Iterator[Swap]:
    names = ("judge", "form", "terminal", "limits", "holding", "time", "card", "scene")
    functions = [(twin, name) for name in names]
    functions += [(kinds, function.__name__) for function in kinds.KINDS.values()]
    functions.append((kinds, "hold_of"))
    for module, name in dict.fromkeys(functions):
        tree = parsed(getattr(module, name))
        yield from swapped_ors(module, name, tree)
        ends = [at for at, one in enumerate(tree.body) if refuses(one)]
        for before, one, other in zip([-1, *ends], ends, ends[1:], strict=False):
            start = before + 1
            # What the second needs to know is found out before the first asks.
            body = tree.body[:start] + tree.body[start:one] + tree.body[one + 1 : other + 1]
            body += [tree.body[one], *tree.body[other + 1 :]]
            changed = parsed(getattr(module, name))
            changed.body = body
            first = outcomes(module, ast.Module(tree.body[start : one + 1], []))
            second = outcomes(module, ast.Module(tree.body[one + 1 : other + 1], []))
            yield Swap(module, name, changed, first, second)


def refuses(statement: ast.stmt) -> bool:
    """Returns True when it may end the function."""
    return isinstance(statement, ast.If) and any(
        isinstance(one, ast.Return) for one in ast.walk(statement)
    )


def swapped_ors(module: ModuleType, name: str, tree: ast.FunctionDef) -> Iterator[Swap]:
    """`form(tap) or terminal(...)`, the other way round."""
    for at, statement in enumerate(tree.body):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BoolOp):
            asked = statement.value.values
            if not all(isinstance(one, ast.Call) for one in asked):
                continue
            for number, (first, second) in enumerate(pairwise(asked)):
                changed = parsed(getattr(module, name))
                assign = changed.body[at]
                assert isinstance(assign, ast.Assign)
                swapped = [*asked[:number], second, first, *asked[number + 2 :]]
                assign.value = ast.BoolOp(ast.Or(), swapped)
                yield Swap(module, name, changed, outcomes(module, first), outcomes(module, second))


SWAPS = {str(swap): swap for swap in swaps()}
# What no tap breaks both of: the second is about what the first says is not there, or is of other
# kinds. A journey is opened where there is a tariff, so that of an EXIT is always known; an entry
# that takes back is never closed; a sum is not below 0 and beyond 64 bits at once; an exit that its
# gate rated needs no journey.
APART = {
    "form: AMOUNT_UNEXPECTED - AMOUNT_ZERO",
    "form: ABOUT_MISSING - ABOUT_MISSING",
    "form: ABOUT_MISSING - SCENE_MISSING",
    "terminal: TERMINAL_UNKNOWN - TERMINAL_FOREIGN",
    "holding: HOLDS_FULL - HOLD_NOT_EXPIRED",
    "holding: HOLD_NOT_EXPIRED - JOURNEYS_FULL",
    "card: CARD_UNKNOWN - CARD_BLOCKED",
    "scene: SCENE_UNKNOWN - SCENE_CLOSED",
    "entry: TARIFF_UNKNOWN - FARE_UNKNOWN",
    "exit_: EXIT_BEFORE_ENTRY - TARIFF_UNKNOWN",
    "exit_: TARIFF_UNKNOWN - FARE_UNKNOWN",
    "exit_: FUNDS - NO_OPEN_JOURNEY",
    "refund: ORIGINAL_UNKNOWN - NOT_REFUNDABLE",
    "reversal: ORIGINAL_CLOSED/TOMBSTONED - CARD_MISMATCH",
    "reversal: NOT_REVERSIBLE - ORIGINAL_CLOSED",
    "hold: HOLD_NOT_ALLOWED - FUNDS",
    "hold_of: ORIGINAL_UNKNOWN - NOT_A_HOLD",
    "adjust: AMOUNT_EXCEEDS_ORIGINAL - BALANCE_OVERFLOW",
}


def test_what_is_apart() -> None:
    assert {name for name, swap in SWAPS.items() if not swap.cases()} == APART


@pytest.mark.parametrize("name", [name for name in SWAPS if name not in APART])
def test_a_swap_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    swap = SWAPS[name]
    changed = swap.function()
    for kind, function in kinds.KINDS.items():
        if function is getattr(swap.module, swap.name):
            monkeypatch.setitem(kinds.KINDS, kind, changed)
    monkeypatch.setattr(swap.module, swap.name, changed)
    try:
        wrong = World(TwinSide(NOW_US, HOLDS_MAX), swap.cases()).wrong()
    except (AssertionError, AttributeError, KeyError, IndexError, TypeError):
        return  # what comes before is answered otherwise, or a rule meets what the first keeps away
    assert wrong
