"""What is forgotten is found in no byte of the folder, and does not come back with an old copy."""

import random
import shutil
from pathlib import Path

import pytest

from onecard.core.erasable.erasures import ERASURES
from onecard.core.erasable.store_file import ERASABLE, StoreFile
from onecard.core.erasable.subject import Field
from onecard.ext.shape.numbers import Store
from tests.erasable.kept import DAY, card, every_byte, numbers, opened, printed, traces


def churned(path: Path, cipher: Store) -> None:
    """1,000 subjects, put in small parts and again in another order: LMDB reuses pages in memory
    and on disk, so that bytes of one come to stand in gaps of another's."""
    values = numbers(1, 1_000)
    with opened(path, cipher) as store:
        for seed in (1, 2, 3):
            random.Random(seed).shuffle(values)
            for first in range(0, 1_000, 100):
                store.put(values[first : first + 100], DAY + seed)


@pytest.mark.parametrize("cipher", Store)
def test_of_a_hundred_erased_of_a_thousand_nothing_is_found(tmp_path: Path, cipher: Store) -> None:
    churned(tmp_path, cipher)
    gone = [card(number) for number in range(1, 1_001, 10)]
    before = traces(tmp_path, gone)
    held = every_byte(tmp_path)
    assert all(part in held for parts in before.values() for part in parts)
    with opened(tmp_path, cipher) as store:
        assert store.erase(gone, 5) == 100
        assert [store.get(one, Field.NUMBER) for one in gone] == [None] * 100
        while_open = every_byte(tmp_path)
    for held in (while_open, every_byte(tmp_path)):
        assert not [one for one, parts in before.items() if any(part in held for part in parts)]
    with opened(tmp_path, cipher) as store:
        kept = {number for number in range(1, 1_001) if store.get(card(number), Field.NUMBER)}
    assert kept == {number for number in range(1, 1_001) if number % 10 != 1}


def test_nothing_is_found_of_what_was_swept(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.put(numbers(1, 50), DAY)
        store.put(numbers(51, 50), DAY + 1)
    before = traces(tmp_path, [card(number) for number in range(1, 51)])
    with opened(tmp_path) as store:
        assert store.sweep(DAY + 1) == 50
    held = every_byte(tmp_path)
    assert not [part for parts in before.values() for part in parts if part in held]


def test_a_number_is_in_no_file_as_it_is(tmp_path: Path) -> None:
    churned(tmp_path, Store.AES_GCM)
    held = every_byte(tmp_path)
    for number in range(1, 1_001):
        assert printed(number).encode() not in held


def test_deleting_alone_would_leave_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why the file is made anew, as the page says."""
    churned(tmp_path, Store.AES_GCM)
    gone = [card(number) for number in range(1, 1_001, 10)]
    before = traces(tmp_path, gone)
    with monkeypatch.context() as patched:
        patched.setattr(StoreFile, "wipe", lambda self: None)
        with opened(tmp_path) as store:
            store.erase(gone, 5)
            assert store.get(gone[0], Field.NUMBER) is None
    held = every_byte(tmp_path)
    assert any(part in held for parts in before.values() for part in parts)
    with opened(tmp_path):  # the next opening does what was left
        pass
    held = every_byte(tmp_path)
    assert not any(part in held for parts in before.values() for part in parts)


def test_erasures_newer_than_the_store_are_carried_out_before_anything_is_read(
    tmp_path: Path,
) -> None:
    ledger, copy = tmp_path / "ledger", tmp_path / "copy"
    with opened(ledger) as store:
        store.put(numbers(1, 20))
        store.erase([card(1)], 1)
        store.put(numbers(1, 1))
    shutil.copytree(ledger / ERASABLE, copy)
    with opened(ledger) as store:
        store.erase([card(2), card(3)], 2)
    shutil.rmtree(ledger / ERASABLE)
    copy.rename(ledger / ERASABLE)
    before = traces(ledger, [card(2), card(3)])
    with opened(ledger) as store:
        known = [store.get(card(number), Field.NUMBER) is not None for number in (1, 2, 3, 4)]
        assert known == [True, False, False, True]  # the first was kept again after its erasure
    held = every_byte(ledger)
    assert not any(part in held for parts in before.values() for part in parts)


def test_another_process_erases_and_this_one_reads_nothing_of_it(tmp_path: Path) -> None:
    """As if: the line is there, and whoever wrote it was killed."""
    with opened(tmp_path / "a") as store:
        store.put(numbers(1, 3))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    with opened(tmp_path / "b") as store:
        store.erase([card(2)], 9)
    with opened(tmp_path / "a") as store:
        assert store.get(card(2), Field.NUMBER) == printed(2)
        shutil.copy(tmp_path / "b" / ERASURES, tmp_path / "a" / ERASURES)
        assert store.get(card(2), Field.NUMBER) is None
        assert store.counts().subjects == 2
