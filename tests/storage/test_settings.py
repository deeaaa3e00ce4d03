"""A ledger's own settings: every command reads them, and no limit moves what is booked."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from onecard.cli.main import app
from onecard.core.audit.verify import verify
from onecard.core.authorize.engine import ActIn, TapsIn
from onecard.core.config import GIB, MIB, Settings
from onecard.core.errors import BadInput, Overloaded
from onecard.core.ledger.opened import Ledger
from onecard.core.ledger.settings_file import LIMITS, SETTINGS, read_settings
from onecard.core.registry.cards import PutCards
from onecard.core.registry.hold_terms import PutHoldTerms
from onecard.core.registry.participants import PutParticipants
from onecard.core.registry.terminals import PutTerminals, TerminalRow
from onecard.core.settlement.window import CloseWindow
from onecard.ext.shape.numbers import Funding, Kind, Outcome, Role, Status
from onecard.ext.state.hold_terms import HoldTerms
from onecard.grpc.client import Answer
from onecard.v1.tap_pb2 import TapBatch
from tests.serve.test_serve import serving
from tests.support.engine import SMALL, EngineSide

NOW_US = 1_790_000_000_000_000
# In use of each once `Booked.fill` is done, and then not one more; no page of a table is full.
USED = {"cards_max": 30, "terminals_max": 20, "holds_max": 5, "lots_max": 5}
PREPAID_FROM = 16  # cards before it have no account that a lot could be of
EXACT = replace(SMALL, **USED, batch_taps_max=4096, group_taps_max=4096, recent_max=1 << 14)


class Booked:
    """A ledger without threads, filled to its limits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.side = EngineSide(folder, NOW_US, EXACT)
        self.do(PutParticipants([("Bus", Role.OPERATOR), ("Bank", Role.ISSUER)]))
        self.rides = 0

    def do(self, act: object) -> object:
        (answer,) = self.side.engine.step([ActIn(act)])  # type: ignore[arg-type]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def put(self, name: str, first: int, count: int) -> None:
        """Add so many of what the limit is for; Overloaded where they are too many."""
        if name == "holds_max":
            outcomes = self.taps(count, Kind.HOLD, []).outcome
            assert set(outcomes.tolist()) <= {Outcome.ACCEPTED, Outcome.HOLDS_FULL}
            if Outcome.HOLDS_FULL in outcomes:
                raise Overloaded(Outcome.HOLDS_FULL.name)  # of a tap it is an answer
        elif name == "lots_max":
            self.grant(first, count)
        elif name == "terminals_max":
            self.do(PutTerminals([TerminalRow(f"T{n}", 1) for n in range(first, first + count)]))
        else:
            funding = Funding.PREPAID if first >= PREPAID_FROM else Funding.CHIP
            self.do(PutCards(np.arange(first, first + count, dtype=np.uint64), 2, funding))

    def grant(self, first: int, count: int) -> None:
        """So many lots, of all prepaid accounts in turn; Overloaded where one is not taken."""
        accounts = USED["cards_max"] + 1 - PREPAID_FROM
        batch = TapBatch(
            card=[PREPAID_FROM + at % accounts for at in range(first, first + count)],
            terminal=[USED["terminals_max"]] * count,
            terminal_seq=range(first, first + count),
            kind=bytes([Kind.GRANT] * count),
            amount_fen=[5] * count,
            sponsor=[1] * count,
        )
        (answer,) = self.side.engine.step([TapsIn(0, batch.SerializeToString())])
        if (Answer.parse(answer).outcome == Outcome.LOTS_FULL).any():
            raise Overloaded(f"lots_max: room for {USED['lots_max']}, --set lots_max=N")

    def take_back(self, count: int) -> None:
        """Rides, and a refund of each."""
        ids = self.tap(count, Kind.RIDE, [0] * count)
        self.tap(count, Kind.REFUND, ids)

    def tap(self, count: int, kind: Kind, about: list[int]) -> list[int]:
        return self.taps(count, kind, about).sequence.tolist()

    def taps(self, count: int, kind: Kind, about: list[int]) -> Answer:
        batch = TapBatch(
            card=[1] * count,
            terminal=[1] * count,
            terminal_seq=range(self.rides + 1, self.rides + count + 1),
            kind=bytes([kind] * count),
            amount_fen=[100] * count,
            about=about,
        )
        (answer,) = self.side.engine.step([TapsIn(0, batch.SerializeToString())])
        if isinstance(answer, BaseException):
            raise answer
        self.rides += count
        return Answer.parse(answer)

    def fill(self) -> None:
        self.do(PutHoldTerms("holds", 0, HoldTerms(tuple(Funding), False, 86_400)))
        self.put("terminals_max", 1, USED["terminals_max"] - 1)
        self.do(PutTerminals([TerminalRow("internal:lots", 1, status=Status.INTERNAL)]))
        self.put("cards_max", 1, PREPAID_FROM - 1)
        self.put("cards_max", PREPAID_FROM, USED["cards_max"] + 1 - PREPAID_FROM)
        self.put("lots_max", 1, USED["lots_max"])
        self.put("holds_max", 1, USED["holds_max"])
        self.take_back(8)

    def stop(self, checkpoint: bool) -> None:
        self.side.ledger.close(checkpoint)
        if not checkpoint:
            shutil.rmtree(self.folder / "checkpoint", ignore_errors=True)

    def start(self, settings: Settings | None) -> bytes:
        """With these settings, or with what the folder says; the digest of the state."""
        self.side.settings = settings  # type: ignore[assignment]
        self.side._open()
        return self.side.ledger.state.digest()


def every_command_agrees(folder: Path, digest: bytes) -> None:
    """Show, verify and a plain read, whatever the settings of the moment allow."""
    report = verify(folder)
    assert report.fault is None and report.checkpoint != "not reached", report
    with Ledger.open(folder, readonly=True) as ledger:
        assert ledger.state.digest() == digest
    for words in (("window", folder), ("card", folder, "1", "--token"), ("entry", folder, "70")):
        done = CliRunner().invoke(app, ["show", *map(str, words), "--json"])
        assert done.exit_code == 0, (words, done.output, done.exception)


@pytest.mark.parametrize("checkpoint", [True, False])
@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_goes_up_and_down_between_starts(
    tmp_path: Path, name: str, checkpoint: bool
) -> None:
    booked = Booked(tmp_path / "ledger")
    folder = booked.folder
    booked.fill()
    used, more = USED[name], 7_000  # more than a page, so that every table begins another one
    said = f"^{name}: .*room for {used}.*--set {name}=N"
    with pytest.raises(Overloaded, match="HOLDS_FULL" if name == "holds_max" else said):
        booked.put(name, used + 1, 1)
    digest = booked.side.ledger.state.digest()
    booked.stop(checkpoint)
    every_command_agrees(folder, digest)
    for limit in (used + more, used - 1, used, used + more):
        settings = replace(EXACT, **{name: limit})
        if limit < used:
            with pytest.raises(BadInput, match=f"^{name}: expected at least {used}, .*{limit}"):
                booked.start(settings)
            assert getattr(read_settings(folder), name) == used + more, "a refusal was kept"
            (folder / SETTINGS).write_text(f"{name} = {limit}\n")  # as an editor would
        else:
            for given in (settings, None):
                assert booked.start(given) == digest
                assert getattr(read_settings(folder), name) == limit
                booked.stop(checkpoint)
        every_command_agrees(folder, digest)
    booked.start(None)
    booked.put(name, used + 1, 3_000)
    booked.do(CloseWindow(1, 20_000, force=True))
    after = booked.side.ledger.state.digest()
    assert after != digest
    booked.stop(checkpoint)
    assert booked.start(replace(EXACT, **{name: used + 3_000})) == after
    booked.stop(checkpoint)
    every_command_agrees(folder, after)
    assert CliRunner().invoke(app, ["settle", str(folder), "1"]).exit_code == 0


@pytest.mark.parametrize("checkpoint", [True, False])
def test_what_cards_were_takes_room_of_both_kinds(tmp_path: Path, checkpoint: bool) -> None:
    """Two a card on average, whichever: changes of what it draws on, or losses that are over."""
    booked = Booked(tmp_path / "ledger")
    booked.fill()
    some = np.arange(1, 6, dtype=np.uint64)

    def find() -> None:
        """Five rows more, of cards that were lost."""
        for status in (Status.BLOCKED, Status.ACTIVE):
            booked.do(PutCards(some, 2, funding, status))

    for funding in (Funding.CREDIT, Funding.CHIP) * 3:
        booked.do(PutCards(some, 2, funding))
        find()
    assert booked.side.ledger.state.count("card_pasts") == 1 + 60
    full = r"^cards_max: .*room for 60 changes and ended losses of cards,.*--set cards_max=N"
    with pytest.raises(Overloaded, match=full):
        find()
    with pytest.raises(Overloaded, match=full):
        booked.do(PutCards(some, 2, Funding.CREDIT))
    booked.stop(checkpoint)
    booked.start(replace(EXACT, cards_max=34))
    find()
    after = booked.side.ledger.state.digest()
    booked.stop(checkpoint)
    with pytest.raises(BadInput, match=r"^cards_max: expected at least 33, 65 card_pasts are"):
        booked.start(EXACT)
    (booked.folder / SETTINGS).write_text("cards_max = 30\n")
    every_command_agrees(booked.folder, after)
    assert booked.start(replace(EXACT, cards_max=33)) == after
    booked.side.ledger.close(checkpoint)


MALFORMED = [
    ("cards_max", "expected lines such as cards_max = 16777216"),
    ("cards_max = many", "expected lines such as"),
    (b"\xff", "expected lines such as"),
    ('cards_max = "5"', "cards_max: expected 1 to 2147483648, found '5'; mend it"),
    ("cards_max = 0", "cards_max: expected 1 to 2147483648, found 0; mend it"),
    ("cards_max = 1e9", "cards_max: expected 1 to 2147483648, found 1000000000.0"),
    ("terminals_max = 4294967296", "terminals_max: expected 1 to 67108864, found 4294967296"),
    (
        "card_max = 5",
        "expected only cards_max, terminals_max, holds_max, lots_max, .* found 'card_max'",
    ),
    (None, "expected a regular file, found a folder, a pipe or a device"),
    (
        f"cards_max = '{'x' * 9_000}'",
        "cards_max: expected 1 to 2147483648, found 'x{59}[.]{3}; mend",
    ),
    ("port = 5", "expected only cards_max, .* found 'port'"),
]
COMMANDS: dict[str, Callable[[Path], object]] = {
    "serve": Ledger.open,
    "show": lambda folder: Ledger.open(folder, readonly=True),
    "verify": verify,
}


@pytest.mark.parametrize(("text", "says"), MALFORMED)
def test_a_malformed_file_is_one_line(tmp_path: Path, text: str | bytes | None, says: str) -> None:
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    file = folder / SETTINGS
    if text is None:
        file.unlink()
        os.mkfifo(file)
    else:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    for command in COMMANDS.values():
        with pytest.raises(BadInput, match=says) as refused:
            command(folder)
        assert str(refused.value).startswith(f"{file}: ") and "\n" not in str(refused.value)


def test_init_writes_them_and_serve_keeps_what_it_was_given(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    words = ["init", str(folder), "--cards-max", "20000", "--terminals-max", "300"]
    done = CliRunner().invoke(app, words)
    room = "cards_max 20,000, terminals_max 300, holds_max 1,048,576, lots_max 2,097,152:"
    assert room in done.output
    assert read_settings(folder) == replace(Settings(), cards_max=20_000, terminals_max=300)
    # One that a unit of before may still give, of what has no bound any more.
    with serving(folder, "--set", "claims_max=4096", "--set", "streams_max=3") as server:
        kept = read_settings(folder)
        assert server.stop()[0] == 0
    # test_serve.py gives the cards and the watermark; streams are no matter of the ledger.
    wanted = {"cards_max": 10_000, "terminals_max": 300}
    assert kept == replace(Settings(), watermark_bytes=MIB, **wanted)
    report = CliRunner().invoke(app, ["verify", str(folder), "--json"])
    assert json.loads(report.output)["ok"]
    assert not list(folder.glob("*.new"))


def test_a_ledger_from_before_has_the_defaults_and_is_given_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "ledger"
    Ledger.create(folder)
    (folder / SETTINGS).unlink()
    with Ledger.open(folder, readonly=True) as ledger:
        assert ledger.settings == Settings()
    assert not (folder / SETTINGS).exists()
    with Ledger.open(folder):
        pass
    assert read_settings(folder) == Settings()


def test_settings_that_cannot_be_kept_do_not_keep_a_ledger_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ledger"
    Ledger.create(folder, SMALL)
    (folder / f"{SETTINGS}.new").mkdir()  # the write fails, as on a full disk
    with Ledger.open(folder, replace(SMALL, cards_max=77)) as ledger:
        assert ledger.state.cards_max == 77
    assert read_settings(folder).cards_max == SMALL.cards_max


def test_saved_pages_have_addresses_for_as_many_cards_as_are_allowed(tmp_path: Path) -> None:
    """Twice 96 bytes a card: with the default map, 85 million cards filled it."""
    folder = tmp_path / "ledger"
    Ledger.create(folder, replace(Settings(), cards_max=200_000_000))
    with Ledger.open(folder) as ledger:
        assert ledger._pages._open()._store.map_bytes >= 36 * GIB
