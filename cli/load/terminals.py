"""`onecard load terminals`: gates, buses, tills."""

from typing import Annotated

from onecard.cli.load.card_status import TERMINAL_STATUSES
from onecard.cli.load.changes import Sending
from onecard.cli.load.issued import Issued
from onecard.cli.load.options import ADDRESS, AsJson, DryRun, File, Ids, Move, To
from onecard.cli.load.rows import Line, Rows
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.ledger.card_number import spreadsheet_fault
from onecard.v1 import registry_pb2 as pb

YES = {"": None, "no": False, "0": False, "yes": True, "1": True}


def terminals(
    file: File,
    to: To = ADDRESS,
    ids: Ids = None,
    as_json: AsJson = False,
    dry_run: Annotated[bool, DryRun] = False,
    move: Annotated[bool, Move] = False,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """Gates, buses, tills; prints their ids where they are few. Columns: number, operator (name or
    id); and, where wanted, place, mode, status (active, blocked, closed or internal), counterless
    (yes or no), network, since. A column that is not there or a cell that is empty leaves that as
    it is; a new terminal is active, at place 0, of mode 0 and network 0, not counterless. since is
    since when another operator, place, network or status is so, a day or time in the ledger's zone,
    else now: what was tapped before is of what the terminal was then. Internal are new virtual
    terminals, by which the ledger itself books; their numbers begin with internal: and no others.
    A file that moves a terminal to another operator lists what it moves and changes nothing, unless
    --move says that it is meant.

    Example: onecard load terminals terminals.csv --to 127.0.0.1:7421 --ids ids.csv
    """
    optional = ("place", "mode", "status", "counterless", "network", "since")
    rows = Rows(file, ("number", "operator"), optional)
    with connected(to, who=who(actor, checker, reason)) as client:
        known, zone_us = client.participants(), client.rules().zone_offset_us
        issued = Issued("number", file, ids, as_json)
        sending = Sending(
            client, "terminal", rows, lambda row: _terminal(row, known, zone_us), issued
        )
        sending.put(dry_run, move)
    if not dry_run:
        issued.say()


def _terminal(line: Line, known: dict[str, int], zone_offset_us: int) -> pb.Terminal:
    return pb.Terminal(
        number=_gate(line),
        operator=line.participant("operator", known),
        place=line.fits("place", 1 << 32) if line.text("place") else None,
        mode=line.fits("mode", 1 << 8) if line.text("mode") else None,
        status=line.choice("status", TERMINAL_STATUSES),
        counterless=line.choice("counterless", YES),
        network=line.fits("network", 1 << 16) if line.text("network") else None,
        since_us=line.instant_us("since", zone_offset_us),
    )


def _gate(line: Line) -> str:
    """A terminal's printed number; what a spreadsheet made of one would be another gate."""
    number = line.text("number")
    fault = spreadsheet_fault(number)
    if fault is not None:
        line.refuse("number", "the number as it is printed", fault)
    return number
