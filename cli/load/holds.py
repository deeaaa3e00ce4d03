"""`onecard load holds`: by what money is held."""

from typing import Annotated

import typer

from onecard.cli.load.options import ADDRESS, DryRun, File, To
from onecard.cli.load.rows import Line, Rows, located
from onecard.cli.load.server import connected
from onecard.cli.who import ActorFile, CheckerFile, Reason, who
from onecard.core.days import midnight_us
from onecard.core.errors import BadInput
from onecard.core.registry.hold_terms import LIFE_MAX_S, LIFE_MIN_S
from onecard.core.registry.terminals import NETWORK_MAX
from onecard.v1 import registry_pb2 as pb

FUNDINGS = {
    "prepaid": pb.FUNDING_PREPAID,
    "chip": pb.FUNDING_CHIP,
    "credit": pb.FUNDING_CREDIT,
}
PARTS = {"": False, "no": False, "yes": True}


def holds(
    file: File,
    to: To = ADDRESS,
    dry_run: Annotated[bool, DryRun] = False,
    actor: ActorFile = None,
    checker: CheckerFile = None,
    reason: Reason = "",
) -> None:
    """By what money is held in a network, immutable once stored. Columns: fundings (prepaid, chip,
    credit, with + between them: whose cards may be held on); and, where wanted, parts (yes: each
    capture takes a part; no: one capture, and the rest is given back), life_s (for how many seconds
    what is held can be captured, 60 to 34560000; 0: for ever), network (whose terminals),
    effective_from (YYYY-MM-DD, in the ledger's zone; empty: always), name. What is held already
    stays as it was held. Nothing is loaded of a file with a wrong row.

    Example: onecard load holds holds.csv --to 127.0.0.1:7421
    """
    optional = ("parts", "life_s", "network", "effective_from", "name")
    lines = list(Rows(file, ("fundings",), optional))
    if not lines:
        raise BadInput(f"{file}: expected hold terms, found no rows")
    with connected(to, who=who(actor, checker, reason)) as client:
        zone_us = client.rules().zone_offset_us
        terms = [terms_of(line, zone_us) for line in lines]
        # First all of it as a trial: what is refused is then refused before any is loaded.
        for trial in (True,) if dry_run else (True, False):
            changed = 0
            for at, one in enumerate(terms):
                with located([], 0 if trial else at):
                    stored = client.put_hold_terms(*one, dry_run=trial)
                changed += stored.changed
                if dry_run:
                    said = "new" if stored.changed else f"version {stored.version} already"
                    typer.echo(f"{file}:{lines[at].at}: {said}")
    would, end = ("would be ", "; nothing was changed") if dry_run else ("", "")
    typer.echo(f"{len(lines)} hold terms read, {changed} {would}new{end}", err=True)


def terms_of(line: Line, zone_us: int) -> tuple[str, int, list[int], bool, int, int]:
    """What `put_hold_terms` takes of a line. BadInput where a cell is wrong."""
    names = line.text("fundings").split("+")
    fundings = sorted({int(FUNDINGS[name]) for name in names if name in FUNDINGS})
    if len(fundings) < len(names):
        line.refuse("fundings", "prepaid, chip or credit, each once, with + between them")
    life_s = line.fits("life_s", LIFE_MAX_S + 1)
    if 0 < life_s < LIFE_MIN_S:
        line.refuse("life_s", f"0, or {LIFE_MIN_S} to {LIFE_MAX_S}")
    begins = line.text("effective_from")
    from_us = max(0, midnight_us(line.day("effective_from"), zone_us)) if begins else 0
    network = line.fits("network", NETWORK_MAX + 1)
    partial = line.choice("parts", PARTS)
    return line.text("name") or "holds", from_us, fundings, partial, life_s, network
