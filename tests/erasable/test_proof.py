"""`verify` and what is kept beside the journal: each fault is a line, and none is the ledger's."""

import json
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from onecard.core.audit import verify as module
from onecard.core.erasable import generation, proof
from onecard.core.erasable.erasures import ERASURES
from onecard.core.erasable.proof import prove
from onecard.core.erasable.row import Row
from onecard.core.erasable.store import COUNT, DAY, MARK, WRAPS
from onecard.core.erasable.store_file import DAYS, ERASABLE, META, NAMES, SUBJECTS, UNWIPED
from onecard.core.erasable.store_key import STORE_KEY
from onecard.core.erasable.subject import Field, Subject, SubjectKind, Value
from onecard.core.storage.environment import DATA_FILE, Environment, Txn
from onecard.ext.shape.numbers import Store
from tests.crash.test_disk import SmallDisk, disk  # noqa: F401  # a fixture
from tests.erasable.kept import DAY as TODAY
from tests.erasable.kept import LEDGER_ID, card, numbers, opened, printed
from tests.erasable.test_damaged import flip, flipped, parsed, with_value, with_wrapped
from tests.erasable.test_numbers import KEEPING, PRINTED, load
from tests.support.onecard_command import Command, commands
from tests.support.serving import SMALL, register, served

CARDS, SWEPT = range(1, 21), range(11, 21)  # the others are kept until they are erased
HOLDER = Subject(SubjectKind.HOLDER, 7)
ALL = len(CARDS) + 1


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty cards, of which one was erased and came again, another erased for good; a holder."""
    folder = tmp_path_factory.mktemp("proved") / "ledger"
    with opened(folder) as store:
        store.put(numbers(1, 10))
        store.put(numbers(11, 10), TODAY)
        store.erase([card(1), card(77)], 5)
        store.put(numbers(1, 1))
        store.put([Value(HOLDER, Field.NAME, "a"), Value(HOLDER, Field.CITIZEN_NUMBER, "b")])
    return folder


@pytest.fixture
def kept(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template, tmp_path / "ledger"))


def known(tokens: NDArray[np.uint64]) -> NDArray[np.bool_]:
    return np.isin(tokens, np.array([card(number).id for number in CARDS], np.uint64))


def newest(folder: Path) -> Path:
    store = folder / ERASABLE
    return generation.folder_of(store, generation.newest(store))


def change(folder: Path, do: Callable[[Txn, Environment], object]) -> None:
    with Environment(newest(folder), NAMES) as environment, environment.write(SUBJECTS) as txn:
        do(txn, environment)


def row(number: int, make: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Another row of one card."""

    def do(txn: Txn, _: Environment) -> None:
        txn.put(card(number).key, make(bytes(txn.get(card(number).key) or b"")))

    return lambda folder: change(folder, do)


def put(name: str, key: bytes, value: bytes | None) -> Callable[[Path], None]:
    """Another row of any database, or none."""

    def do(txn: Txn, environment: Environment) -> None:
        database = environment.database(name)
        if value is None:
            assert txn.delete(key, db=database)
        else:
            txn.put(key, value, db=database)

    return lambda folder: change(folder, do)


def value_of(packed: bytes) -> bytes:
    return parsed(packed).sealed[Field.NUMBER]


def without_values(packed: bytes) -> bytes:
    return Row(parsed(packed).wrapped, parsed(packed).day).packed()


ONE = "found 1 otherwise, the first of them row"
DAMAGED: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a bit of a value": (
        row(3, lambda packed: with_value(packed, flipped(value_of(packed), 20))),
        [f"expected each value as it was sealed, {ONE}"],
    ),
    "a bit of a key": (
        row(3, lambda packed: with_wrapped(packed, flipped(parsed(packed).wrapped, 20))),
        [f"expected the key of each subject as it was wrapped, {ONE}"],
    ),
    "no row": (row(3, lambda _: b"otherwise"), [f"each row, {ONE}"]),
    "a key of nobody": (put(SUBJECTS, b"\7" * 9, b"\1"), [f"each row, {ONE} 22; send"]),
    "a short key": (put(SUBJECTS, b"\1\2", b"\1"), [f"each row, {ONE} 1; send"]),
    "a key of nothing": (row(3, without_values), [f"something kept under each key, {ONE}"]),
    "a card that is none": (
        lambda folder: keep(folder, numbers(500, 2)),
        ["a card of this ledger for each that is kept, found 2 otherwise"],
    ),
    "not in the order of days": (
        put(DAYS, DAY.pack(TODAY) + card(12).key, None),
        [f"in the order of its days, {ONE}"],
    ),
    "another day": (
        put(DAYS, DAY.pack(TODAY - 9) + card(12).key, b""),
        [f"in the order of days what is kept until then, {ONE} 1; send"],
    ),
    "a day of nobody": (
        put(DAYS, DAY.pack(TODAY) + card(99).key, b""),
        [f"in the order of days what is kept until then, {ONE}"],
    ),
    "a day of no form": (put(DAYS, b"\1", b""), [f"what is kept until then, {ONE} 11; send"]),
    "keys not counted": (
        put(META, WRAPS, COUNT.pack(3)),
        [f"expected {ALL} keys or more counted as wrapped by its own, found 3; put back a copy"],
    ),
    "keys counted in another form": (put(META, WRAPS, b"1"), ["found 0; put back a copy"]),
    "a mark of another form": (
        put(META, MARK, b"\1"),
        ["expected 24 bytes that say up to where erasures were carried out, found 1; put back"],
    ),
    "many at once": (
        lambda folder: [DAMAGED[what][0](folder) for what in ("a day of nobody", "a bit of a key")],
        ["the key of each subject as it was wrapped", "in the order of days what is kept"],
    ),
    "no data file": (lambda folder: (newest(folder) / DATA_FILE).unlink(), ["found none"]),
    "an empty file": (lambda folder: (newest(folder) / DATA_FILE).write_bytes(b""), ["an empty"]),
    "a page of zeros": (
        lambda folder: zeros(newest(folder) / DATA_FILE),
        ["expected sound LMDB pages, found"],
    ),
    "no key": (lambda folder: (folder / STORE_KEY).unlink(), ["found none; restore it"]),
    "another key": (lambda folder: flip(folder / STORE_KEY, 3), ["restore this ledger's own"]),
    "a key for all": (lambda folder: (folder / STORE_KEY).chmod(0o640), ["chmod 600"]),
    "erasures cut short": (
        lambda folder: (folder / ERASURES).write_bytes((folder / ERASURES).read_bytes()[:-30]),
        ["put its newest copy back"],
    ),
    "an erasure that was changed": (
        lambda folder: flip(folder / ERASURES, 70),
        ["with its checksum before byte"],
    ),
    "no erasures": (lambda folder: (folder / ERASURES).unlink(), ["put its newest copy back"]),
}


def zeros(file: Path) -> None:
    """Every page that has a card on it, in use or not."""
    content = file.read_bytes()
    pages = [content[at : at + 4096] for at in range(0, len(content), 4096)]
    file.write_bytes(b"".join(bytes(4096) if card(5).key in page else page for page in pages))


def keep(folder: Path, values: list[Value]) -> None:
    with opened(folder) as store:
        store.put(values)


def test_a_sound_store_is_proved_and_stays_as_it_is(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bytes_but_locks(kept)
    for part_rows in (1, 3, 5_000):
        monkeypatch.setattr(proof, "PART_ROWS", part_rows)
        found = prove(kept, LEDGER_ID, Store.AES_GCM, known)
        assert (found.faults, found.subjects, found.values) == ([], ALL, ALL + 1)
        assert found.line == "21 subjects, 22 values, 2 erasures on record"
    assert bytes_but_locks(kept) == before


def bytes_but_locks(folder: Path) -> list[bytes]:
    """Who reads is on LMDB's own lock."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [file.read_bytes() for file in files if file.name != "lock.mdb"]


@pytest.mark.parametrize("what", DAMAGED)
def test_each_fault_is_a_line(kept: Path, what: str) -> None:
    damage, wanted = DAMAGED[what]
    damage(kept)
    found = prove(kept, LEDGER_ID, Store.AES_GCM, known)
    assert len(found.faults) == len(wanted), found.faults
    for line, said in zip(found.faults, wanted, strict=True):
        assert said in line and line.startswith(str(kept)) and "\n" not in line
        for number in CARDS:
            assert printed(number) not in line and f"{card(number).id:x}" not in line


def test_what_is_not_carried_out_yet_is_no_fault(kept: Path) -> None:
    """Of a copy that is older than the erasures, of which one row is damaged besides."""
    older = Path(shutil.copytree(kept, kept.parent / "older"))
    with opened(kept) as store:
        store.erase([card(3), card(12)], 9)
    row(3, lambda packed: with_value(packed, flipped(value_of(packed), 20)))(older)
    put(DAYS, DAY.pack(TODAY) + card(12).key, None)(older)
    shutil.copy(kept / ERASURES, older / ERASURES)
    found = prove(older, LEDGER_ID, Store.AES_GCM, known)
    assert (found.faults, found.subjects, found.pending) == ([], ALL - 2, 2)
    assert "4 erasures on record; 2 of them are carried out when it is opened next" in found.line
    put(META, UNWIPED, b"1")(older)
    assert prove(older, LEDGER_ID, Store.AES_GCM, known).unwiped
    with opened(older) as store:
        assert store.counts().subjects == ALL - 2
    found = prove(older, LEDGER_ID, Store.AES_GCM, known)
    assert (found.faults, found.pending, found.unwiped) == ([], 0, False)


def test_a_store_of_another_ledger_or_cipher_and_none_at_all(kept: Path, tmp_path: Path) -> None:
    for ledger_id, cipher in ((bytes(16), Store.AES_GCM), (LEDGER_ID, Store.SM4_GCM)):
        [line] = prove(kept, ledger_id, cipher, known).faults
        assert "expected " in line
    found = prove(kept, LEDGER_ID, Store.AES_GCM, None)
    assert (found.faults, found.subjects) == ([], ALL)
    assert prove(tmp_path, LEDGER_ID, Store.AES_GCM, known).line == "none"
    shutil.rmtree(kept / ERASABLE)
    assert prove(kept, LEDGER_ID, Store.AES_GCM, known).line == "none, 2 erasures on record"
    flip(kept / ERASURES, 90)
    assert len(prove(kept, LEDGER_ID, Store.AES_GCM, known).faults) == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_bit_of_its_file_is_named_or_nothing_is_concerned(kept: Path, seed: int) -> None:
    rng = random.Random(seed)
    file = newest(kept) / DATA_FILE
    whole = file.read_bytes()
    named = 0
    for _ in range(40):
        content = bytearray(whole)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        file.write_bytes(content)
        faults = prove(kept, LEDGER_ID, Store.AES_GCM, known).faults
        named += len(faults) > 0
        assert not any("\n" in line for line in faults)
        if not faults:
            with opened(kept) as store:
                assert [store.get(card(n), Field.NUMBER) for n in CARDS] == [*map(printed, CARDS)]
    file.write_bytes(whole)
    assert named


# ---- beside a ledger ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def onecard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with commands(tmp_path_factory.mktemp("typed")) as typed:
        yield typed


def test_the_ledger_has_its_own_verdict(tmp_path: Path, onecard: Command) -> None:
    folder = tmp_path / "ledger"
    with served(folder, settings=KEEPING) as server, server.client() as client:
        register(client)
        load(client, PRINTED)
        done = onecard("verify", folder)  # while it is served
        assert (done.status, done.err) == (0, "")
    count = len(PRINTED)
    sound = onecard("verify", folder)
    said = f"erasable    {count} subjects, {count} values, 0 erasures on record\nok\n"
    assert sound.status == 0 and sound.out.endswith(said)
    file = newest(folder) / DATA_FILE
    with Environment(newest(folder), NAMES) as environment, environment.write(SUBJECTS) as txn:
        key, packed = next(iter(txn.cursor()))
        txn.put(bytes(key), with_value(bytes(packed), b"x" * 40))
    for damage, fault in (
        (lambda: None, "as it was sealed"),
        (lambda: file.write_bytes(b""), "empty"),
    ):
        damage()
        done = onecard("verify", folder)
        assert done.status == 3 and done.err.count("\n") == 1 and fault in done.err
        assert done.err.startswith("FAULT: ") and done.out.endswith(
            "\nok but for the erasable store\n"
        )
        assert done.out.partition("erasable")[0] == sound.out.partition("erasable")[0]
        told = json.loads(onecard("verify", folder, "--json").out)
        assert (told["ok"], told["fault"], len(told["erasable_faults"])) == (False, None, 1)
    shutil.rmtree(folder / ERASABLE)
    assert onecard("verify", folder).out.endswith("erasable    none\nok\n")


def test_a_row_of_no_card_and_a_ledger_at_fault(tmp_path: Path, onecard: Command) -> None:
    """The store of a ledger that has more cards than the copy of the journal."""
    folder, before = tmp_path / "ledger", tmp_path / "before"
    with served(folder, settings=SMALL) as server, server.client() as client:
        register(client)
    shutil.copytree(folder / "journal", before)
    with served(folder, settings=replace(KEEPING)) as server, server.client() as client:
        load(client, PRINTED)
    shutil.rmtree(folder / "checkpoint")
    whole = Path(shutil.move(folder / "journal", tmp_path / "whole"))
    shutil.copytree(before, folder / "journal")
    done = onecard("verify", folder)
    assert done.status == 3
    assert (
        f"for each that is kept, found {len(PRINTED)} otherwise, the first of them row 1"
        in done.err
    )
    shutil.rmtree(folder / "journal")
    shutil.copytree(whole, folder / "journal")
    assert onecard("verify", folder).status == 0
    data = folder / "journal" / "00000001" / DATA_FILE
    data.write_bytes(data.read_bytes().replace(b"Metro", b"metro"))
    done = onecard("verify", folder)
    assert done.status == 3 and "not held against the cards, for the ledger is at fault" in done.out
    assert done.err.count("FAULT: ") == 1 and "digest" in done.err


def test_a_card_that_is_registered_while_it_is_proved_is_one(
    tmp_path: Path, onecard: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ledger"
    with served(folder, settings=SMALL) as server, server.client() as client:
        register(client)
    store_proof = module.store_proof

    def later(*given: object) -> object:
        with served(folder, settings=KEEPING) as server, server.client() as client:
            load(client, PRINTED)
        return store_proof(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "store_proof", later)
    report = module.verify(folder)
    assert report.ok and report.erasable.startswith(f"{len(PRINTED)} subjects")


def test_a_copy_that_is_only_read(disk: SmallDisk, kept: Path) -> None:  # noqa: F811
    copy = shutil.copytree(kept, disk.path / "copy")
    subprocess.run(["mount", "-o", "remount,ro", str(disk.path)], check=True)
    found = prove(copy, LEDGER_ID, Store.AES_GCM, known)
    assert (found.faults, found.subjects) == ([], ALL)


def test_a_disk_that_cannot_be_read_is_a_fault_of_the_store(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Path) -> list[str]:
        raise OSError(5, "Input/output error", "data.mdb")

    monkeypatch.setattr(proof, "structure", fails)
    assert prove(kept, LEDGER_ID, Store.AES_GCM, known).faults == ["data.mdb: Input/output error"]
