"""`onecard fare`: what a journey costs by a tariff, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from onecard.cli.exit_status import Exit
from onecard.cli.table import print_hanging, print_rows
from onecard.core.clock import SystemClock
from onecard.core.days import day_number
from onecard.core.errors import BadInput, quoted
from onecard.core.tariff.currency import format_amount
from onecard.core.tariff.explain import Explained
from onecard.core.tariff.moments import local_text, moment_us
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.quote import LegAsked, LegQuote, Quoted, Quoter, RiderAsked
from onecard.core.tariff.ready import load
from onecard.core.tariff.source import of_folder
from onecard.core.tariff.table import read_table
from onecard.ext.fare.shapes import TARIFF_HEADER

COLUMNS = ("begin",)
MORE_COLUMNS = (
    "end", "network", "from", "to", "line", "metres", "face", "incomplete",
)  # fmt: skip
INDENT = " " * 13  # below the words of a reason
FACE_MAX = 10**12
YES = ("yes", "true", "1")  # as people and spreadsheets write it
NO = ("no", "false", "0", "")
METRES_MAX = 10**9
CITY_MAX = 999_999  # six digits
CITY = Annotated[
    int,
    typer.Option(
        help="GB/T 2260 code of the city whose card it is, of another one.",
        min=0,
        max=CITY_MAX,
        show_default=False,
    ),
]


def fare(
    tariff: Annotated[str, typer.Option("--tariff", metavar="NAME|DIR|ZIP", help="By which.")],
    origin: Annotated[str, typer.Option("--from", help="Where one boards: an id, or a name.")] = "",
    destination: Annotated[str, typer.Option("--to", help="Where one alights.")] = "",
    via: Annotated[
        list[str] | None,
        typer.Option(metavar="STOP[@HH:MM[-HH:MM]]", help="Where one changes, arrival-departure."),
    ] = None,
    at: Annotated[
        str, typer.Option(metavar="TIME", help="When one boards, by the tariff's clock; now.")
    ] = "",
    end: Annotated[str, typer.Option(metavar="TIME", help="When one alights.")] = "",
    network: Annotated[str, typer.Option(help="Which network, where it is not plain.")] = "",
    line: Annotated[str, typer.Option(help="Which line, or route of a feed.")] = "",
    metres: Annotated[
        int,
        typer.Option(
            help="What the terminal measured.", min=-1, max=METRES_MAX, show_default=False
        ),
    ] = -1,
    face: Annotated[
        int,
        typer.Option(
            help="What the terminal says, in minor units.",
            min=-1,
            max=FACE_MAX,
            show_default=False,
        ),
    ] = -1,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Entry or exit is missing.")
    ] = False,
    rider: Annotated[str, typer.Option("--class", help="Whose fare; the default rider's.")] = "",
    until: Annotated[
        str, typer.Option("--class-until", metavar="YYYY-MM-DD", help="Last day of proof.")
    ] = "",
    media: Annotated[str, typer.Option(help="How it is paid: a card, a phone; any.")] = "",
    city: CITY = 0,
    after: Annotated[
        Path | None,
        typer.Option(
            metavar="JOURNEYS.csv",
            help="Rides before it: begin, and end, network, "
            "from, to, line, metres, face, incomplete.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """What a journey costs by a tariff, and the reason of each step. No server, no ledger.

    Example: onecard fare --tariff beijing --from 苹果园 --to 国贸
    """
    quoter = Quoter(load(tariff))
    zone = str(quoter.compiled.words["zone"])
    now = not at
    begin_us = moment_us(at, zone, "--at") if at else SystemClock().now_us()
    day = day_number(until, "--class-until") if until else 0
    row = quoter.rider(RiderAsked(rider, day, city))
    medium = quoter.media(media)
    if after is not None:
        row = ridden(quoter, after, zone, row, medium, begin_us)
    first = LegAsked(
        begin_us,
        moment_us(end, zone, "--end", begin_us) if end else begin_us,
        origin, destination, network, line, metres, face, incomplete,
    )  # fmt: skip
    check_said(first, bool(end), zone)
    answer = quoter.journey(legs_of(first, via or [], zone), row, medium)
    if as_json:
        print(json.dumps(as_object(quoter, answer, begin_us), ensure_ascii=False))
    else:
        show(quoter, answer, begin_us, now, not media)
    return Exit.DONE if answer.amount is not None else Exit.DIFFERS


def check_said(asked: LegAsked, has_end: bool, zone: str) -> None:
    """BadInput where nobody can tell which ride is meant, or it ends before it begins."""
    measured = asked.metres >= 0 or asked.face >= 0 or has_end
    ends = [name for name in (asked.origin, asked.destination) if name]
    if not (asked.network or measured or len(ends) == 2 or (asked.incomplete and ends)):
        missing = "--to" if asked.origin else "--from" if asked.destination else "where"
        found = "one of them" if ends else "neither"
        raise BadInput(f"expected --from and --to, or --network, found {found}; say {missing}")
    if asked.end_us < asked.begin_us:
        begin, end = (local_text(at_us, zone) for at_us in (asked.begin_us, asked.end_us))
        raise BadInput(
            f"--end: expected a time after {begin}, found {end}; of another day say the day too"
        )


def legs_of(whole: LegAsked, via: list[str], zone: str) -> list[LegAsked]:
    """A leg from each place of change to the next; without a time at the time of boarding."""
    legs = []
    begin_us, origin = whole.begin_us, whole.origin
    for text in via:
        stop, arrive_us, leave_us = _change(text, zone, begin_us)
        legs.append(LegAsked(begin_us, arrive_us, origin, stop, whole.network, whole.line))
        begin_us, origin = leave_us, stop
    if whole.begin_us < whole.end_us < begin_us:  # an end that was said
        raise BadInput(
            f"--end: expected a time after the last --via, {local_text(begin_us, zone)}, found "
            f"{local_text(whole.end_us, zone)}"
        )
    legs.append(
        LegAsked(
            begin_us, max(whole.end_us, begin_us), origin, whole.destination, whole.network,
            whole.line, whole.metres, whole.face, whole.incomplete,
        )
    )  # fmt: skip
    return legs


def _change(text: str, zone: str, begin_us: int) -> tuple[str, int, int]:
    """Stop, arrival and departure of STOP, STOP@HH:MM, STOP@HH:MM-HH:MM."""
    stop, _, times = text.rpartition("@") if "@" in text else (text, "", "")
    if not times:
        return stop, begin_us, begin_us
    arrive, _, leave = times.partition("-")
    arrive_us = moment_us(arrive, zone, "--via", begin_us)
    leave_us = moment_us(leave, zone, "--via", begin_us) if leave else arrive_us
    if not begin_us <= arrive_us <= leave_us:
        raise BadInput(f"--via: expected times that rise, found {quoted(text)}")
    return stop, arrive_us, leave_us


def ridden(
    quoter: Quoter, file: Path, zone: str, rider: bytes, media: int, before_us: int
) -> bytes:
    """The rider's row after the rides of a file, in the order of their begin. BadInput, naming the
    line, where one is wrong, has no fare, or begins after `before_us`."""
    if not file.is_file():
        raise BadInput(f"{file}: expected a CSV of rides, found none; name another")
    notices = Notices()
    folder = of_folder(file.parent, str(file.parent))
    table = read_table(folder, file.name, notices, COLUMNS, MORE_COLUMNS)
    if notices.found:
        raise BadInput(f"{notices.found[0]}")
    assert table is not None  # what is wrong with it was noticed
    rides = []
    for number, values in table.each(*COLUMNS, *MORE_COLUMNS):
        where = f"{file.name}: line {number}"
        begin, end, network, origin, destination, line, metres, face, incomplete = values
        begin_us = moment_us(begin, zone, f"{where}: begin")
        end_us = moment_us(end, zone, f"{where}: end", begin_us) if end else begin_us
        if begin_us > before_us:
            raise BadInput(
                f"{where}: expected a ride before {local_text(before_us, zone)}, found "
                f"{quoted(begin)}; say --at, or take it out"
            )
        rides.append(
            (
                begin_us, number,
                LegAsked(
                    begin_us, end_us, origin, destination, network, line,
                    _number(metres, f"{where}: metres", METRES_MAX),
                    _number(face, f"{where}: face", FACE_MAX),
                    _flag(incomplete, f"{where}: incomplete"),
                ),
            )
        )  # fmt: skip
    for _, number, leg in sorted(rides, key=lambda ride: ride[:2]):
        try:
            answer, rider = quoter.leg(leg, rider, media)
        except BadInput as error:
            raise BadInput(f"{file.name}: line {number}: {error}") from None
        if answer.amount is None:
            raise BadInput(f"{file.name}: line {number}: {answer.why}")
    return rider


def _number(text: str, where: str, most: int) -> int:
    if not text:
        return -1
    if not (text.isascii() and text.isdecimal() and len(text) < 15 and int(text) <= most):
        raise BadInput(f"{where}: expected 0 to {most}, found {quoted(text)}")
    return int(text)


def _flag(text: str, where: str) -> bool:
    """Returns True when a cell says yes; BadInput where it says neither yes nor no."""
    said = text.casefold()
    if said not in (*YES, *NO):
        raise BadInput(f"{where}: expected yes or no, found {quoted(text)}")
    return said in YES


# ---- what is printed ----------------------------------------------------------------------------


def as_object(quoter: Quoter, answer: Quoted, begin_us: int) -> dict[str, Any]:
    """The quote as a program reads it; amounts are minor units."""
    words = quoter.compiled.words
    legs = [_leg_object(leg) for leg in answer.legs]
    return {
        "tariff": words["id"],
        "amount": answer.amount,
        "currency": words["currency"] if answer.amount is not None else None,
        "at": local_text(begin_us, str(words["zone"])),
        "zone": words["zone"],
        "reasons": [
            *(reason for leg in legs for reason in leg["reasons"]),
            *map(_reason_object, answer.reasons),
        ],
        "why": next((leg.why for leg in answer.legs if leg.why), None),
        "legs": legs,
        "alternatives": [one for leg in legs for one in leg["alternatives"]],
    }


def _leg_object(leg: LegQuote) -> dict[str, Any]:
    return {
        "from": leg.ends[0] or None,
        "to": leg.ends[1] or None,
        "network": leg.network,
        "amount": leg.amount,
        "fare": leg.fare if leg.amount is not None else None,
        "why": leg.why or None,
        "product": leg.product or None,
        "medium": leg.medium or None,
        "reasons": [_reason_object(one) for one in leg.reasons],
        "alternatives": [
            {
                "product": one.product, "medium": one.medium or None, "amount": one.amount,
                "currency": one.currency,
            }
            for one in leg.alternatives
        ],
        "shares": [{"operator": name, "amount": part} for name, part in leg.shares],
    }  # fmt: skip


def _reason_object(one: Explained) -> dict[str, Any]:
    return {
        "rule": one.rule or None,
        "words": one.words,
        "before": one.before,
        "after": one.after,
        "cell": one.cell or None,
        "bearer": one.bearer or None,
        "source": one.source,
        "file": one.file or None,
        "line": one.line or None,
    }


def show(
    quoter: Quoter, answer: Quoted, begin_us: int, now: bool, any_medium: bool = False
) -> None:
    """The quote as a person reads it."""
    words = quoter.compiled.words
    when = local_text(begin_us, str(words["zone"])) + (", now" if now else "")
    print(f"{words['name']}, {when}")
    other = "; --media says another" if len(words["media"]) > 1 else ""
    for leg in answer.legs:
        ends = " → ".join(name for name in leg.ends if name)
        print(f"{ends or leg.network}{f' ({leg.network})' if ends and leg.network else ''}")
        for one in leg.reasons:
            amount = "" if one.after is None else _money(quoter, one.after)
            bearer = f"; {_bearer(one.bearer)}" if one.bearer else ""
            said = f"{one.words}{bearer} [{_where(one.rule, one.source)}]"
            print_hanging(f"  {amount:>9}  ", said)
        if leg.medium and any_medium:
            print_hanging(INDENT, f"with {leg.medium}{other}")
        if leg.why:
            print_hanging("  ", leg.why)
        if len(leg.shares) > 1:
            parts = ", ".join(f"{name} {_money(quoter, part)}" for name, part in leg.shares)
            print_hanging(INDENT, f"shared: {parts}")
    for one in answer.reasons:
        print(f"  {_money(quoter, one.after or 0):>9}  {one.words}")
    if answer.amount is None:
        print("no fare defined")
    else:
        print(f"{_money(quoter, answer.amount)} {words['currency']}")
    rows = [
        {
            "product": one.product,
            "with": one.medium or "any",
            "amount": f"{_money(quoter, one.amount)} {one.currency}",
        }
        for leg in answer.legs
        for one in leg.alternatives
    ]
    print_rows("alternatives", rows, ("product", "with", "amount"))


def _bearer(bearer: str) -> str:
    """Who pays what was taken off, as docs/tariffs.md has it."""
    if bearer == "pro_rata":
        return "all operators bear it, by face fare"
    return f"{'the operator' if bearer == 'operator' else bearer.removeprefix('payer: ')} bears it"


def _where(rule: str, source: dict[str, str] | None) -> str:
    if source is None:
        return rule
    return ", ".join(part for part in (rule, source.get("title"), source.get("date")) if part)


def _money(quoter: Quoter, amount: int) -> str:
    digits = int(
        quoter.compiled.arrays["header"].reshape(-1).view(TARIFF_HEADER)["minor_digits"][0]
    )
    return format_amount(amount, digits)
