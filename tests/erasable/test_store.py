"""The store as it is called: what was put is had again by whoever holds the key, and no other."""

import threading
from pathlib import Path

import pytest

from onecard.core.erasable.cipher import KEY_BYTES
from onecard.core.erasable.store import PART_ROWS
from onecard.core.erasable.store_key import STORE_KEY
from onecard.core.erasable.subject import Field, Subject, SubjectKind, Value
from onecard.core.errors import BadInput
from onecard.ext.shape.numbers import Store
from tests.erasable.kept import DAY, card, numbers, opened, printed

HOLDER = Subject(SubjectKind.HOLDER, 7)
BOTH = pytest.mark.parametrize("cipher", Store)


@BOTH
def test_what_was_put_is_had_again_also_after_a_restart(tmp_path: Path, cipher: Store) -> None:
    values = [
        Value(card(1), Field.NUMBER, "3104995012345678"),
        Value(HOLDER, Field.NAME, "欧阳·𠮷"),
        Value(HOLDER, Field.BIRTH_DATE, "2001-02-03"),
        Value(Subject(SubjectKind.CARD, 7), Field.NUMBER, "another kind with the same id"),
    ]
    with opened(tmp_path, cipher) as store:
        assert store.put(values) == 0
        assert store.put([Value(HOLDER, Field.NAME, "欧阳")]) == 0
    with opened(tmp_path, cipher) as store:
        for subject, field, text in values:
            assert store.get(subject, field) == ("欧阳" if field == Field.NAME else text)
        assert store.get(HOLDER, Field.BANK_ACCOUNT) is None
        assert store.get(card(2), Field.NUMBER) is None
        assert store.counts()[:2] == (3, 0)
    assert (tmp_path / STORE_KEY).stat().st_size == KEY_BYTES[cipher]
    assert not any(path.stat().st_mode & 0o077 for path in tmp_path.rglob("*"))


def test_many_are_kept_in_parts_and_the_last_text_counts(tmp_path: Path) -> None:
    values = numbers(1, PART_ROWS + 10)
    with opened(tmp_path) as store:
        store.put([*values, Value(card(5), Field.NUMBER, "5")], DAY)
        assert store.counts()[:2] == (len(values), len(values))
        for number in (1, PART_ROWS, PART_ROWS + 10):
            assert store.get(card(number), Field.NUMBER) == printed(number)
        assert store.get(card(5), Field.NUMBER) == "5"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Value(card(1), Field.NUMBER, ""), "number: expected 1 to 255 bytes, found 0"),
        (Value(card(1), Field.NAME, "名" * 86), "name: expected 1 to 255 bytes, found 258"),
        (Value(card(1), Field.NUMBER, "\ud800"), "expected UTF-8"),
        (Value(Subject(SubjectKind.CARD, 0), Field.NUMBER, "1"), "subject: expected"),
        (Value(Subject(SubjectKind.HOLDER, 1 << 64), Field.NUMBER, "1"), "subject: expected"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_of_the_batch_is(
    tmp_path: Path, value: Value, said: str
) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(BadInput, match=said):
            store.put([*numbers(10, 3), value])
        assert store.counts().subjects == 0


def test_the_longest_texts_fit_into_one_row(tmp_path: Path) -> None:
    """A row in pages of its own would not be copied by the rules that wiping goes by."""
    longest = [Value(HOLDER, field, chr(0x30 + field) * 255) for field in Field]
    with opened(tmp_path) as store:
        store.put(longest, DAY)
        assert [store.get(HOLDER, field) for field in Field] == [value.text for value in longest]
        with store._file.shared() as environment, environment.read() as txn:
            assert txn.stat(environment.database("subjects"))["overflow_pages"] == 0


def test_a_sweep_forgets_what_was_kept_last_before_a_day(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for day in (DAY, DAY + 1, DAY + 2):
            store.put(numbers(100 * (day - DAY), 50), day)
        store.put(numbers(0, 10), DAY + 2)  # sent again: kept as long again
        store.put([Value(HOLDER, Field.NAME, "until it is erased")])
        assert store.sweep(DAY) == 0
        assert store.sweep(DAY + 1) == 40
        assert store.get(card(9), Field.NUMBER) == printed(9)
        assert store.get(card(10), Field.NUMBER) is None
        assert store.sweep(DAY + 3) == 110
        assert store.counts()[:2] == (1, 0)
        assert store.get(HOLDER, Field.NAME) is not None


def test_what_was_erased_may_be_kept_again(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.put(numbers(1, 3))
        assert store.erase([card(1), card(99)], 1_000_000) == 1
        store.put(numbers(1, 1))
    for _ in range(2):
        with opened(tmp_path) as store:
            assert store.get(card(1), Field.NUMBER) == printed(1)
            assert store.counts().subjects == 3


def test_threads_take_turns(tmp_path: Path) -> None:
    """One writes, one erases, two read: nobody meets a file that is made anew under them."""
    failed: list[BaseException] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                assert store.get(card(1), Field.NUMBER) == printed(1)
        except BaseException as error:
            failed.append(error)

    with opened(tmp_path) as store:
        store.put(numbers(1, 100))
        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for number in range(2, 8):
            store.erase([card(number)], 1)
            store.put(numbers(100 * number, 50))
        done.set()
        for reader in readers:
            reader.join()
        assert not failed
        assert store.counts().subjects == 100 - 6 + 6 * 50
