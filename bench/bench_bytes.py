"""How many bytes of the journal a tap costs: the disk and the hash are paid by the byte."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from bench import load
from bench.figures import Figures
from onecard.core.authorize.engine import Act, ActIn, Engine, TapsIn
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.errors import OnecardError
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.cards import PutCards
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.tariffs import PutTariff
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.ext.shape.numbers import Funding, Kind, Role
from onecard.ext.wire.batch import TAP_COLUMNS

TAPS = 8_192  # of a block: its header is then a fortieth of a byte a tap
CHIP = {"chip_before_fen": 5_000, "chip_counter": 1_000, "chip_loads": 30}
RIDE = {"line": 107, "scene": 1, "rider_class": 2, "media": 3, "face_fen": 500}


def message(kind: Kind, seq: int, amount_fen: int, place: int, more: dict[str, int]) -> bytes:
    """One tap of each of TAPS cards, all alike."""
    columns: dict[str, Sequence[int] | int] = {"kind": kind, "amount_fen": amount_fen}
    columns |= {"terminal": 1, "place": place, **more}
    parts = [b"\x09" + seq.to_bytes(8, "little"), *load.packed("card", load.tokens(0, TAPS))]
    first = np.arange(TAPS, dtype="<u4") + np.uint32(1 + seq * TAPS)
    parts += load.packed("terminal_seq", first)
    for name, value in columns.items():
        parts += load.packed(name, np.full(TAPS, value, TAP_COLUMNS[name]))
    return b"".join(parts)


def bench_bytes_a_ride(benchmark: BenchmarkFixture, figures: Figures, folder: Path) -> None:
    """Of a chip's rides, with every field that a tap may have."""
    Ledger.create(folder / "ledger", Settings())
    engine = Engine(Ledger.open(folder / "ledger", Settings()), SystemClock())
    acts: list[Act] = [
        PutParticipants([("operator", Role.OPERATOR), ("issuer", Role.ISSUER)]),
        PutTariff("bench", 1, load.STATIONS, load.fares().ravel()),
        PutTerminals([TerminalRow("T1", 1, 1)]),
        PutCards(load.tokens(0, TAPS), 2, Funding.CHIP),
    ]
    for answer in engine.step([ActIn(act) for act in acts]):
        assert not isinstance(answer, OnecardError), answer

    def cost(*taps: object) -> float:
        """Bytes a tap of the journal that a message takes, its header's share among them."""
        group, left = engine.judge([TapsIn(0, message(*taps))])  # type: ignore[arg-type]
        engine.commit(group)
        assert not left and group.last == engine.journal.durable.last
        return group.bytes / TAPS

    def all_of_them() -> dict[str, float]:
        plain = cost(Kind.RIDE, 1, 400, 0, RIDE | CHIP)
        bare = cost(Kind.RIDE, 2, 400, 0, {})
        cost(Kind.ENTRY, 3, 0, 1, RIDE | CHIP)
        rated = cost(Kind.EXIT, 4, 0, 9, RIDE | CHIP)
        return {"plain, nothing but its amount": bare, "plain": plain, "rated": rated}

    found = benchmark.pedantic(all_of_them, rounds=1)
    rows = [(name, f"{size:.2f}") for name, size in found.items()]
    figures.table("bytes", ("ride", "bytes of the journal"), rows)
    figures.hold(
        {
            "bytes.plain_ride_max": found["plain"],
            "bytes.rated_ride_max": found["rated"],
        }
    )
