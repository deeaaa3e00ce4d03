"""Policies by version: their arrays in a block, which is in force, and blocks that lie of them."""

import random
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from onecard.core.errors import LedgerFault
from onecard.core.journal import Draft, Tip, seal
from onecard.core.journal.local import LocalJournal
from onecard.core.ledger.opened import Ledger
from onecard.ext.shape import arrays, dtypes
from onecard.ext.shape.numbers import ArrayType, Effect, Kind, Policy, Record
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from onecard.ext.state.tariff import ARRAYS, arrays_of, of_arrays
from tests.support.algorithms import chosen
from tests.support.handmade import LEDGER_ID, START_US, Hand

FARES = np.array([[0, 300, 500], [301, 0, -1], [501, 401, 0]], np.int32)
BLOB = arrays_of(FARES, 3, 7)
ROW = dtypes.ARRAY_ROW.itemsize
Rows = NDArray[np.void]


def block(
    blob: bytes = BLOB,
    sequence: int = 1,
    version: int = 1,
    network: int = 0,
    from_us: int = 0,
    **row: int,
) -> Draft:
    """A policy as it is sealed into a journal."""
    rows = np.zeros(1, dtypes.POLICY_RECORD)
    said = {"policy": Policy.OD_FARES, "arrays": ARRAYS, "name": b"metro", **row}
    said |= {"sequence": sequence, "version": version, "network": network}
    for name, value in said.items():
        rows[name] = value
    rows["effective_from_us"] = from_us
    draft = Draft.of(Record.TARIFF_SETS, rows, START_US + sequence, blob=blob)
    seal(draft, LEDGER_ID, 1, Tip(last=sequence - 1, epoch=1), chosen())
    return draft


def small() -> State:
    return State(32, 8)


# ---- the arrays -------------------------------------------------------------------------------


def test_a_blob_byte_for_byte() -> None:
    """As docs/ledger.md has it, put together by hand."""
    fares, least = FARES.tobytes(), (7).to_bytes(4, "little")

    def row(name: bytes, shape: tuple[int, ...], offset: int, content: bytes, rank: int) -> bytes:
        numbers = (*shape, *(0,) * (4 - len(shape)), offset, len(content), zlib.crc32(content))
        packed = b"".join(number.to_bytes(4, "little") for number in numbers)
        return name.ljust(16, b"\0") + packed + bytes([ArrayType.INT32, rank, 0, 0])

    begins = 2 * 48, 2 * 48 + 40  # 36 bytes of fares, then up to a multiple of 8
    directory = row(b"fares", (3, 3), begins[0], fares, 2) + row(
        b"entry_min", (1,), begins[1], least, 1
    )
    assert BLOB == directory + fares + bytes(4) + least
    found = of_arrays(BLOB, 2)
    assert (found.stations, found.entry_min_fen) == (3, 7)
    assert found.fares_fen.tolist() == FARES.ravel().tolist()


def test_every_type_and_rank_comes_back() -> None:
    drawn = np.random.default_rng(5)
    made: dict[str, NDArray[np.integer]] = {}
    for number, dtype in arrays.TYPES.items():
        for rank in range(1, arrays.RANK_MAX + 1):
            shape = drawn.integers(1, 5, rank)
            least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
            made[f"a{number}_{rank}"] = drawn.integers(least, most, shape, dtype, endpoint=True)
    blob = arrays.packed(made)
    found = arrays.unpacked(blob, len(made))
    assert list(found) == list(made)
    for name, array in made.items():
        assert found[name].dtype == array.dtype and found[name].tolist() == array.tolist()
    rows = np.frombuffer(blob, dtypes.ARRAY_ROW, len(made))
    assert not (rows["offset"] % 8).any()


def changed(field: str, value: object, at: int = 0) -> Callable[[bytes], bytes]:
    """A blob with one field of its directory changed."""

    def made(blob: bytes) -> bytes:
        rows = np.frombuffer(blob, dtypes.ARRAY_ROW, ARRAYS).copy()
        rows[field][at] = value
        return rows.tobytes() + blob[rows.nbytes :]

    return made


def bytes_at(at: int, value: int) -> Callable[[bytes], bytes]:
    return lambda blob: blob[:at] + bytes([value]) + blob[at + 1 :]


LIES = {  # what is done to a blob -> what is said of it
    "no name": (changed("name", b""), "array 0: expected a name"),
    "another's name": (changed("name", b"fares", 1), "array 1: expected a name"),
    "no characters of a name": (changed("name", b"Fares"), "array 0: expected a name"),
    "more after the name": (bytes_at(9, 97), "array 0: expected a name"),
    "a name that is no tariff's": (changed("name", b"fare"), "the arrays of an OD tariff"),
    "no type": (changed("type", 0), "array fares: unknown type 0"),
    "an unknown type": (changed("type", 6), "array fares: unknown type 6"),
    "a type of as many bytes": (changed("type", ArrayType.UINT32), "the arrays of an OD tariff"),
    "a wider type": (changed("type", ArrayType.INT64), "array fares: expected 72 bytes"),
    "no rank": (changed("rank", 0), "array fares: expected a shape of its rank 0"),
    "a rank too low": (changed("rank", 1), "array fares: expected a shape of its rank 1"),
    "a rank too high": (changed("rank", 3), "array fares: expected a shape of its rank 3"),
    "a rank beyond all": (changed("rank", 255), "array fares: expected a shape of its rank 255"),
    "a longer shape": (changed("shape", (4, 3, 0, 0)), "array fares: expected 48 bytes"),
    "a shape without an end": (changed("shape", (2**32 - 1, 2**32 - 1, 0, 0)), "array fares: exp"),
    "a shape that wraps to it": (changed("shape", (2**31, 2**31, 0, 0)), "array fares: expected"),
    "a shape of nothing": (changed("shape", (0, 3, 0, 0)), "array fares: expected a shape"),
    "a shape that is no square": (changed("shape", (9, 1, 0, 0)), "the arrays of an OD tariff"),
    "an earlier offset": (changed("offset", 88), "array fares: expected its 36 bytes at 96"),
    "an offset in the directory": (
        changed("offset", 0),
        "array fares: expected its 36 bytes at 96",
    ),
    "a later offset": (changed("offset", 104), "array fares: expected its 36 bytes at 96"),
    "an offset beyond": (changed("offset", 2**32 - 8), "array fares: expected its 36 bytes at 96"),
    "the other's offset": (
        changed("offset", 96, 1),
        "array entry_min: expected its 4 bytes at 136",
    ),
    "fewer bytes": (changed("bytes", 32), "array fares: expected 36 bytes"),
    "more bytes": (changed("bytes", 2**32 - 1), "array fares: expected 36 bytes"),
    "another checksum": (changed("check", 1), "array fares: its checksum"),
    "another fare": (bytes_at(100, 9), "array fares: its checksum"),
    "something between": (bytes_at(2 * ROW + 37, 1), "array entry_min: expected zeros before it"),
    "unused bytes": (changed("unused", b"\1\0"), "array fares: expected a shape"),
    "a byte too few": (
        lambda blob: blob[:-1],
        "array entry_min: expected its 4 bytes at 136 of 139",
    ),
    "a byte too many": (lambda blob: blob + b"\0", "expected its arrays to end the 141 bytes"),
    "half a directory": (lambda blob: blob[:90], "expected a directory of 2 arrays in 90 bytes"),
    "nothing": (lambda blob: b"", "expected a directory of 2 arrays in 0 bytes"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_directory_that_lies_is_refused_by_name(lie: str) -> None:
    make, says = LIES[lie]
    state = small()
    before = state.digest()
    with pytest.raises(ValueError, match=f"^block 1: .*{says}"):
        apply(state, block(make(BLOB)).value)
    assert state.digest() == before
    assert state.policy_in_force(Policy.OD_FARES, 0, START_US) == -1


def test_every_flipped_bit_of_a_directory_is_refused() -> None:
    """And of all else in the blob: none is taken for another tariff."""
    for bit in range(8 * len(BLOB)):
        blob = bytearray(BLOB)
        blob[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="block 1: "):
            apply(small(), block(bytes(blob)).value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"arrays": 0}, "a directory of 0 arrays"),
        ({"arrays": 1}, "array fares"),
        ({"arrays": 3}, "a directory of 3 arrays in 140 bytes"),
        ({"arrays": 65_535}, "a directory of 65535 arrays in"),
        ({"version": 0}, "version 0 of a policy after 0"),
        ({"version": 2}, "version 2 of a policy after 0"),
        ({"policy": 0}, "unknown kind of policy 0"),
        ({"policy": 3}, "unknown kind of policy 3"),
    ],
)
def test_a_row_that_lies_is_refused_by_name(row: dict[str, int], says: str) -> None:
    with pytest.raises(ValueError, match=f"^block 1: .*{says}"):
        apply(small(), block(**row).value)


@pytest.mark.parametrize(
    "made",
    [
        {"fares": FARES},
        {"entry_min": np.zeros(1, np.int32)},
        {"fares": FARES, "entry_min": np.zeros(2, np.int32)},
        {"fares": FARES, "entry_min": np.zeros((1, 1), np.int32)},
        {"fares": FARES[0], "entry_min": np.zeros(1, np.int32)},
        {"fares": FARES, "entry_min": np.zeros(1, np.int32), "more": np.zeros(1, np.int32)},
        {"fares": np.zeros((1025, 1025), np.int32), "entry_min": np.zeros(1, np.int32)},
        {"fares": FARES.astype(np.int64), "entry_min": np.zeros(1, np.int32)},
    ],
)
def test_arrays_that_are_no_tariff_are_refused(made: dict[str, NDArray[np.integer]]) -> None:
    with pytest.raises(ValueError, match="block 1: expected the arrays of an OD tariff, found"):
        apply(small(), block(arrays.packed(made), arrays=len(made)).value)


# ---- in a ledger ------------------------------------------------------------------------------


def ledger_with(folder: Path, blob: bytes) -> None:
    Ledger.create(folder)
    with Ledger.open(folder) as ledger:
        hand = Hand()
        for draft in hand.registry():
            ledger.journal.write([draft])
            apply(ledger.state, draft.value)
        ledger.journal.write([block(blob, hand.last + 1)])


def test_a_block_that_lies_is_a_fault_of_the_ledger(tmp_path: Path) -> None:
    ledger_with(tmp_path / "ledger", changed("check", 1)(BLOB))
    with pytest.raises(LedgerFault, match=r"block .* array fares: its checksum") as refused:
        Ledger.open(tmp_path / "ledger", readonly=True)
    assert len(str(refused.value).splitlines()) == 1


def test_the_checksum_is_asked_when_fares_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a ledger that is opened from its saved pages the block is not applied again."""
    ledger_with(tmp_path / "ledger", BLOB)
    with Ledger.open(tmp_path / "ledger") as ledger:
        fares = ledger.state.fares_of(0).tolist()
        ledger.close(checkpoint=True)
    with Ledger.open(tmp_path / "ledger", readonly=True) as ledger:
        assert ledger.recovery.records == 0
        assert ledger.state.fares_of(0).tolist() == fares == FARES.ravel().tolist()
        assert ledger.state.policy_in_force(Policy.OD_FARES, 0, 0) == 0
    whole = LocalJournal.block_of

    def damaged(journal: LocalJournal, sequence: int) -> object:
        found = whole(journal, sequence)
        assert found is not None
        is_policy = found.record == Record.TARIFF_SETS
        return (
            replace(found, blob=found.blob[:100] + b"\7" + found.blob[101:]) if is_policy else found
        )

    monkeypatch.setattr(LocalJournal, "block_of", damaged)
    with pytest.raises(LedgerFault, match="expected a tariff, found array fares: its checksum"):
        Ledger.open(tmp_path / "ledger", readonly=True)


# ---- which is in force ------------------------------------------------------------------------


def filled(count: int, networks: int) -> tuple[State, list[tuple[int, int, int]]]:
    """A state of so many, some of before there were networks; (network, start, row) of all."""
    drawn = random.Random(3)
    state, known = small(), []
    for number in range(count):
        from_us = drawn.randrange(count // 2 + 1)
        network = drawn.choice((0, 1, 65_535, *range(networks)))
        if number % 4 == 3:
            network, rows = 0, np.zeros(1, dtypes.TARIFF_RECORD)
            rows["sequence"], rows["version"], rows["stations"] = number + 1, number + 1, 1
            rows["effective_from_us"] = from_us
            fares = np.array([number], np.int32).tobytes()
            draft = Draft.of(Record.TARIFFS, rows, START_US + number, blob=fares)
            seal(draft, LEDGER_ID, 1, Tip(last=number, epoch=1), chosen())
        else:
            blob = arrays_of(np.array([number], np.int32), 1, 0)
            draft = block(blob, number + 1, number + 1, network, from_us)
        apply(state, draft.value)
        known.append((network, from_us, number))
    return state, known


def test_a_thousand_policies_are_found() -> None:
    """Held against a walk through all of them, before and after the index was made anew."""
    state, known = filled(1_000, 40)
    for again in (False, True):
        if again:
            state.reindex()
        for network in (0, 1, 7, 39, 40, 65_534, 65_535):
            for at_us in (-1, 0, 1, 2, 100, 250, 499, 500, 1 << 62):
                begun = [one[1:] for one in known if one[0] == network and one[1] <= at_us]
                row = state.policy_in_force(Policy.OD_FARES, network, at_us)
                assert row == (max(begun)[1] if begun else -1), (network, at_us)
                assert row < 0 or state.fares_of(row).tolist() == [row]


def test_a_ledger_has_room_for_as_many_as_there_are_versions() -> None:
    state = small()
    assert len(state.table("policies")) == 65_535
    rows = state.table("policies")
    rows["version"] = np.arange(1, 65_536)
    rows["policy"] = Policy.OD_FARES
    rows["network"] = np.arange(65_535) % 300
    rows["effective_from_us"] = np.arange(65_535) // 300
    state.totals["policies"] = 65_534
    state.totals["last"] = 65_534
    started = time.perf_counter()
    state.reindex()
    assert time.perf_counter() - started < 5
    assert state.policy_in_force(Policy.OD_FARES, 133, 218) == 218 * 300 + 133
    # The last one is not in use yet.
    assert state.policy_in_force(Policy.OD_FARES, 134, 218) == 217 * 300 + 134
    apply(state, block(arrays_of(FARES, 3, 0), 65_535, 65_535, 134, 218).value)
    assert state.policy_in_force(Policy.OD_FARES, 134, 218) == 65_534
    with pytest.raises(ValueError, match="no room for"):
        apply(state, block(arrays_of(FARES, 3, 0), 65_536, 65_536, 134, 219).value)


def test_a_journey_is_of_the_network_of_its_tariff_which_must_be_there() -> None:
    state = small()
    apply(state, block(network=5).value)
    hand = Hand()
    hand.last = 1
    for draft in hand.registry():
        seal(draft, LEDGER_ID, 1, Tip(last=draft.first - 1, epoch=1), chosen())
        apply(state, draft.value)
    rows = np.zeros(1, dtypes.ENTRY)
    said = {"account": 1, "token": 7919, "terminal": 1, "kind": Kind.ENTRY, "outcome": 1}
    for name, value in {**said, "effects": Effect.JOURNEY_OPENED, "place": 2}.items():
        rows[name] = value
    for tariff, network in ((2, None), (1, 5), (0, 0)):
        rows["sequence"] = rows["terminal_seq"] = hand.last + 1
        rows["tariff"] = tariff
        draft = Draft.of(Record.ENTRIES, rows, START_US + 99)
        seal(draft, LEDGER_ID, 1, Tip(last=hand.last, epoch=1), chosen())
        if network is None:
            with pytest.raises(ValueError, match="names what this state has no room for"):
                apply(state, draft.value)
            continue
        apply(state, draft.value)
        hand.last += 1
        assert state.table("travels")[1]["network"] == network
