"""The numbers that are journalled or sent: one meaning each, in C, on the wire and on paper."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from onecard.ext.shape import numbers
from onecard.v1 import registry_pb2, tap_pb2

ROOT = Path(__file__).resolve().parent.parent.parent
ENUMS = (
    numbers.Kind,
    numbers.Outcome,
    numbers.OwnerKind,
    numbers.Purse,
    numbers.Funding,
    numbers.Status,
    numbers.Record,
    numbers.Policy,
    numbers.SweepKind,
    numbers.DayClass,
    numbers.ArrayType,
    numbers.Effect,
    numbers.Mark,
    numbers.Part,
    numbers.Reference,
    numbers.Template,
    numbers.Image,
    numbers.Space,
    numbers.Flag,
    numbers.Role,
    numbers.Hash,
    numbers.Tokens,
    numbers.Store,
    numbers.Heads,
    numbers.ActKind,
    numbers.ActOutcome,
    numbers.ActorRole,
)
ALGORITHMS = (numbers.Hash, numbers.Tokens, numbers.Store, numbers.Heads)
ON_THE_WIRE = (  # ours, the proto's, and what its names start with
    (numbers.Kind, tap_pb2.TapKind, "TAP_KIND_"),
    (numbers.Outcome, tap_pb2.Outcome, "OUTCOME_"),
    (numbers.Role, registry_pb2.Role, "ROLE_"),
    (numbers.Status, registry_pb2.Status, "STATUS_"),
    (numbers.Funding, registry_pb2.Funding, "FUNDING_"),
)


@pytest.mark.parametrize("ours", ENUMS, ids=lambda enum: enum.__name__)
def test_no_number_is_used_twice(ours: type[IntEnum]) -> None:
    used = [number for _, number in written(ROOT / "ext/shape/numbers.pxd", ours.__name__)]
    assert len(used) == len(set(used))
    most = 0xFFFF if ours in (numbers.Effect, numbers.Mark) else 0xFF  # those are bits of two bytes
    assert all(0 <= number <= most for number in used)


@pytest.mark.parametrize("ours", ENUMS, ids=lambda enum: enum.__name__)
def test_compiled_and_typed_as_written(ours: type[IntEnum]) -> None:
    compiled = [(name, int(member)) for name, member in ours.__members__.items()]
    assert compiled == written(ROOT / "ext/shape/numbers.pxd", ours.__name__)
    assert compiled == written(ROOT / "ext/shape/numbers.pyi", ours.__name__)


def test_every_enum_is_looked_at() -> None:
    text = (ROOT / "ext/shape/numbers.pxd").read_text()
    assert re.findall(r"^cpdef enum (\w+):", text, re.M) == [enum.__name__ for enum in ENUMS]


@pytest.mark.parametrize(
    ("ours", "proto", "prefix"), ON_THE_WIRE, ids=[ours.__name__ for ours, _, _ in ON_THE_WIRE]
)
def test_wire_agrees(ours: type[IntEnum], proto: object, prefix: str) -> None:
    sent = {name.removeprefix(prefix): number for name, number in proto.items()}  # type: ignore[attr-defined]
    assert sent.pop("UNSPECIFIED") == 0
    assert sent == {name: int(member) for name, member in ours.__members__.items()}


def test_final_and_not_taken() -> None:
    taken = {int(member) for member in numbers.Outcome}
    assert taken <= {*range(1, 20), *range(20, 100), *range(100, 256)}
    not_taken = {name for name, member in numbers.Outcome.__members__.items() if member >= 100}
    text = (ROOT / "docs/ledger.md").read_text()
    softened = text[text.index("**Form** (not taken)") : text.index("**Time**")]
    assert not_taken <= set(re.findall(r"[A-Z][A-Z_]+", softened))


def test_every_outcome_and_kind_is_explained() -> None:
    said = set(re.findall(r"[A-Z][A-Z_\d]+", (ROOT / "docs/ledger.md").read_text()))
    for enum in ENUMS:
        # registry.proto explains the first two, journal.pxd the third, docs/numbers.md the rest.
        if enum not in (numbers.Role, numbers.Status, numbers.Effect, numbers.Space, *ALGORITHMS):
            assert set(enum.__members__) - said == set(), enum.__name__


def test_owner_kinds_as_numbered_on_paper() -> None:
    text = (ROOT / "docs/ledger.md").read_text()
    chart = text[text.index("| no. | owner kind |") : text.index("## Who funds a card")]
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", chart, re.M)
    assert {name: int(number) for number, name in rows} == {
        name: int(member) for name, member in numbers.OwnerKind.__members__.items()
    }


def written(path: Path, enum: str) -> list[tuple[str, int]]:
    """The lines NAME = number under an enum, as the file has them."""
    body = re.split(rf"^(?:cpdef enum|class) {enum}\b.*:$", path.read_text(), flags=re.M)[1]
    body = re.split(r"^\S", body, maxsplit=1, flags=re.M)[0]
    found = re.findall(r"^    (\w+) = (\d+)", body, re.M)
    return [(name, int(number)) for name, number in found]
