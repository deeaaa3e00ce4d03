"""A folder with subjects in it, and the bytes by which one would be found again."""

from pathlib import Path

from onecard.core.erasable import generation
from onecard.core.erasable.row import Row
from onecard.core.erasable.store import ErasableStore
from onecard.core.erasable.store_file import ERASABLE, NAMES, SUBJECTS
from onecard.core.erasable.subject import Field, Subject, SubjectKind, Value
from onecard.core.storage.environment import Environment
from onecard.ext.shape.numbers import Store

LEDGER_ID = bytes(range(16))
MAP_BYTES = 64 << 20
SPARE_BYTES = 1 << 20
DAY = 20_400


def opened(
    path: Path, cipher: Store = Store.AES_GCM, ledger_id: bytes = LEDGER_ID
) -> ErasableStore:
    path.mkdir(exist_ok=True)
    return ErasableStore.open(path, ledger_id, cipher, SPARE_BYTES, MAP_BYTES)


def card(number: int) -> Subject:
    return Subject(SubjectKind.CARD, (number + 1) * 0x9E3779B97F4A7C15 % (1 << 64))


def printed(number: int) -> str:
    return f"31049950{number:08d}"


def numbers(first: int, count: int) -> list[Value]:
    return [
        Value(card(number), Field.NUMBER, printed(number)) for number in range(first, first + count)
    ]


def traces(path: Path, subjects: list[Subject]) -> dict[Subject, list[bytes]]:
    """Of each: its wrapped key and its sealed values, as they stand in the file now.

    Nothing may have it open in this process.
    """
    found = {}
    folder = path / ERASABLE
    newest = generation.folder_of(folder, generation.newest(folder))
    with Environment(newest, NAMES) as environment, environment.read(SUBJECTS) as txn:
        for subject in subjects:
            row = Row.parse(bytes(txn.get(subject.key) or b""))
            assert row is not None
            found[subject] = [row.wrapped, *row.sealed.values()]
    return found


def every_byte(path: Path) -> bytes:
    """Of all files below a folder, one after the other."""
    return b"\0".join(file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file())
