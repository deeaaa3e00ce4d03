"""Random calls beside a dictionary, and random bits of the file: never another text, never a trace
of what was forgotten. A failure names its seed, which draws the same again."""

import random
import shutil
from pathlib import Path

import pytest

from onecard.core.erasable import generation
from onecard.core.erasable.store import ErasableStore
from onecard.core.erasable.store_file import ERASABLE
from onecard.core.erasable.subject import Field, Subject, SubjectKind, Value
from onecard.core.errors import OnecardError
from onecard.core.storage.environment import DATA_FILE
from onecard.ext.shape.numbers import Store
from tests.erasable.kept import DAY, card, every_byte, numbers, opened, printed, traces

SUBJECTS = [card(number) for number in range(40)]
SUBJECTS += [Subject(SubjectKind.HOLDER, number) for number in range(1, 21)]
Kept = dict[Subject, tuple[int, dict[Field, str]]]  # the day, and the texts


def storm(folder: Path, seed: int, steps: int) -> None:
    rng = random.Random(seed)
    cipher = rng.choice(list(Store))
    model: Kept = {}
    forgotten: list[bytes] = []
    store = opened(folder, cipher)
    for step in range(steps):
        what = rng.choice(["put", "put", "put", "erase", "sweep", "again"])
        day = DAY + step
        if what == "put":
            put(store, model, rng, rng.choice([0, day]))
        elif what == "again":
            store.close()
            store = opened(folder, cipher)
        else:
            gone = rng.sample(SUBJECTS, rng.randint(1, 8))
            if what == "sweep":
                gone = [one for one, (kept, _) in model.items() if 0 < kept < day - 3]
            known = [one for one in gone if one in model]
            store.close()
            forgotten += [part for parts in traces(folder, known).values() for part in parts]
            store = opened(folder, cipher)
            count = store.erase(gone, step) if what == "erase" else store.sweep(day - 3)
            assert count == len(known), seed
            for one in known:
                del model[one]
        for one in SUBJECTS:
            texts = model.get(one, (0, {}))[1]
            assert [store.get(one, field) for field in Field] == [
                texts.get(field) for field in Field
            ], seed
        counts = store.counts()
        assert counts[:2] == (len(model), sum(day > 0 for day, _ in model.values())), seed
    store.close()
    held = every_byte(folder)
    assert not [part for part in forgotten if part in held], seed


def put(store: ErasableStore, model: Kept, rng: random.Random, day: int) -> None:
    values = [
        Value(one, rng.choice(list(Field)), f"text {rng.random()}")
        for one in rng.choices(SUBJECTS, k=rng.randint(1, 20))
    ]
    assert store.put(values, day) == 0
    for one, field, text in values:
        texts = model.get(one, (0, {}))[1]
        model[one] = (day, texts | {field: text})


def flips(folder: Path, seed: int, count: int) -> None:
    """One bit at a time, anywhere in the file: a text is as it was, is not found, or is refused."""
    rng = random.Random(seed)
    whole = folder / "whole"
    with opened(whole) as store:
        store.put(numbers(0, 200), DAY)
        store.erase(SUBJECTS[:5], 1)
    store_folder = whole / ERASABLE
    newest = generation.folder_of(store_folder, generation.newest(store_folder))
    content = (newest / DATA_FILE).read_bytes()
    for number in range(count):
        at, bit = rng.randrange(len(content)), 1 << rng.randrange(8)
        damaged = folder / str(number)
        shutil.copytree(whole, damaged)
        changed = content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]
        (damaged / newest.relative_to(whole) / DATA_FILE).write_bytes(changed)
        wrong = 0
        try:
            with opened(damaged) as store:
                for one in range(200):
                    try:
                        found = store.get(card(one), Field.NUMBER)
                    except OnecardError:
                        wrong += 1
                    else:
                        assert found in (printed(one), None), (seed, at, bit)
                        wrong += found is None
        except OnecardError as error:
            assert "\n" not in str(error)
        else:
            assert wrong <= 6, (seed, at, bit)  # the five that were erased, and one
        shutil.rmtree(damaged)


def test_a_short_storm(tmp_path: Path) -> None:
    for seed in range(2):
        storm(tmp_path / str(seed), seed, 15)


def test_some_bits(tmp_path: Path) -> None:
    flips(tmp_path, 1, 12)


@pytest.mark.campaign
def test_a_long_storm(tmp_path: Path) -> None:
    for seed in range(100, 150):
        storm(tmp_path / str(seed), seed, 40)


@pytest.mark.campaign
def test_a_thousand_bits(tmp_path: Path) -> None:
    flips(tmp_path, 2, 1_000)
