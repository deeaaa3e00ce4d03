"""The same taps give the same bytes as when they were recorded: made anew, and a ledger kept since.

What to do where this fails: if nothing was meant to change, something did, and the first line that
differs says where. If it was meant, record anew (recording.py) and look at the difference.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onecard.v1.tap_pb2 import Outcome, TapKind
from tests.recorded import recording
from tests.recorded.recording import Lines, Maker
from tests.support.onecard_command import Command, commands


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with commands(tmp_path_factory.mktemp("commands")) as command:
        yield command


@pytest.fixture(scope="module")
def anew(ask: Command) -> Iterator[tuple[Maker, Lines]]:
    """Made while the command line loads, in a process of its own."""
    with recording.made() as made:
        yield made


def assert_same(found: Lines, recorded: Lines) -> None:
    differ = recording.differences(recording.through_json(found), recorded)
    assert not differ, differ


def test_what_is_answered_while_it_is_made(anew: tuple[Maker, Lines]) -> None:
    _, answers = anew
    assert_same(answers, recording.read(recording.ANSWERS))


def test_what_is_read_out_of_it(anew: tuple[Maker, Lines], ask: Command) -> None:
    maker, _ = anew
    facts = recording.read_out(maker.opened.folder, maker.again, ask)
    assert_same(facts, recording.read(recording.FACTS))


def test_a_ledger_of_version_1(tmp_path: Path, ask: Command) -> None:
    """One that was made when it was recorded, byte for byte: ledgers open for ever."""
    folder, again = recording.unpack(recording.GOLDEN_1, tmp_path)
    assert "format = 1" in recording.stamped(folder)
    recording.migrated(folder)
    found, recorded = recording.read_out(folder, again, ask), recording.read(recording.FACTS_1)
    assert_same(of_the_journal(found), of_the_journal(recorded))


def of_the_journal(facts: Lines) -> Lines:
    """Without what `onecard migrate` stamped, and what the shape of the state's tables says: pages
    of a checkpoint and of what left memory are made anew, and a digest is compared with one of the
    same onecard. What `verify` counts beyond what it did then, and what a card was that `show card`
    tells now, is none of what was recorded. Its tariffs are of network 0."""
    others = ("ledger.toml", "digest", "state, ", "identities, ", "pasts of ")
    verify = facts["verify"]
    for more in ('"acts": 0, ', '"erasable": "none", ', '"erasable_faults": [], '):
        verify = verify.replace(more, "")
    facts = facts | {"verify": verify}
    facts |= {"show tariffs": facts["show tariffs"].replace('"network": 0, ', "")}
    return {name: fact for name, fact in facts.items() if not name.startswith(others)}


def test_every_kind_outcome_and_record_is_among_them() -> None:
    said = [line for line in recording.read(recording.ANSWERS).values() if isinstance(line, str)]
    told = [line.split(": ") for line in said if "#" in line]
    assert {recording.kind_name(kind) for kind in TapKind.values()} <= {
        tap.split()[0] for tap, _ in told
    }
    outcomes = {name.removeprefix("OUTCOME_") for name in Outcome.keys()} - {"UNSPECIFIED"}
    assert outcomes == {answer.split()[0] for _, answer in told}
    blocks = [line for name, line in recording.read(recording.FACTS).items() if "block" in name]
    assert {line.split(",")[0] for line in blocks} == {
        f"record {n}" for n in (*range(1, 7), 8, 10, 12, 14)
    }


DIFFER = [  # found, recorded, what is said of it
    ({"a": 1, "b": [2]}, {"a": 1, "b": [2]}, ""),
    ({"a": 1, "b": 2}, {"a": 1, "b": 3}, "1 of 2 differ; the first are\nb\n    recorded 3\n"),
    ({"a": 1}, {"a": 1, "b": 3}, "1 of 2 differ; the first are\nb\n    recorded 3\n"),
    ({"a": 1, "b": 2}, {"b": 2}, "1 of 2 differ; the first are\na\n    recorded nothing\n"),
]


@pytest.mark.parametrize(("found", "recorded", "said"), DIFFER)
def test_a_difference_is_told(found: Lines, recorded: Lines, said: str) -> None:
    assert recording.differences(found, recorded).startswith(said)
    assert bool(said) == (found != recorded)
