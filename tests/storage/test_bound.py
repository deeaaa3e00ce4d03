"""One identity, one entry, over a whole journal; what is retired agrees with it, or is named."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from onecard.core.audit import runs
from onecard.core.audit.bound import Bound, agree
from onecard.core.audit.verify import verify
from onecard.core.checkpoint.identities import Identities
from onecard.core.errors import LedgerFault
from onecard.ext.shape import dtypes
from onecard.ext.shape.numbers import Image, Record
from tests.storage.test_identity import Key, opened, rows_of
from tests.storage.test_identity_forever import Counter
from tests.storage.test_identity_proof import MARK, META, PAGES, Mark, place, put, stored
from tests.storage.test_verify import forge, images, made, rows
from tests.support.engine import SMALL

NO_CHANGE = np.empty(0, dtypes.AFTER_IMAGE)


class Entries(NamedTuple):
    """As much of a block as binds identities."""

    rows: NDArray[np.void]
    images: NDArray[np.void] = NO_CHANGE
    record: int = int(Record.ENTRIES)

    @property
    def first(self) -> int:
        return int(self.rows["sequence"][0])

    @property
    def last(self) -> int:
        return int(self.rows["sequence"][-1])


def block(*keys: Key, first: int) -> Entries:
    found = np.zeros(len(keys), dtypes.ENTRY)
    found["sequence"] = np.arange(first, first + len(keys))
    for name, column in zip(("terminal", "epoch", "terminal_seq"), np.array(keys).T, strict=True):
        found[name] = column
    return Entries(found)


@pytest.fixture(params=[8, 64, 1 << 20], ids=["many runs", "some", "one"])
def bound(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bound]:
    monkeypatch.setattr(runs, "ROWS_A_RUN", request.param)
    monkeypatch.setattr(runs, "ROWS_A_SAMPLE", max(2, request.param // 8))
    monkeypatch.setattr(runs, "SAMPLES_A_RANGE", 3)
    with Bound() as made:
        yield made
        folder = None if made._runs._folder is None else Path(made._runs._folder.name)
    assert folder is None or not folder.exists()


def fill(bound: Bound, count: int = 400) -> dict[Key, int]:
    """Keys in no order, of few terminals."""
    rng = np.random.default_rng(3)
    keys = list(
        dict.fromkeys((int(a), int(a) % 2, int(b)) for a, b in rng.integers(1, 90, (count, 2)))
    )
    for at in range(0, len(keys), 7):
        bound.take(block(*keys[at : at + 7], first=at + 1))
    return {key: at + 1 for at, key in enumerate(keys)}


def test_what_is_bound_comes_in_order(bound: Bound) -> None:
    model = fill(bound)
    found = np.concatenate(list(bound.in_order()))
    assert found.tolist() == rows_of(dict(sorted(model.items()))).tolist()


@pytest.mark.parametrize("where", [0, 3, 200, 390])
def test_an_identity_bound_twice_is_named(bound: Bound, where: int) -> None:
    model = fill(bound)
    key = list(model)[min(where, len(model) - 1)]
    bound.take(block((5000, 0, 1), key, first=9000))
    said = f"terminal {key[0]}, epoch {key[1]}, sequence {key[2]}: expected one entry to bind it"
    with pytest.raises(LedgerFault, match=f"{said}, found entries {model[key]} and 9001"):
        list(bound.in_order())


def test_a_tombstone_binds_its_target_too(bound: Bound) -> None:
    reversal = block((1, 0, 1), (1, 0, 2), first=1)
    tombstone = np.zeros(1, dtypes.AFTER_IMAGE)
    tombstone[0] = (0, Image.VOIDED_IDENTITY, (3 << 32) | 7, 0)
    bound.take(reversal._replace(images=tombstone))
    bound.take(block((1, 3, 7), first=3))
    with pytest.raises(LedgerFault, match=r"epoch 3, sequence 7: .* found entries 1 and 3: it was"):
        list(bound.in_order())


AGREE = [  # what is stored instead -> what is said; None: it agrees
    ("as it is", lambda model: {}, None),
    ("missing", lambda model: {list(model)[17]: None}, "expected entry 18, found none"),
    ("another's", lambda model: {list(model)[17]: 40}, "expected entry 18, found entry 40"),
    ("too many", lambda model: {(4, 0, 500): 40}, "expected none, found entry 40"),
    ("after all", lambda model: {(4000, 0, 5): 40}, "expected none more than the journal has"),
    ("some early", lambda model: {list(model)[210]: 211}, None),
    ("wrong early", lambda model: {list(model)[210]: 212}, "expected identities that entries"),
]


@pytest.mark.parametrize("name, change, said", AGREE, ids=[case[0] for case in AGREE])
def test_what_is_retired_is_held_against_the_journal(
    tmp_path: Path, bound: Bound, name: str, change, said: str | None
) -> None:
    model = fill(bound)
    retired = {key: sequence for key, sequence in model.items() if sequence <= 200}
    for key, sequence in change(model).items():
        retired[key] = sequence
        if sequence is None:
            del retired[key]
    identities = opened(tmp_path)
    identities.retire(rows_of(retired), 200)
    if said is None:
        assert agree(bound, identities) == len(retired)
    else:
        with pytest.raises(LedgerFault, match=said):
            agree(bound, identities)
    identities.release()


def test_verify_names_what_was_booked_twice(tmp_path: Path) -> None:
    made(tmp_path)
    assert verify(tmp_path).identities == "one entry each; none are closed"

    def twice(values: dict[int, bytearray]) -> None:
        rows(values[87])["terminal_seq"][3] = 57

    forge(tmp_path, twice, "all")
    fault = verify(tmp_path).fault
    assert fault is not None and fault.startswith(
        "terminal 1, epoch 0, sequence 57: expected one entry to bind it, found entries 57 and 90"
    )


def test_verify_names_a_tombstone_that_was_booked(tmp_path: Path) -> None:
    def tombstone(values: dict[int, bytearray]) -> None:
        images(values[24])[0] = (29, Image.VOIDED_IDENTITY, 57, 0)

    forge(made(tmp_path), tombstone, "all")
    assert "sequence 57: expected one entry to bind it, found entries 53 and 57" in str(
        verify(tmp_path).fault
    )


def test_verify_holds_the_retired_identities_against_the_journal(tmp_path: Path) -> None:
    counter = Counter(tmp_path / "ledger", SMALL)
    counter.pour(400, 16)
    counter.ledger.close(checkpoint=True)
    said = verify(counter.folder, settings=SMALL).identities
    assert said.startswith("ok, ") and said.endswith(" closed")
    with stored(*place(counter)) as (_, found):
        pass
    page = next(key for key in found if key[0] == PAGES)
    mark = Mark.unpack(found[META, MARK])
    for changes, wanted in (
        ({page: None}, "identities of terminal 1, found"),
        (
            {(META, MARK): Mark(mark.retired, 10_000, mark.total, mark.head).packed()},
            "a tail is mis",
        ),
    ):
        put(*place(counter), changes)
        assert wanted in str(verify(counter.folder, settings=SMALL).fault)
        put(*place(counter), found)
    assert verify(counter.folder, settings=SMALL).ok


def test_none_retired_and_nothing_bound_agree() -> None:
    with Bound() as nothing:
        assert agree(nothing, Identities(None)) == 0
