"""What a ledger made of the same taps is, byte for byte: recorded once, made again and compared.

    python -m tests.recorded.recording     records anew, on purpose; no test run does

`answers.json` is what happens while the ledger is made: each message as the client makes
it of columns, each answer, each digest, and what a server then answers on it.
`version_2.json` is what is read out of it when it is done: blocks, digests, pages that are
derived, answers to the same taps sent again, files, what the command line says.
`version_1.tar.xz` is the same ledger as it was made by the last onecard that wrote blocks of
version 1, without what is derived, and the taps to send again, and `version_1.json` what was read
out of it then. Neither is ever made again.

Each line of a .json is one thing, in the order of making, so a difference says where it began. The
clock stands still but where it is moved, the ledger's id and key are fixed, and every message is a
block, so nothing hangs on the machine. Left out: the age that `show suspense` tells, which is of
today; and how LMDB lays out its files, which is another library's.
"""

import hashlib
import io
import json
import lzma
import re
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import lmdb

# All that is named of the project but its protos. What else it needs to know of them is in Opened.
from onecard.core.authorize.engine import ActIn, Engine, TapsIn
from onecard.core.config import MIB, Settings
from onecard.core.journal.algorithms import INTERNATIONAL
from onecard.core.ledger.migrate import migrate
from onecard.core.ledger.opened import Ledger
from onecard.core.watch.log import Log
from onecard.grpc.client import columns_message
from onecard.v1.tap_pb2 import OUTCOME_CONFLICT
from onecard.v1.tap_pb2 import Outcome as Outcomes
from tests.recorded import calls
from tests.recorded.traffic import NOW_US, SHOP, Traffic, card_number, kind_name
from tests.rules.taptable import Play
from tests.rules.test_rules import TABLES
from tests.support.engine import HandClock, act_of, answered, quick_folder
from tests.support.onecard_command import Command, commands
from tests.support.serving import served
from tests.support.steps import Close, Item, Taps
from tests.twin.state import Tap
from tests.twin.twin import Decision

RECORDED = Path(__file__).resolve().parent
ANSWERS = RECORDED / "answers.json"
GOLDEN_1 = RECORDED / "version_1.tar.xz"  # of blocks of version 1: never made again
FACTS_1 = RECORDED / "version_1.json"
FACTS = RECORDED / "version_2.json"
LEDGER, AGAIN = "ledger", "again"  # folders in the archive
LEDGER_ID = UUID("00000000-0000-4000-8000-00006f6e6531")
TOKEN_KEY = b"made up, the key of no real card"  # 32 bytes; it opens nothing
SETTINGS = Settings(  # so small that identities are closed and entries recalled all the time
    cards_max=48,
    terminals_max=1 << 8,
    holds_max=3,
    lots_max=243,
    recent_max=64,
    batch_taps_max=64,
    group_taps_max=64,
    segment_bytes=MIB,  # the least, so that there are several
    watermark_bytes=0,
    checkpoint_map_bytes=64 * MIB,
    identities_map_bytes=64 * MIB,
    downtime_max_s=10**9,  # the clock is moved by hand
    clock_step_max_s=10**9,
)
REQUIRED = ("card", "terminal", "terminal_seq", "kind", "amount_fen", "flags")  # columns
ASKED = tuple(card_number(index) for index in (2, 12, 25, 8, 30, 36))
Lines = dict[str, Any]


class Opened:
    """A ledger and its engine, without threads."""

    def __init__(self, folder: Path, clock: HandClock) -> None:
        self.folder, self.clock = folder, clock
        self.open()

    def open(self) -> None:
        log = Log(self.clock, out=io.StringIO())
        self.ledger = Ledger.open(self.folder, SETTINGS, clock=self.clock, log=log)
        self.engine = Engine(self.ledger, self.clock)

    def close(self, checkpoint: bool) -> None:
        self.ledger.close(checkpoint)
        if not checkpoint:
            shutil.rmtree(self.folder / "checkpoint", ignore_errors=True)

    def taps(self, principal: int, message: bytes) -> Any:
        """The Decisions message, or the error it was refused with."""
        return self.engine.step([TapsIn(principal, message)])[0]

    def act(self, item: Item) -> Any:
        window = int(self.engine.state.totals["window"][0])
        (answer,) = self.engine.step([ActIn(act_of(item, window))])
        return answer

    def token(self, number: str) -> int:
        return self.ledger.card_tokens.of(number)

    def digest(self) -> str:
        return self.engine.state.digest().hex()

    def blocks(self) -> Iterator[tuple[int, str]]:
        """The first sequence of each, and what it says of itself."""
        for block in self.ledger.journal.blocks(1):
            said = f"record {int(block.record)}, {block.last - block.first + 1} rows"
            yield block.first, f"{said}, {block.booked_at_us} us, {block.hash.hex()}"


class Maker:
    """Makes a ledger, and keeps a line of everything that is handed in and answered."""

    def __init__(self, folder: Path) -> None:
        self.lines: Lines = {}
        self.again: list[bytes] = []
        self.sent, self.given = hashlib.sha256(), hashlib.sha256()
        self.now_us, self.steps = NOW_US, 0
        with (
            mock.patch("uuid.uuid4", lambda: LEDGER_ID),
            mock.patch("secrets.token_bytes", lambda count: TOKEN_KEY[:count]),
        ):
            Ledger.create(folder, SETTINGS, algorithms=INTERNATIONAL)
        self.opened = Opened(folder, HandClock(NOW_US))

    # ---- as traffic.py and tests/rules/taptable.py hand it in ---------------------------------

    def do(self, item: Item) -> Any:
        self._tick()
        answer = self.opened.act(item)
        said = str(answer) if isinstance(answer, Exception) else answered(answer)
        self._note(type(item).__name__, said)
        self.given.update(repr(said).encode())
        if isinstance(item, Close):
            self._note("digest", self.opened.digest())
        return answered(answer)

    def send(self, taps: Sequence[Tap], principal: int = 0) -> list[Decision]:
        self._tick()
        message = message_of(taps, self.steps)
        decisions = self._sent(principal, message, len(taps))
        for row, (tap, decision) in enumerate(zip(taps, decisions, strict=True)):
            self._note(f"{row:02d}", told(tap, decision))
        bound = [tap for tap, one in zip(taps, decisions, strict=True) if is_bound(one)]
        if bound:
            self.again.append(message_of(bound, self.steps))
        return decisions

    def send_raw(self, message: bytes) -> None:
        self._tick()
        self._sent(0, message, 0)

    def step(self, items: Sequence[Item], now_us: int) -> list[Any]:
        self.now_us = now_us
        return [
            self.send(item.taps, item.principal) if isinstance(item, Taps) else self.do(item)
            for item in items
        ]

    def token(self, number: str) -> int:
        return self.opened.token(number)

    def restart(self, checkpoint: bool = True) -> None:
        self.opened.close(checkpoint)
        self._derived(checkpoint)
        self.opened.open()
        self._note("restarted", self.opened.digest())

    # ---- what is kept of it -----------------------------------------------------------------

    def _tick(self) -> None:
        self.steps += 1
        self.opened.clock.us = self.now_us

    def _sent(self, principal: int, message: bytes, rows: int) -> list[Decision]:
        answer = self.opened.taps(principal, message)
        raw = answer if isinstance(answer, bytes) else str(answer).encode()
        self.sent.update(message)
        self.given.update(raw)
        said = digest_of(raw) if isinstance(answer, bytes) else str(answer)
        self._note(f"{rows} taps by {principal}", f"sent {digest_of(message)}, answered {said}")
        return answered(answer) if isinstance(answer, bytes) else []

    def _derived(self, checkpoint: bool) -> None:
        if checkpoint:
            for name, value in derived(self.opened.folder).items():
                self._note(name, value)

    def _note(self, what: str, said: Any) -> None:
        name = f"{self.steps:04d} {what}"
        assert name not in self.lines, name
        self.lines[name] = said

    def end(self) -> dict[str, Any]:
        """What it came to, in one line."""
        blocks = list(self.opened.blocks())
        return {
            "steps": self.steps,
            "sent": self.sent.hexdigest(),
            "answered": self.given.hexdigest(),
            "blocks": len(blocks),
            "head": blocks[-1][1],
            "digest": self.opened.digest(),
        }


def make(folder: Path) -> Maker:
    """The ledger of traffic.py, closed, with nothing derived beside it."""
    maker = Maker(folder)
    Traffic(maker).play()
    maker.lines["in all"] = maker.end()
    maker.restart(checkpoint=True)
    maker.opened.close(checkpoint=False)
    return maker


def play_tables(folder: Path) -> Lines:
    """Each table of test_rules.py on a ledger of its own, a line each."""
    lines: Lines = {}
    for name, table in TABLES.items():
        maker = Maker(folder / name)
        with suppress(AssertionError):  # what is right is for others to say; here, what is the same
            Play(maker).run(table)
        lines[f"table {name}"] = maker.end()
        maker.opened.close(checkpoint=False)
        shutil.rmtree(folder / name)
    return lines


def ask_a_server(maker: Maker) -> Lines:
    """What a server on the ledger that was made answers; nothing is added to its journal."""
    folder = maker.opened.folder
    with served(folder, SETTINGS, works=()) as server:
        lines = dict(calls.answers(server.address, maker.again, ASKED))
    shutil.rmtree(folder / "checkpoint")
    return lines


# ---- what is read out of a ledger ---------------------------------------------------------------


def read_out(folder: Path, again: Sequence[bytes], ask: Command) -> Lines:
    """All that is told of the ledger in `folder`, which has nothing derived and is not served.

    `again`: messages of taps that it has answered. Files and a checkpoint come to lie beside it.
    """
    lines: Lines = {"ledger.toml": stamped(folder)}
    opened = Opened(folder, HandClock(NOW_US + (1 << 40)))
    lines |= {f"block {first:06d}": block for first, block in opened.blocks()}
    lines["digest, replayed"] = opened.digest()
    for number, message in enumerate(again):
        answer = opened.taps(0, message)
        lines[f"again {number:04d}"] = f"sent {digest_of(message)}, answered {digest_of(answer)}"
    lines["digest, sent again"] = opened.digest()
    opened.close(checkpoint=True)
    lines |= derived(folder)
    opened.open()
    lines["digest, from the checkpoint"] = opened.digest()
    opened.close(checkpoint=True)
    for window in (1, 2, 3, 4, 5):
        lines |= files_of(folder, window, ask)
    lines |= reconciled(folder, ask)
    for arguments in SHOWN:
        asked = ("show", arguments[0], folder, *arguments[1:], "--json")
        lines[f"show {' '.join(arguments)}"] = said(ask, folder, *asked)
    lines |= what_cards_were(ask, folder)
    lines["verify"] = said(ask, folder, "verify", folder, "--json")  # nothing was added by asking
    return lines


PASTS = re.compile(r'"(?:pasts|journeys)": \[.*?\], |"since": "[^"]*", (?="denied")')
SHOWN = (
    *(("window", number) for number in ("0", "1", "3")),
    ("windows",),
    ("participants",),
    ("terminals",),
    ("tariffs",),
    ("rules",),
    ("suspense",),
    ("gaps",),
    *(("card", number) for number in ASKED[:3]),
    ("card", "c0ffee", "--token"),
    ("entry", "1"),
    ("entry", "1200"),
)


def stamped(folder: Path) -> list[str]:
    """What ledger.toml says, but for the version of LMDB and the checksum over it."""
    lines = (folder / "ledger.toml").read_text().splitlines()
    return [line for line in lines if not line.startswith(("#", "lmdb", "checksum"))]


def said(ask: Command, folder: Path, *arguments: object) -> str:
    """What a command says, without where the ledger is; its digest where it is long."""
    done = ask(*arguments)
    text = (done.out + done.err).replace(str(folder), "LEDGER").strip()
    if "suspense" in arguments:
        found = json.loads(text)
        for row in found["suspense"]:
            del row["age_h"]  # by today's clock
        text = json.dumps(found)
    if "card" in arguments:  # what it was stands apart: `what_cards_were`
        text = PASTS.sub("", text)
    text = text if len(text) <= 700 else f"{len(text)} characters, {digest_of(text.encode())}"
    return f"{done.status}: {text}"


def what_cards_were(ask: Command, folder: Path) -> Lines:
    """Since when a card is what it is, and what it was; of most that is nothing."""
    lines: Lines = {}
    for arguments in SHOWN:
        if arguments[0] == "card":
            shown = json.loads(ask("show", "card", folder, *arguments[1:], "--json").out or "{}")
            lines[f"pasts of {' '.join(arguments)}"] = json.dumps(
                [shown.get("since"), *shown.get("pasts", []), *shown.get("journeys", [])]
            )
    return lines


def files_of(folder: Path, window: int, ask: Command) -> Lines:
    """The files of a window, those for people and the manifest with them."""
    settled = said(ask, folder, "settle", folder, window, "--spreadsheet", "--json")
    lines = {f"settle {window}": settled}
    for path in sorted((folder / "files" / f"window-{window:08d}").iterdir()):
        content = path.read_bytes()
        lines[f"window {window}, {path.name}"] = f"{len(content)} bytes, {digest_of(content)}"
    return lines


def reconciled(folder: Path, ask: Command) -> Lines:
    """A file as it was written, the one for people, and one with something wrong on every side."""
    name = f"participant-{SHOP:05d}"
    ours = folder / "files" / "window-00000001" / f"{name}.csv"
    _, names, *details = ours.read_text().splitlines()[:-2]
    columns = names.split(",")
    at = [columns.index(column) for column in ("sequence", "leg", "amount_fen")]
    rows = [[line.split(",")[place] for place in at] for line in details]
    del rows[3]
    rows[5][2] = str(int(rows[5][2]) + 100)
    rows += [rows[7], ["1", "1", "-250"]]
    back = folder / "files" / "returned.csv"
    back.write_text("sequence,leg,amount_fen\n" + "".join(",".join(row) + "\n" for row in rows))
    one = ("reconcile", 1)
    asked = ("--data", folder, "--json")
    return {
        "reconcile, ours": said(ask, folder, *one, ours, *asked),
        "reconcile, for people": said(
            ask, folder, *one, ours.with_suffix(".spreadsheet.csv"), *asked
        ),
        "reconcile, doctored": said(ask, folder, *one, back, *asked, "--participant", SHOP),
    }


def derived(folder: Path) -> Lines:
    """Every value of the checkpoint and of the closed identities, by folder, database and key."""
    lines: Lines = {}
    for path in sorted((folder / "checkpoint").iterdir()):
        if not path.is_dir():
            continue
        with lmdb.open(str(path), readonly=True, max_dbs=8, lock=False) as environment:
            with environment.begin() as txn:
                names = [name for name, _ in txn.cursor()]
            for name in names:
                database = environment.open_db(name)
                with environment.begin(db=database) as txn:
                    for key, value in txn.cursor():
                        where = f"{path.name}, {name.decode()}, {key_text(key)}"
                        lines[where] = f"{len(value)} bytes, {digest_of(value)}"
    return lines


# ---- the ledger itself --------------------------------------------------------------------------


def pack(folder: Path, again: Sequence[bytes], archive: Path) -> None:
    """The ledger in `folder` and the taps to send again, the same bytes for the same content."""
    kept = ("ledger.toml", "token.key", "settings.toml", "journal/*/data.mdb")
    paths = sorted(path for pattern in kept for path in folder.glob(pattern))
    members = {f"{LEDGER}/{path.relative_to(folder)}": path.read_bytes() for path in paths}
    members |= {f"{AGAIN}/{number:04d}": message for number, message in enumerate(again)}
    with lzma.open(archive, "wb", preset=9 | lzma.PRESET_EXTREME) as packed:
        with tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as tar:
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), 0o600
                tar.addfile(member, io.BytesIO(content))


def unpack(archive: Path, folder: Path) -> tuple[Path, list[bytes]]:
    """The ledger's folder and the taps to send again, out of an archive of ours."""
    with tarfile.open(archive, "r:xz") as tar:
        for member in tar:
            content = tar.extractfile(member)
            assert content is not None, member.name
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # a key that others may read is refused
            path.write_bytes(content.read())
    again = [path.read_bytes() for path in sorted((folder / AGAIN).iterdir())]
    return folder / LEDGER, again


def migrated(folder: Path) -> None:
    """Stamp a ledger of format 1, with a digest key as one that is made anew has it."""
    with mock.patch("secrets.token_bytes", lambda count: TOKEN_KEY[:count]):
        migrate(folder)


# ---- words --------------------------------------------------------------------------------------


def message_of(taps: Sequence[Tap], request_id: int) -> bytes:
    """As the client makes it; a column that says nothing is left out."""
    columns = {name: [getattr(tap, name) for tap in taps] for name in Tap.__dataclass_fields__}
    said = {name: c for name, c in columns.items() if name in REQUIRED or any(c)}
    return columns_message(request_id, **said)


def is_bound(decision: Decision) -> bool:
    """Returns True when the same tap is answered the same for ever."""
    return decision.sequence != 0 or decision.outcome == OUTCOME_CONFLICT


def told(tap: Tap, decision: Decision) -> str:
    outcome = Outcomes.Name(decision.outcome).removeprefix("OUTCOME_")
    numbers = f"{decision.sequence} {decision.amount_fen} {decision.balance_fen}"
    again = " again" if decision.repeated else ""
    return f"{kind_name(tap.kind)} {tap.terminal}#{tap.terminal_seq}: {outcome} {numbers}{again}"


def key_text(key: bytes) -> str:
    return key.decode() if key.isalpha() else key.hex()


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def differences(found: Lines, recorded: Lines, shown: int = 12) -> str:
    """The first lines that differ, in the order of making; empty where none does."""
    names = [*found, *(name for name in recorded if name not in found)]
    wrong = [name for name in names if found.get(name) != recorded.get(name)]
    lines = [f"{len(wrong)} of {len(names)} differ; the first are"] if wrong else []
    for name in wrong[:shown]:
        lines.append(name)
        lines.append(f"    recorded {recorded.get(name, 'nothing')}")
        lines.append(f"    found    {found.get(name, 'nothing')}")
    return "\n".join(lines)


def write(path: Path, lines: Lines) -> None:
    """One line a thing, in their order."""
    body = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in lines.items()
    )
    path.write_text("{\n" + body + "\n}\n", encoding="utf-8")


def read(path: Path) -> Lines:
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def made() -> Iterator[tuple[Maker, Lines]]:
    """A ledger made anew, in memory where there is room, and the lines of answers.json."""
    with quick_folder() as folder:
        maker = make(folder / LEDGER)
        lines = maker.lines | play_tables(folder) | ask_a_server(maker)
        yield maker, through_json(lines)


def through_json(lines: Lines) -> Lines:
    """As they come back from a file: tuples are lists."""
    return json.loads(json.dumps(lines))


def main() -> None:
    with made() as (maker, answers):
        folder = maker.opened.folder
        write(ANSWERS, answers)
        with commands(folder.parent) as ask:
            write(FACTS, read_out(folder, maker.again, ask))


if __name__ == "__main__":
    main()
