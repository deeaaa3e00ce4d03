"""One thing is done to one file: it is refused in one line that says what to do, and whatever is
not concerned goes on."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from onecard.core.erasable import generation
from onecard.core.erasable.erasures import ERASURES
from onecard.core.erasable.row import Row
from onecard.core.erasable.store import ErasableStore
from onecard.core.erasable.store_file import ERASABLE, NAMES, SUBJECTS
from onecard.core.erasable.store_key import STORE_KEY
from onecard.core.erasable.subject import Field, Subject, SubjectKind, Value
from onecard.core.errors import (
    DiskLow,
    LedgerFault,
    LedgerForeign,
    LedgerMissing,
    MapFull,
    OnecardError,
    WriteFailed,
)
from onecard.core.storage.environment import DATA_FILE, Environment
from onecard.ext.shape.numbers import Store
from tests.crash.test_disk import MIB, SmallDisk, disk  # noqa: F401  # a fixture
from tests.erasable.kept import LEDGER_ID, card, every_byte, numbers, opened, printed, traces

NEWEST = "00000001"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten cards, of which the last is erased; closed."""
    folder = tmp_path_factory.mktemp("kept") / "ledger"
    with opened(folder) as store:
        store.put(numbers(1, 10))
        store.erase([card(10)], 1)
    return folder


@pytest.fixture
def kept(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "ledger"))


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def rows(folder: Path, change: Callable[[dict[int, bytes]], dict[int, bytes]]) -> None:
    """Exchange rows by card number, as somebody would who has the file and not the key."""
    store = folder / ERASABLE
    path = generation.folder_of(store, generation.newest(store))
    with Environment(path, NAMES) as environment, environment.write(SUBJECTS) as txn:
        found = {number: bytes(txn.get(card(number).key) or b"") for number in range(1, 10)}
        for number, packed in change(found).items():
            txn.put(card(number).key, packed)


def parsed(packed: bytes) -> Row:
    row = Row.parse(packed)
    assert row is not None
    return row


def with_value(packed: bytes, sealed: bytes) -> bytes:
    row = parsed(packed)
    row.sealed[Field.NUMBER] = sealed
    return row.packed()


def with_wrapped(packed: bytes, wrapped: bytes) -> bytes:
    row = parsed(packed)
    row.wrapped = wrapped
    return row.packed()


def flipped(part: bytes, at: int) -> bytes:
    return part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]


VALUES = {  # what becomes of the rows of cards 1 and 2; a put finds the key damaged
    "a bit of a value": (lambda r: {1: with_value(r[1], flipped(value(r[1]), 20))}, [1], 0),
    "a bit of its nonce": (lambda r: {1: with_value(r[1], flipped(value(r[1]), 0))}, [1], 0),
    "a value cut short": (lambda r: {1: with_value(r[1], value(r[1])[:7])}, [1], 0),
    "a bit of a key": (
        lambda r: {1: with_wrapped(r[1], flipped(parsed(r[1]).wrapped, 20))},
        [1],
        1,
    ),
    "a key cut short": (lambda r: {1: with_wrapped(r[1], b"")}, [1], 1),
    "rows exchanged": (lambda r: {1: r[2], 2: r[1]}, [1, 2], 1),
    "values exchanged": (
        lambda r: {1: with_value(r[1], value(r[2])), 2: with_value(r[2], value(r[1]))},
        [1, 2],
        0,
    ),
    "no row": (lambda r: {1: b"otherwise"}, [1], 1),
    "nothing": (lambda r: {1: b"\0"}, [1], 1),
    "a row of another layout": (lambda r: {1: b"\2" + r[1][1:]}, [1], 1),
}


def value(packed: bytes) -> bytes:
    return parsed(packed).sealed[Field.NUMBER]


@pytest.mark.parametrize("what", VALUES)
def test_a_damaged_value_concerns_nobody_else(kept: Path, what: str) -> None:
    change, damaged, lost = VALUES[what]
    rows(kept, change)
    with opened(kept) as store:
        for number in range(1, 10):
            if number not in damaged:
                assert store.get(card(number), Field.NUMBER) == printed(number)
                continue
            with pytest.raises(LedgerFault, match="the number of a card as it was sealed") as told:
                store.get(card(number), Field.NUMBER)
            assert printed(number) not in str(told.value)
            assert f"{card(number).id:x}" not in str(told.value)
        assert store.put(numbers(1, 1)) == lost  # sent again, it is whole again
        assert store.get(card(1), Field.NUMBER) == printed(1)
        assert store.erase([card(number) for number in damaged], 7) == len(damaged)


def test_a_value_of_another_field_or_kind_does_not_open(tmp_path: Path) -> None:
    holder = Subject(SubjectKind.HOLDER, card(1).id)
    with opened(tmp_path) as store:
        store.put([Value(holder, Field.NAME, "a"), Value(holder, Field.BANK_ACCOUNT, "b")])
        store.put(numbers(1, 1))
    path = tmp_path / ERASABLE / NEWEST
    with Environment(path, NAMES) as environment, environment.write(SUBJECTS) as txn:
        packed = bytes(txn.get(holder.key) or b"")
        row = parsed(packed)
        row.sealed[Field.NAME] = row.sealed[Field.BANK_ACCOUNT]
        txn.put(card(1).key, packed)
        txn.put(holder.key, row.packed())
    with opened(tmp_path) as store:
        for subject, field in ((holder, Field.NAME), (card(1), Field.NAME)):
            with pytest.raises(LedgerFault, match="changed or damaged"):
                store.get(subject, field)
        assert store.get(holder, Field.BANK_ACCOUNT) == "b"


REFUSED = [  # what is done, of which error, and what it says
    ("no key", lambda p: (p / STORE_KEY).unlink(), LedgerMissing, "found none; restore it"),
    ("another key", lambda p: flip(p / STORE_KEY, 3), LedgerForeign, "restore this ledger's own"),
    ("half a key", lambda p: (p / STORE_KEY).write_bytes(bytes(7)), LedgerForeign, "found 7"),
    ("a key for all", lambda p: (p / STORE_KEY).chmod(0o640), LedgerForeign, "chmod 600"),
    (
        "a store cut short",
        lambda p: (p / ERASABLE / "00000002" / DATA_FILE).write_bytes(b""),
        LedgerForeign,
        "found an empty file; restore it",
    ),
    (
        "no data file",
        lambda p: (p / ERASABLE / "00000002" / DATA_FILE).unlink(),
        LedgerMissing,
        "found none; check the path or restore",
    ),
    (
        "erasures cut short",
        lambda p: (p / ERASURES).write_bytes((p / ERASURES).read_bytes()[:-30]),
        LedgerFault,
        "put its newest copy back",
    ),
    ("no erasures", lambda p: (p / ERASURES).unlink(), LedgerFault, "put its newest copy back"),
    (
        "others of another ledger",
        lambda p: (p / ERASURES).write_text("#erasures,format,1,ledger,00\n" + "0" * 200),
        LedgerForeign,
        "put this ledger's back",
    ),
    (
        "a line that was changed",
        lambda p: (p / ERASURES).open("a").write("CARD,0000000000000001,5,0000000000000000\n"),
        LedgerFault,
        "with its checksum before byte",
    ),
    (
        "a line that is none",
        lambda p: (p / ERASURES).open("a").write("something\n"),
        LedgerFault,
        "with its checksum before byte",
    ),
]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(("what", "do", "error", "said"), REFUSED, ids=[one[0] for one in REFUSED])
def test_it_is_refused_and_says_what_to_do(
    kept: Path, what: str, do: Callable[[Path], object], error: type[OnecardError], said: str
) -> None:
    do(kept)
    before = every_byte(kept)
    with pytest.raises(error, match=said) as told:
        opened(kept)
    assert "\n" not in str(told.value)
    assert every_byte(kept) == before


def test_another_cipher_or_ledger_is_refused(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(LedgerForeign, match="expected a store with"):
        opened(kept, ledger_id=bytes(16))
    with pytest.raises(LedgerForeign, match="expected a store with"):
        opened(kept, Store.SM4_GCM)
    with opened(tmp_path / "other"):
        pass
    shutil.copy(tmp_path / "other" / STORE_KEY, kept / STORE_KEY)
    with pytest.raises(LedgerForeign, match="found another one or a damaged one"):
        opened(kept)


def test_half_a_line_that_a_kill_left_is_taken_away(kept: Path) -> None:
    whole = (kept / ERASURES).read_bytes()
    (kept / ERASURES).write_bytes(whole + b"CARD,0000")
    with opened(kept) as store:
        assert (kept / ERASURES).read_bytes() == whole
        assert store.erase([card(9)], 2) == 1


@pytest.mark.parametrize("size", [0, 1, 30])
def test_half_a_first_line_that_a_kill_left_is_none(tmp_path: Path, size: int) -> None:
    with opened(tmp_path) as store:
        store.put(numbers(1, 2))
        store.erase([card(9)], 1)
    head = (tmp_path / ERASURES).read_bytes()[:size]
    shutil.rmtree(tmp_path / ERASABLE)
    (tmp_path / ERASURES).write_bytes(head)
    with opened(tmp_path) as store:
        store.put(numbers(1, 2))
        assert store.get(card(1), Field.NUMBER) == printed(1)
        assert store.erase([card(1)], 2) == 1
        assert store.get(card(1), Field.NUMBER) is None
    with opened(tmp_path) as store:
        assert store.counts().subjects == 1


def test_every_bit_of_an_erasure_is_checked(kept: Path) -> None:
    """Also of a line that was carried out: a restore goes by it again."""
    whole = (kept / ERASURES).read_bytes()
    for at in range(whole.index(b"\n") + 1, len(whole)):
        flip(kept / ERASURES, at)
        with pytest.raises(LedgerFault, match="put its newest copy back"):
            opened(kept)
        (kept / ERASURES).write_bytes(whole)
    with opened(kept):
        pass


# ---- want of room -------------------------------------------------------------------------------


def test_a_full_map_keeps_nothing_of_the_batch_and_goes_on(tmp_path: Path) -> None:
    with ErasableStore.open(tmp_path, LEDGER_ID, Store.AES_GCM, map_bytes=256 << 10) as store:
        store.put(numbers(1, 50))
        with pytest.raises(MapFull, match="map of 262144 bytes is full"):
            store.put(numbers(101, 2_000))
        assert store.get(card(101), Field.NUMBER) is None
        store.put(numbers(101, 1))
        assert store.counts().subjects == 51


def test_f8_a_full_disk_keeps_nothing_and_erases_without_wiping(disk: SmallDisk) -> None:  # noqa: F811
    folder = disk.path / "ledger"
    with opened(folder) as store:
        store.put(numbers(1, 2_000))
    gone = [card(number) for number in range(1, 51)]
    found_by = traces(folder, gone)
    with opened(folder) as store:
        disk.leave(MIB - 4096)
        with pytest.raises(DiskLow, match="make room"):
            store.put(numbers(5_000, 1))
        store._file.spare_bytes = 0
        with pytest.raises(MapFull, match="make room"):
            store.put(numbers(5_000, 9_000))
        with pytest.raises(OnecardError, match=r"not erased: .*/erasures: No space left"):
            store.erase(gone, 5)
        store._file.spare_bytes = MIB
        disk.clear()
        disk.leave(MIB - 4096)
        assert store.get(card(7), Field.NUMBER) == printed(7)
        # Enough for what is erased, and not for the file made anew beside what the journal needs.
        with pytest.raises(DiskLow, match=r"make room and start again.*unreadable already"):
            store.erase(gone, 5)
        assert store.get(card(7), Field.NUMBER) is None
        assert store.get(card(70), Field.NUMBER) == printed(70)
    with opened(folder) as store:
        assert "make room" in str(store.unwiped)
        assert store.get(card(7), Field.NUMBER) is None
        disk.clear()
        store.sweep(0)
        assert store.unwiped is None
    held = every_byte(folder)
    assert not [one for one in gone if any(part in held for part in found_by[one])]


def test_a_disk_that_fails_is_not_written_to_again(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(kept) as store:
        with store._file.alone() as environment:
            environment.failed = WriteFailed("Input/output error")
        for _ in range(2):
            with pytest.raises(WriteFailed, match="until this process is started again"):
                store.put(numbers(20, 1))
        assert store.get(card(1), Field.NUMBER) == printed(1)
    with opened(kept) as store:
        store.put(numbers(20, 1))
