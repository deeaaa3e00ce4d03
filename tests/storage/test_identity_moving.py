"""Spaces of the index whose keys come to lead to later entries: the newest is found, or a fault.

What proves identities (test_identity_proof.py) is done again with such keys, and some of them lead
elsewhere after the second retirement: a page that is as it was before is then sound in itself and
holds as many keys as it should.
"""

import random
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from onecard.core.checkpoint import identities as identities_module
from onecard.core.checkpoint.identities import COUNTS, PAGES, SHELVES
from onecard.core.failpoint import here
from onecard.ext.identity import pages as identity_pages
from onecard.ext.shape.numbers import Space
from tests.storage import test_identity_proof as proof
from tests.storage.test_identity import Key, opened, rows_of

MILLION = 1 << 20
SPACES = (Space.TAKEN_BACK, Space.CORRECTED, Space.SPENT_LOTS, Space.JOURNEYS)


def keyed(space: int, original: int) -> Key:
    """Where the key of a space stands, as docs say."""
    return (space << 28) + (original >> 20), 0, original & (MILLION - 1)


FIRST = {
    keyed(space, original): 3 * original + space
    for space in SPACES
    for original in (*range(1, 900, 7), 5 * MILLION, 5 * MILLION + 300)
}
AGAIN = (*range(1, 300, 14), 5 * MILLION)
SECOND = {keyed(Space.TAKEN_BACK, n): 3 * 6 * MILLION + n for n in AGAIN}
SECOND |= {keyed(Space.CORRECTED, 7 * MILLION): 4 * 6 * MILLION}
ABSENT = [keyed(space, n) for space in SPACES for n in (2, 3 * MILLION, 5 * MILLION + 1)]


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> None:
    last = max(SECOND.values())
    monkeypatch.setattr(proof, "FIRST", FIRST)
    monkeypatch.setattr(proof, "SECOND", SECOND)
    monkeypatch.setattr(proof, "ABSENT", ABSENT)
    assert last < 1 << 62


@pytest.mark.usefixtures("moving")
@pytest.mark.parametrize(
    "proved",
    [
        proof.test_nothing_that_is_stored_may_be_missing,
        proof.test_nothing_may_be_as_it_was_before,
        proof.test_nothing_may_stand_under_another_key,
    ],
)
@pytest.mark.parametrize("shelved", (True, False))
def test_as_identities_are(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    proved: Callable[[Path, int], None],
    shelved: bool,
) -> None:
    monkeypatch.setattr(identities_module, "SHELVES_FROM", 1 if shelved else 1 << 60)
    proved(tmp_path, 1 if shelved else 1 << 30)


@pytest.mark.usefixtures("moving")
@pytest.mark.parametrize("name", (PAGES, SHELVES, COUNTS))
def test_nothing_may_be_of_another_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The same originals, in pages of one number: what is written of one is none of another's."""
    monkeypatch.setattr(identities_module, "SHELVES_FROM", 1)
    _, after = proof.make(tmp_path / "made")
    for one, other in permutations(SPACES, 2):
        folder = tmp_path / f"{one}{other}"
        proof.make(folder)
        found = [sorted(key for key in after if in_space(key, name, at)) for at in (one, other)]
        assert found[0] and found[1]
        changes = {to: after[of] for of, to in zip(*found, strict=False)}
        proof.put(folder, proof.ORIGIN, {**changes})
        assert proof.noticed(folder), (one, other)


def in_space(key: tuple[str, bytes], name: str, space: int) -> bool:
    """Returns True when it is a key of a database that says something of a space."""
    number = int.from_bytes(key[1][:4], "big") << (8 if name == COUNTS else 0)
    return key[0] == name and number >> 28 == space


def test_any_flipped_bit_of_a_page_or_a_shelf_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = keyed(Space.TAKEN_BACK, 70), keyed(Space.TAKEN_BACK, 90)
    monkeypatch.setattr(proof, "FIRST", {one: 500, two: 600})
    monkeypatch.setattr(proof, "SECOND", {one: 700})
    monkeypatch.setattr(proof, "ABSENT", [keyed(Space.TAKEN_BACK, 71)])
    _, after = proof.make(tmp_path / "made")
    for (name, key), value in after.items():
        if name not in (PAGES, SHELVES):
            continue
        for bit in range(0, 8 * len(value), 5):
            changed = bytearray(value)
            changed[bit // 8] ^= 1 << bit % 8
            folder = tmp_path / f"{name}{bit}"
            proof.make(folder)
            proof.put(folder, proof.ORIGIN, {(name, key): bytes(changed)})
            assert proof.noticed(folder), (name, bit)


def keys_of(found: dict[int, int], space: int) -> NDArray[np.void]:
    rows = identity_pages.in_space(space, np.array(list(found), np.uint64))
    rows["sequence"] = list(found.values())
    return rows


def test_the_newest_is_found_whatever_the_order(tmp_path: Path) -> None:
    """Of a retirement's keys, and of one that was cut and is done again: against a dict."""
    chance = random.Random(3)
    model: dict[int, dict[int, int]] = {space: {} for space in SPACES}
    index = opened(tmp_path)
    last = 10 * MILLION
    for _ in range(12):
        parts = []
        for space in SPACES:
            originals = [chance.randrange(1, 3000) for _ in range(300)]
            originals += [chance.randrange(1, 9 * MILLION) for _ in range(30)]
            for original in originals:  # the same several times in one retirement
                last += 1
                model[space][original] = last
                parts.append(keys_of({original: last}, space))
        identity = rows_of({(1, 1, last): last})
        chance.shuffle(parts)
        rows = np.concatenate([identity, *parts])
        index.retire(rows, last)
        for space, known in model.items():
            found = index.find(keys_of(dict.fromkeys(known, 0), space))
            assert found.tolist() == list(known.values())
            assert not index.find(keys_of({3001: 0, 9 * MILLION + 5: 0}, space)).any()
        if chance.random() < 0.5:
            index.release()
            index = opened(tmp_path)
    index.check()
    stored = np.concatenate(list(index.moving_in_order()))
    assert len(stored) == sum(map(len, model.values()))
    assert len(np.concatenate(list(index.in_order()))) == 12
    assert all(gap.terminal == 1 for gap in index.gaps())
    index.release()


class Cut(Exception):
    pass


def test_a_retirement_that_is_cut_anywhere_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page a transaction, and an end after each of them: byte for byte what one run gives."""
    monkeypatch.setattr(identities_module, "PAGES_A_COMMIT", 1)
    second = FIRST | SECOND
    whole = proof_of(tmp_path / "whole", second)
    commits = sum(name == PAGES for name, _ in whole)
    assert commits > 8
    for cut in range(commits - 1):
        left = [cut]

        def stop(name: str, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0 and name == "mid_identities":
                raise Cut

        folder = tmp_path / str(cut)
        index = opened(folder)
        index.retire(rows_of(FIRST), 4 * MILLION * 5)
        monkeypatch.setattr(identities_module, "here", stop)
        with pytest.raises(Cut):
            index.retire(rows_of(second), max(second.values()))
        monkeypatch.setattr(identities_module, "here", here)
        index.release()
        assert proof_of(folder, second) == whole


def proof_of(folder: Path, rows: dict[Key, int]) -> proof.Values:
    """What is stored once FIRST, and then these, are retired; all of it is found."""
    index = opened(folder)
    index.retire(rows_of(FIRST), 4 * MILLION * 5)
    index.retire(rows_of(rows), max(rows.values()))
    assert index.find(rows_of(rows)).tolist() == list(rows.values())
    index.check()
    index.release()
    with proof.stored(folder) as (_, found):
        return found
