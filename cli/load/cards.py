"""`onecard load`: tells a running server who takes part, by which rules, from CSV files."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from onecard.cli.exit_status import Exit
from onecard.cli.load.changes import DryRun, Move, Sending
from onecard.cli.load.issued import Issued
from onecard.cli.load.rows import Line, Rows, located
from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.days import TIME_MIN_US, day_number, day_text, midnight_us
from onecard.core.errors import BadInput
from onecard.core.ledger.card_number import ANY, CardForm, spreadsheet_fault
from onecard.core.tariff.distance import compile_tariff
from onecard.core.tariff.folder import STATIONS_MAX
from onecard.grpc.client import Client
from onecard.v1 import registry_pb2 as pb

app = typer.Typer(
    no_args_is_help=True,
    help="Load participants, terminals, cards, a tariff, rules or declarations into a server. "
    "Rows that say what is already so change nothing, so a file may be loaded again.",
)
File = Annotated[Path, typer.Argument(metavar="FILE.csv", help="CSV with a header line, UTF-8.")]
To = Annotated[str, typer.Option("--to", metavar="HOST:PORT", help="The server.")]
Ids = Annotated[
    Path | None, typer.Option("--ids", metavar="OUT.csv", help="Write the ids issued there.")
]
TOKEN_HEX = re.compile("0x[0-9a-fA-F]{16}")
AsJson = Annotated[bool, typer.Option("--json", help="Print the ids as one JSON object.")]
ADDRESS = f"{Settings.host}:{Settings.port}"
FEN_MAX = (1 << 63) - 1  # money is 64 bits
TIMEOUT_S = 60.0
CONNECT_S = 3.0
ROLES = {"operator": pb.ROLE_OPERATOR, "issuer": pb.ROLE_ISSUER, "agent": pb.ROLE_AGENT}
STATUSES = {
    "": pb.STATUS_UNSPECIFIED,  # as it is
    "active": pb.STATUS_ACTIVE,
    "blocked": pb.STATUS_BLOCKED,
    "closed": pb.STATUS_CLOSED,
}
FUNDINGS = {
    "prepaid": pb.FUNDING_PREPAID,
    "chip": pb.FUNDING_CHIP,
    "credit": pb.FUNDING_CREDIT,
}
YES = {"": None, "no": False, "0": False, "yes": True, "1": True}
S, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000  # in microseconds
QUARTER_US = HOUR // 4  # every zone that is in use is whole quarters from UTC
RULES = ("go_live_us", "age_max_us", "ahead_max_us", "amount_max_fen", "zone_offset_us")


@app.command()
def participants(
    file: File,
    to: To = ADDRESS,
    ids: Ids = None,
    as_json: AsJson = False,
    dry_run: Annotated[bool, DryRun] = False,
) -> None:
    """Operators, issuers and agents; prints their ids. Columns: name, role (operator, issuer or
    agent). Who has terminals or cards keeps the role.

    Example: onecard load participants participants.csv --to 127.0.0.1:7421
    """
    rows = Rows(file, ("name", "role"))
    with _client(to) as client:
        issued = Issued("name", file, ids, as_json)
        sending = Sending(client, "participant", rows, _participant, issued)
        sending.put(dry_run, move=False)
    if not dry_run:
        issued.say()


@app.command()
def terminals(
    file: File,
    to: To = ADDRESS,
    ids: Ids = None,
    as_json: AsJson = False,
    dry_run: Annotated[bool, DryRun] = False,
    move: Annotated[bool, Move] = False,
) -> None:
    """Gates, buses, tills; prints their ids where they are few. Columns: number, operator (name or
    id); and, where wanted, place, mode, status (active, blocked or closed), counterless (yes or
    no). A column that is not there or a cell that is empty leaves that as it is; a new terminal is
    active, at place 0, of mode 0, not counterless. A file that moves a terminal to another operator
    lists what it moves and changes nothing, unless --move says that it is meant.

    Example: onecard load terminals terminals.csv --to 127.0.0.1:7421 --ids ids.csv
    """
    optional = ("place", "mode", "status", "counterless")
    rows = Rows(file, ("number", "operator"), optional)
    with _client(to) as client:
        known = client.participants()
        issued = Issued("number", file, ids, as_json)
        sending = Sending(client, "terminal", rows, lambda row: _terminal(row, known), issued)
        sending.put(dry_run, move)
    if not dry_run:
        issued.say()


@app.command()
def cards(
    file: File,
    to: To = ADDRESS,
    dry_run: Annotated[bool, DryRun] = False,
    move: Annotated[bool, Move] = False,
) -> None:
    """Cards, by printed number or by token. Columns: number or token (decimal, or 0x and 16
    hexadecimal digits), issuer (name or id), funding (prepaid, chip or credit); and, where wanted,
    status, since, floor_fen, account. A status that is not there or empty leaves it as it is, and a
    new card is active: only the word active unblocks. since is when the status took effect, of a
    lost card when it was lost; else that is now. A day or time in the ledger's zone, or with one of
    its own: 2026-11-22, 2026-11-22 08:30, 2026-11-22 08:30+08:00. A number has the form that the
    ledger was made for, and is taken exactly as it is written. A file that moves a card to another
    issuer or account lists the lines that do and changes nothing, unless --move says that it is
    meant; a card that comes twice is put twice, in the order of the lines.

    Example: onecard load cards cards.csv --to 127.0.0.1:7421 --dry-run
    """
    optional = ("number", "token", "status", "since", "floor_fen", "account")
    rows = Rows(file, ("issuer", "funding"), optional)
    with _client(to) as client:
        known, zone_us = client.participants(), client.rules().zone_offset_us
        form = CardForm.parse(client.head().card_number)
        sending = Sending(client, "card", rows, lambda row: _card(row, known, zone_us, form))
        sending.put(dry_run, move)


@app.command()
def tariff(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv|FOLDER", help="Fares, or a network to compile.")
    ],
    to: To = ADDRESS,
    name: Annotated[str, typer.Option(help="At most 36 bytes; by default the file's.")] = "",
    effective_from: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD",
            help="First day, from its midnight in the ledger's zone; by default always, or what "
            "fares.toml says.",
        ),
    ] = None,
    entry_min_fen: Annotated[
        int, typer.Option(help="What a card must hold to enter.", min=0, max=FEN_MAX)
    ] = 0,
) -> None:
    """Fares from station to station, immutable once stored. Columns: from, to (station numbers
    from 1 on), fare_fen. A pair that is not in the file has no fare. A folder with stations.csv,
    links.csv and fares.toml is compiled.

    Example: onecard load tariff metro.csv --name metro --effective-from 2026-01-01
    """
    given = None if effective_from is None else day_number(effective_from, "--effective-from")
    with _client(to) as client:
        zone_us = client.rules().zone_offset_us
        if file.is_dir():
            made = compile_tariff(file)
            from_us = _start_us(made.effective_day if given is None else given, zone_us)
            version = client.put_tariff(
                name or made.name, from_us, made.fares_fen, made.entry_min_fen
            )
            _say(f"tariff {version}: {len(made.fares_fen)} stations")
            return
        fares = _fares(Rows(file, ("from", "to", "fare_fen")))
        from_us = 0 if given is None else _start_us(given, zone_us)
        version = client.put_tariff(name or file.stem, from_us, fares, entry_min_fen)
        _say(f"tariff {version}: {len(fares)} stations, {int((fares >= 0).sum())} fares")


@app.command()
def rules(file: File, to: To = ADDRESS) -> None:
    """The ledger's rules from now on. Columns: rule, value; a row for each rule that changes, of
    go_live_us, age_max_us, ahead_max_us, amount_max_fen, zone_offset_us. The others stay. Times are
    in microseconds, and what cannot be meant is refused: age_max_us is 1 hour to 10 years,
    ahead_max_us 1 second to 7 days, zone_offset_us whole quarters of an hour, at most 14 hours,
    go_live_us 0 or from 2000-01-01 to a day from now.

    Example: onecard load rules rules.csv --to 127.0.0.1:7421
    """
    values: dict[str, int] = {}
    for line in Rows(file, ("rule", "value")):
        rule = line.choice("rule", {rule: rule for rule in RULES})
        if rule in values:
            line.refuse("rule", "each rule once")
        value = line.number("value")
        if not -(1 << 63) <= value < 1 << 63:
            line.refuse("value", "a number of 64 bits")
        _check_meant(line, rule, value)
        values[rule] = value
    if not values:
        raise BadInput(f"{file}: expected a row for a rule that changes, found none")
    with _client(to) as client:
        now = client.rules()
        was = {rule: int(getattr(now, rule)) for rule in RULES}
        client.put_rules(**was | values)
    for rule, value in values.items():
        said = f"{was[rule]} before" if was[rule] != value else "as it was"
        _say(f"{rule} {value}, {said}")


@app.command()
def declarations(
    file: File,
    to: To = ADDRESS,
    participant: Annotated[
        str, typer.Option("--as", help="Name or id of the operator that declares.")
    ] = "",
) -> None:
    """What an operator says it sent; prints what does not agree with the ledger, and exits 1 if
    anything does not. Columns: terminal (id), day (YYYY-MM-DD, in the ledger's zone), taps,
    sum_fen.

    Example: onecard load declarations bus.csv --as Bus
    """
    lines = list(Rows(file, ("terminal", "day", "taps", "sum_fen")))
    rows = [
        (
            _fits(line, "terminal", 1 << 32),
            line.day("day"),
            _fits(line, "taps", 1 << 63),
            _fits(line, "sum_fen", 1 << 63, -(1 << 63)),
        )
        for line in lines
    ]
    with _client(to, participant or None) as client, located(lines, 0):
        response = client.declare(rows)
    for row in response.differences:
        typer.echo(
            f"terminal {row.terminal}, {day_text(row.day)}: declared {row.declared_taps} taps, "
            f"{row.declared_fen} fen; booked {row.booked_taps} taps, {row.booked_fen} fen"
        )
    _say(f"{response.compared} declarations compared, {len(response.differences)} do not agree")
    if response.differences:
        raise typer.Exit(Exit.DIFFERS)


def _participant(line: Line) -> pb.Participant:
    return pb.Participant(name=line.text("name"), role=line.choice("role", ROLES))


def _check_meant(line: Line, rule: str, value: int) -> None:
    """Refuses what only a mistake of the unit explains: a rule in seconds turns every tap away.

    The server takes more, since a replay of old taps needs it."""
    if rule == "age_max_us" and not HOUR <= value <= 3_660 * DAY:
        line.refuse("value", f"{HOUR} (1 hour) to {3_660 * DAY} (10 years) microseconds")
    if rule == "ahead_max_us" and not S <= value <= 7 * DAY:
        line.refuse("value", f"{S} (1 second) to {7 * DAY} (7 days) microseconds")
    if rule == "zone_offset_us" and (abs(value) > 14 * HOUR or value % QUARTER_US):
        line.refuse("value", f"a multiple of {QUARTER_US} (15 minutes) within 14 hours of 0")
    latest_us = SystemClock().now_us() + DAY
    if rule == "go_live_us" and value and not TIME_MIN_US <= value <= latest_us:
        line.refuse("value", f"0, or {TIME_MIN_US} (2000-01-01) to {latest_us} (in a day)")


def _terminal(line: Line, known: dict[str, int]) -> pb.Terminal:
    return pb.Terminal(
        number=_gate(line),
        operator=line.participant("operator", known),
        place=_fits(line, "place", 1 << 32) if line.text("place") else None,
        mode=_fits(line, "mode", 1 << 8) if line.text("mode") else None,
        status=line.choice("status", STATUSES),
        counterless=line.choice("counterless", YES),
    )


def _card(line: Line, known: dict[str, int], zone_offset_us: int, form: CardForm) -> pb.Card:
    number, token = _number(line, form), _token(line)
    if bool(number) == bool(token):
        found = "both; leave one of the two cells empty" if number else "neither; fill one of them"
        raise BadInput(f"{line.file}:{line.at}: expected a number or a token, found {found}")
    floor_fen = line.number("floor_fen", 0) if line.text("floor_fen") else None
    if floor_fen is not None and abs(floor_fen) > 1 << 62:
        line.refuse("floor_fen", "an amount")
    return pb.Card(
        number=number,
        token=token,
        issuer=line.participant("issuer", known),
        funding=line.choice("funding", FUNDINGS),
        status=line.choice("status", STATUSES),
        since_us=line.instant_us("since", zone_offset_us),
        floor_fen=floor_fen,
        account=_fits(line, "account", 1 << 32),
    )


def _gate(line: Line) -> str:
    """A terminal's printed number; what a spreadsheet made of one would be another gate."""
    number = line.text("number")
    fault = spreadsheet_fault(number)
    if fault is not None:
        line.refuse("number", "the number as it is printed", fault)
    return number


def _number(line: Line, form: CardForm) -> str:
    """A printed number, exactly as written: without its blanks it would be another card. Only a
    ledger from before has no form, and was always given numbers without them."""
    if form == ANY:
        return line.text("number")
    number = line.exact("number")
    fault = form.fault(number) if number else None
    if fault is not None:
        line.refuse("number", str(form), fault)
    return number


def _token(line: Line) -> int:
    """0 where there is none. Tokens are shown as 16 hexadecimal digits: those of one that happens
    to have no letter are a decimal number too, of another card."""
    text = line.text("token")
    if TOKEN_HEX.fullmatch(text):
        return int(text, 16)
    expected = "decimal, or 0x and 16 hexadecimal digits"
    if re.fullmatch("[0-9]{16}", text):
        found = "16 digits without 0x: hexadecimal or decimal? Put 0x in front, or a 0 if decimal"
        line.refuse("token", expected, found)
    if text and not re.fullmatch("[0-9]{1,20}", text):
        line.refuse("token", expected)
    return _fits(line, "token", 1 << 64)


def _fits(line: Line, column: str, below: int, least: int = 0) -> int:
    value = line.number(column, None if least else 0)
    if not least <= value < below:
        line.refuse(column, f"{least} to {below - 1}")
    return value


def _start_us(day: int, zone_us: int) -> int:
    """Midnight of a day in the ledger's zone; a day before there were taps is always."""
    return max(0, midnight_us(day, zone_us))


def _fares(rows: Rows) -> NDArray[np.int32]:
    """A square of fares, as large as the highest station; -1 where the file has no pair."""
    pairs: dict[tuple[int, int], int] = {}
    for line in rows:
        pair = line.number("from"), line.number("to")
        for column, station in zip(("from", "to"), pair, strict=True):
            if not 1 <= station <= STATIONS_MAX:
                line.refuse(column, f"a station of 1 to {STATIONS_MAX}")
        if pair in pairs:
            line.refuse("to", "each pair once")
        fare = line.number("fare_fen")
        if not 0 <= fare < 1 << 31:
            line.refuse("fare_fen", "0 or more fen")
        pairs[pair] = fare
    if not pairs:
        raise BadInput(f"{rows.file}: expected fares, found no rows")
    stations = max(max(pair) for pair in pairs)
    fares = np.full((stations, stations), -1, np.int32)
    for (start, end), fare in pairs.items():
        fares[start - 1, end - 1] = fare
    return fares


@contextmanager
def _client(address: str, participant: str | None = None) -> Iterator[Client]:
    with Client(address, participant, TIMEOUT_S) as client:
        client.wait_ready(CONNECT_S)
        yield client


def _say(line: str) -> None:
    typer.echo(line, err=True)
