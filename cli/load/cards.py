"""`onecard load cards`: cards, by printed number or by token."""

import re
from typing import Annotated

from onecard.cli.load.card_status import STATUSES
from onecard.cli.load.changes import Sending
from onecard.cli.load.options import ADDRESS, DryRun, File, Move, To
from onecard.cli.load.rows import Line, Rows
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.errors import BadInput
from onecard.core.ledger.card_number import ANY, CardForm
from onecard.v1 import registry_pb2 as pb

TOKEN_HEX = re.compile("0x[0-9a-fA-F]{16}")
RECORDED = ("bank_status", "generation", "expires", "key_version")
FUNDINGS = {
    "prepaid": pb.FUNDING_PREPAID,
    "chip": pb.FUNDING_CHIP,
    "credit": pb.FUNDING_CREDIT,
}


def cards(
    file: File,
    to: To = ADDRESS,
    dry_run: Annotated[bool, DryRun] = False,
    move: Annotated[bool, Move] = False,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """Cards, by printed number or by token. Columns: number or token (decimal, or 0x and 16
    hexadecimal digits), issuer (name or id), funding (prepaid, chip or credit); and, where wanted,
    status, since, floor_fen, account, bank_status, generation, expires (a day), key_version. A
    status that is not there or empty leaves it as it is, and a new card is active: only the word
    active unblocks. since is when the status took effect, of a lost card when it was lost, of one
    that is found again until when it was, and since when the card is of another issuer, funding or
    account; else that is now. A day or time in the ledger's zone, or with one of its own:
    2026-11-22, 2026-11-22 08:30, 2026-11-22 08:30+08:00.
    A number has the form that the ledger was made for, and is taken exactly as it is written. A
    file that moves a card to another issuer or account lists the lines that do and changes nothing,
    unless --move says that it is meant; a card that comes twice is put twice, in the order of the
    lines.

    Example: onecard load cards cards.csv --to 127.0.0.1:7421 --dry-run
    """
    optional = ("number", "token", "status", "since", "floor_fen", "account", *RECORDED)
    rows = Rows(file, ("issuer", "funding"), optional)
    with connected(to, who=who(actor, checker, reason)) as client:
        known, zone_us = client.participants(), client.rules().zone_offset_us
        form = CardForm.parse(client.head().card_number)
        sending = Sending(client, "card", rows, lambda row: _card(row, known, zone_us, form))
        sending.put(dry_run, move)


def _card(line: Line, known: dict[str, int], zone_offset_us: int, form: CardForm) -> pb.Card:
    number, token = _number(line, form), _token(line)
    if bool(number) == bool(token):
        found = "both; leave one of the two cells empty" if number else "neither; fill one of them"
        raise BadInput(f"{line.file}:{line.at}: expected a number or a token, found {found}")
    floor_fen = line.number("floor_fen", 0) if line.text("floor_fen") else None
    if floor_fen is not None and abs(floor_fen) > 1 << 62:
        line.refuse("floor_fen", "an amount")
    card = pb.Card(
        number=number,
        token=token,
        issuer=line.participant("issuer", known),
        funding=line.choice("funding", FUNDINGS),
        status=line.choice("status", STATUSES),
        since_us=line.instant_us("since", zone_offset_us),
        floor_fen=floor_fen,
        account=line.fits("account", 1 << 32),
    )
    _record(card, line)
    return card


def _record(card: pb.Card, line: Line) -> None:
    """What is only recorded; an empty cell leaves it as it is."""
    if line.text("bank_status"):
        card.bank_status = line.choice("bank_status", STATUSES)
    if line.text("generation"):
        card.generation = line.fits("generation", 1 << 8)
    if line.text("expires"):
        card.expires_day = line.day("expires")
    if line.text("key_version"):
        card.key_version = line.fits("key_version", 1 << 16, 1)


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
    return line.fits("token", 1 << 64)
