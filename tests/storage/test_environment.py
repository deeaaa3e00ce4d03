"""Environments: opened as promised, and a file that is not one of ours is refused by name."""

import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import lmdb
import pytest

from onecard.core.errors import LedgerFault, LedgerForeign, LedgerMissing, OnecardError
from onecard.core.storage import environment
from onecard.core.storage.environment import Environment, MapFull

MIB = 1 << 20


def made(path: Path, transactions: int = 5) -> Path:
    with Environment(path, ("things",), map_bytes=MIB, create=True) as opened:
        for number in range(transactions):
            with opened.write("things") as txn:
                txn.put(number.to_bytes(8, "big"), bytes([number]) * 5000)
    return path


def test_it_is_opened_for_durability(tmp_path: Path) -> None:
    with Environment(made(tmp_path / "env"), ("things",), map_bytes=2 * MIB) as opened:
        flags = opened._env.flags()
        wanted = {"sync": True, "metasync": True, "writemap": False, "map_async": False}
        wanted |= {"subdir": True, "lock": True, "readahead": True, "meminit": True}
        assert {name: flags[name] for name in wanted} == wanted  # type: ignore[literal-required]
        assert opened.lib_version[:2] == (0, 9)
        assert opened._env.max_readers() == 512
        assert opened.map_bytes == 2 * MIB
        assert opened.bytes_used == opened.pages_used * opened.page_bytes
        with opened.read("things") as txn:
            assert bytes(txn.get((3).to_bytes(8, "big")) or b"") == b"\3" * 5000
    assert (tmp_path / "env" / "data.mdb").stat().st_mode & 0o077 == 0
    with Environment(tmp_path / "env", ("things",), readonly=True) as opened:
        assert opened.map_bytes == MIB or opened.map_bytes == 2 * MIB


@pytest.mark.parametrize("page", [0, 1])
@pytest.mark.parametrize("bit", [47, 55, 63])
def test_a_map_nobody_can_have_is_damage_and_not_waited_for(
    tmp_path: Path, page: int, bit: int
) -> None:
    file = made(tmp_path / "env") / environment.DATA_FILE
    content = bytearray(file.read_bytes())
    content[4096 * page + 32 + bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
    with pytest.raises(LedgerFault, match=f"with a map of at most .* in meta page {page}"):
        Environment(tmp_path / "env", ("things",), map_bytes=2 * MIB)


def test_a_full_map_changes_nothing_and_the_store_goes_on(tmp_path: Path) -> None:
    with Environment(made(tmp_path / "env"), ("things",), map_bytes=MIB) as opened:
        with pytest.raises(MapFull, match="the map of 1048576 bytes is full"):
            with opened.write("things") as txn:
                txn.put(b"small", b"1")
                txn.put(b"large", bytes(2 * MIB))
        assert opened.failed is None
        with opened.write("things") as txn:
            assert txn.get(b"small") is None
            txn.put(b"small", b"2")


def test_an_error_inside_a_transaction_takes_it_back(tmp_path: Path) -> None:
    with Environment(made(tmp_path / "env"), ("things",), map_bytes=MIB) as opened:
        with pytest.raises(ZeroDivisionError):
            with opened.write("things") as txn:
                txn.put(b"small", b"1")
                raise ZeroDivisionError
        with opened.read("things") as txn:
            assert txn.get(b"small") is None


def test_a_new_store_wants_an_empty_place_and_an_old_one_a_file(tmp_path: Path) -> None:
    made(tmp_path / "env")
    with pytest.raises(LedgerForeign, match="expected no data file to be there"):
        Environment(tmp_path / "env", map_bytes=MIB, create=True)
    with pytest.raises(LedgerMissing, match="found none"):
        Environment(tmp_path / "none", map_bytes=MIB)
    with pytest.raises(LedgerForeign, match="expected our databases in it"):
        Environment(tmp_path / "env", ("others",), map_bytes=MIB)


def lmdb_one(path: Path) -> None:
    shutil.rmtree(path)
    lmdb.open(str(path), lib_version=1, map_size=MIB).close()


def rewritten(change: Callable[[bytearray], bytes | bytearray]) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        file = path / "data.mdb"
        file.write_bytes(change(bytearray(file.read_bytes())))

    return rewrite


def poked(*places: tuple[str, int, int]) -> Callable[[Path], None]:
    def poke(data: bytearray) -> bytearray:
        for form, at, value in places:
            struct.pack_into(form, data, at, value)
        return data

    return rewritten(poke)


FOREIGN: list[tuple[str, Callable[[Path], None], type[OnecardError], str]] = [
    ("another engine", lmdb_one, LedgerForeign, "LMDB 0.9.*found LMDB 1.0 .data version 3"),
    ("another version", poked(("<I", 20, 9)), LedgerForeign, "found unknown .data version 9"),
    ("empty", rewritten(lambda _: b""), LedgerForeign, "LMDB 0.9 data file, found an empty file"),
    ("a few bytes", rewritten(lambda d: d[:100]), LedgerForeign, "found 100 bytes: it was cut"),
    ("one page", rewritten(lambda d: d[:4096]), LedgerForeign, "two pages or more, found 4096"),
    ("a half", rewritten(lambda d: d[: len(d) // 2]), LedgerForeign, "it was cut short"),
    ("the last page", rewritten(lambda d: d[:-4096]), LedgerForeign, "it was cut short"),
    ("a byte less", rewritten(lambda d: d[:-1]), LedgerForeign, "it was cut short"),
    ("text", rewritten(lambda _: b"card,amount\n" * 999), LedgerForeign, "beginning with b'card"),
    ("zeros", rewritten(lambda d: bytes(len(d))), LedgerForeign, "another format beginning"),
    ("page size 0", poked(("<I", 40, 0)), LedgerFault, "pages of a power of two, found 0"),
    ("page size odd", poked(("<I", 40, 4097)), LedgerFault, "power of two, found 4097"),
    ("page number", poked(("<Q", 4096, 7)), LedgerFault, "meta page 1 reading"),
    ("page flags", poked(("<H", 10, 2)), LedgerFault, "meta page 0 reading"),
    ("magic of the second", poked(("<I", 4096 + 16, 1)), LedgerFault, "meta page 1 reading"),
    ("rolled back", poked(("<Q", 144, 2)), LedgerFault, "neighbouring commits, found 2 and"),
    ("both alike", poked(("<Q", 144, 5), ("<Q", 4240, 5)), LedgerFault, "found 5 and 5"),
]


@pytest.mark.parametrize(("name", "damage", "kind", "said"), FOREIGN, ids=[f[0] for f in FOREIGN])
def test_a_file_that_is_not_one_of_ours_is_refused(
    tmp_path: Path, name: str, damage: Callable[[Path], None], kind: type[OnecardError], said: str
) -> None:
    path = made(tmp_path / "env")
    damage(path)
    for readonly in (False, True):
        with pytest.raises(kind, match=said) as raised:
            Environment(path, ("things",), map_bytes=MIB, readonly=readonly)
        assert "\n" not in str(raised.value)


def test_an_empty_file_is_not_filled_in(tmp_path: Path) -> None:
    path = made(tmp_path / "env")
    (path / "data.mdb").write_bytes(b"")
    with pytest.raises(LedgerForeign):
        Environment(path, ("things",), map_bytes=MIB)
    assert (path / "data.mdb").read_bytes() == b""


def test_every_number_of_commits_is_opened(tmp_path: Path) -> None:
    for transactions in range(12):
        path = made(tmp_path / str(transactions), transactions)
        assert environment.structure(path) == []
        with Environment(path, ("things",), readonly=True) as opened, opened.read("things") as txn:
            assert txn.stat(opened.database("things"))["entries"] == transactions
