"""Memory of a map is given back, and nothing that was in it is lost."""

import threading
from pathlib import Path

from onecard.core.config import MIB
from onecard.core.storage import unmap
from onecard.core.storage.environment import Environment
from onecard.core.storage.unmap import MAPS

VALUE_BYTES = 1 << 16
VALUES = 256  # 16 MiB in all


def resident_bytes(file: Path) -> int:
    """Of all maps of a file, as the kernel counts them."""
    total, ours = 0, False
    for line in (MAPS.parent / "smaps").read_text().splitlines():
        if "-" in line.split(" ", 1)[0]:
            ours = line.endswith(str(file))
        elif ours and line.startswith("Rss:"):
            total += int(line.split()[1]) << 10
    return total


def read_all(store: Environment) -> int:
    total = 0
    with store.read("values") as txn, txn.cursor() as cursor:
        for key, value in cursor:
            assert bytes(value) == bytes(key) * (VALUE_BYTES // 4)
            total += len(value)
    return total


def test_what_was_read_is_given_back(tmp_path: Path) -> None:
    with Environment(tmp_path / "s", ("values",), map_bytes=64 * MIB, create=True) as store:
        with store.write("values") as txn:
            for number in range(VALUES):
                key = number.to_bytes(4, "big")
                txn.put(key, key * (VALUE_BYTES // 4))
        file = tmp_path / "s" / "data.mdb"
        assert read_all(store) == VALUES * VALUE_BYTES
        assert resident_bytes(file) >= VALUES * VALUE_BYTES
        unmap.unmap(store)
        assert resident_bytes(file) < MIB
        assert read_all(store) == VALUES * VALUE_BYTES


def test_others_read_meanwhile(tmp_path: Path) -> None:
    with Environment(tmp_path / "s", ("values",), map_bytes=64 * MIB, create=True) as store:
        with store.write("values") as txn:
            for number in range(VALUES):
                key = number.to_bytes(4, "big")
                txn.put(key, key * (VALUE_BYTES // 4))
        read: list[int] = []
        readers = [
            threading.Thread(target=lambda: read.extend(read_all(store) for _ in range(20)))
            for _ in range(3)
        ]
        for reader in readers:
            reader.start()
        while any(reader.is_alive() for reader in readers):
            unmap.unmap(store)
        assert read == [VALUES * VALUE_BYTES] * 60


def test_an_empty_store_has_nothing_to_give(tmp_path: Path) -> None:
    with Environment(tmp_path / "s", (), map_bytes=MIB, create=True) as store:
        unmap.unmap(store)
