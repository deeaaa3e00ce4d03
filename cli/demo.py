"""`onecard demo`: the main job on one's own machine, on real taps and a generated day."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from onecard.cli.audit import show as show_audit
from onecard.cli.fare import show as show_quote
from onecard.cli.local import Settled, connected, ledger_folder, serving, settled
from onecard.cli.replay import as_json, show, yuan
from onecard.cli.table import print_rows
from onecard.core.clock import SystemClock
from onecard.core.days import day_text
from onecard.core.ledger.folder import read_card_tokens
from onecard.core.ledger.opened import Ledger
from onecard.core.ledger.token import CardTokens
from onecard.core.reconcile.match import TRADE_NAMES, Finding
from onecard.core.reconcile.reconcile import our_sheet, reconcile
from onecard.core.tariff.audit.report import audit
from onecard.core.tariff.moments import moment_us
from onecard.core.tariff.quote import LegAsked, Quoter, RiderAsked
from onecard.core.tariff.ready import load
from onecard.core.tariff.square import square_of
from onecard.sample.generated.day import CHARGES, MOVES, Day, make
from onecard.sample.generated.play import Played, play_day
from onecard.sample.generated.returned import write_returned
from onecard.sample.recorded import shenzhen
from onecard.sample.recorded.play import Result, play_taps
from onecard.sample.recorded.taps import Roll

REAL = "../shared/data/shenzhen_taps"
ENVIRONMENT = "ONECARD_TAPS"
WHERE = (
    "no real taps here: the Shenzhen open data platform (opendata.sz.gov.cn) publishes data set "
    f"29200_00403601; name its files in {ENVIRONMENT}, parted by '{os.pathsep}'"
)
RETURNED_BY = "Generated Canteens"
RETURNED = "returned.csv"
TAPS = 1_000_000
QUOTED = ("土桥", "国贸", "2026-03-02 06:30")  # a Monday, before the end of the low peak


def demo(
    taps: Annotated[int, typer.Option(help="Taps of the generated day.")] = TAPS,
    seed: Annotated[
        int, typer.Option(help="Of the generated day.", min=0, max=2**32 - 1)
    ] = 20210929,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A ledger's folder, made if absent; default: a new one."),
    ] = None,
) -> None:
    """Show the whole way: taps over gRPC, decided, journalled, settled, verified, reconciled.

    Real taps first, where there are any, then a day that is generated. Exit status 1 if anything
    is not as it must be.

    Example: onecard demo --taps 200000 --data ./ledger
    """
    console = Console()
    began = time.monotonic()
    files = real_files()
    _show_fares(console, [file for file in files if file.suffix == ".csv"])
    with steps(console) as step:
        step.start("the tariff and the generated day", taps)
        path = ledger_folder(data)
        tariff = square_of(load("beijing"), "metro")
        day = make(taps, seed, tariff)
        card_tokens = read_card_tokens(path)
        with serving(path) as address:
            real = _real(address, files, card_tokens, step) if files else None
            step.start("taps of the day", day.taps)
            played = play_day(
                address, day, tariff, card_tokens, SystemClock(), step.say, step.advance
            )
        step.start("settlement files and verify", 0)
        windows = [*(real[0].windows if real else []), *played.windows]
        done = settled(path, [window.id for window in windows])
        step.start("reconciliation", 0)
        breaks = _breaks(path, played.windows[0].id, seed)
    if real is None:
        console.print(WHERE, soft_wrap=True)
    else:
        console.rule("real taps: " + ", ".join(file.name for file in files))
        result, rows, invalid = real
        show(console, as_json(result, done, rows, invalid), result, done)
    _show_day(console, day, played)
    sound = _show_proof(console, played, done)
    _show_breaks(breaks)
    console.print(f"files      {path / 'files'}", soft_wrap=True)
    console.print(f"ledger     {path} (onecard show, serve, settle, verify)", soft_wrap=True)
    console.print(f"took       {time.monotonic() - began:.0f} s")
    if not sound or any(put != found for put, found in breaks.values()):
        raise typer.Exit(1)


def real_files() -> list[Path]:
    """The files of real taps: those named in ONECARD_TAPS, or the data beside the repository."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return [Path(name) for name in shlex.split(named.replace(os.pathsep, " "))]
    for root in (Path.cwd(), Path(__file__).resolve().parent.parent):
        folder = (root / REAL).resolve()
        if folder.is_dir():
            return sorted(file for file in folder.iterdir() if file.suffix in (".csv", ".json"))
    return []


def _show_fares(console: Console, files: list[Path]) -> None:
    """What needs no ledger: a quote with its reasons, and recorded charges audited."""
    origin, destination, at = QUOTED
    console.rule("a quote, explained")
    console.print(
        f'$ onecard fare --tariff beijing --from {origin} --to {destination} --at "{at}"',
        soft_wrap=True, highlight=False,
    )  # fmt: skip
    quoter = Quoter(load("beijing"))
    at_us = moment_us(at, str(quoter.compiled.words["zone"]), "at")
    leg = LegAsked(at_us, at_us, origin, destination)
    show_quote(quoter, quoter.journey([leg], quoter.rider(RiderAsked()), 0), at_us, now=False)
    if not files:
        return
    console.rule("recorded charges, audited")
    names = " ".join(shlex.quote(file.name) for file in files)
    console.print(
        f"$ onecard audit fares {names} --tariff shenzhen-2018", soft_wrap=True, highlight=False
    )
    show_audit(audit(files, load("shenzhen-2018"), console.print))


class Step:
    """What is going on: a bar where there is a terminal, a line where there is none."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self.console = console
        self.bar = bar
        self.task = bar.add_task("", total=None) if bar is not None else None

    def start(self, what: str, taps: int) -> None:
        if self.bar is not None and self.task is not None:
            self.bar.reset(self.task, description=what, total=taps or None)
        else:
            self.console.print(f"... {what}")

    def say(self, what: str) -> None:
        if self.bar is not None and self.task is not None:
            self.bar.update(self.task, description=what)
        else:
            self.console.print(f"... {what}")

    def advance(self, taps: int) -> None:
        if self.bar is not None and self.task is not None:
            self.bar.advance(self.task, taps)


@contextmanager
def steps(console: Console) -> Iterator[Step]:
    if not console.is_terminal:
        yield Step(console, None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Step(console, bar)


# ---- the parts ----------------------------------------------------------------------------------


def _real(
    address: str, files: list[Path], card_tokens: CardTokens, step: Step
) -> tuple[Result, int, int]:
    """Replays real taps; the result, and how many rows were read and left out."""
    step.start("real taps", 0)
    roll = Roll()
    rows, invalid = shenzhen.read(
        files, roll, lambda fault: step.console.print(str(fault)), card_tokens.form
    )
    step.start("real taps", len(rows))
    with connected(address) as client:
        result = play_taps(client, rows, roll, card_tokens, SystemClock(), step.advance)
    return result, len(rows), invalid


def _breaks(path: Path, window: int, seed: int) -> dict[Finding, tuple[int, int]]:
    """A returned file with breaks put in it, reconciled: put in, found."""
    theirs = path / RETURNED
    with Ledger.open(path, readonly=True) as ledger:
        ours = our_sheet(ledger.journal, path, window, theirs, RETURNED_BY)
    put = write_returned(ours, theirs, seed)
    found = reconcile(ours, theirs)
    return {what: (count, found.tallies[what].count) for what, count in put.items()}


# ---- what came of it ----------------------------------------------------------------------------


def _show_day(console: Console, day: Day, played: Played) -> None:
    console.rule(f"generated day {day_text(day.day)}, seed {day.seed}: nothing in it happened")
    if played.known_before:
        console.print("this ledger holds this day already: everything was answered from history")
    counts = [*played.outcomes.most_common(), ("all", played.outcomes.total())]
    rows = [{"outcome": name, "taps": count} for name, count in counts]
    print_rows("taps by outcome", rows, ("outcome", "taps"))
    rows = []
    for sent, answers in zip(day.streams, played.answers, strict=True):
        charged = np.isin(sent.rows["kind"], CHARGES) & np.isin(answers.outcome, MOVES)
        fen = int(answers.amount_fen[charged & (answers.repeated == 0)].sum())
        operator = day.operators[sent.operator][0]
        rows.append({"operator": operator, "taps": len(sent.rows), "charged": yuan(fen)})
    title = "charged per operator in yuan, before refunds and reversals"
    print_rows(title, rows, ("operator", "taps", "charged"))
    console.print(
        f"before     {len(day.issuer_of):,} cards, {len(day.terminals):,} terminals registered in "
        f"{played.load_s:.1f} s; {played.opening:,} opening balances",
        soft_wrap=True,
    )
    console.print(
        f"throughput {day.taps / played.seconds:,.0f} taps a second, durable, over gRPC, "
        f"{len(day.streams)} operators, client and server on this machine",
        soft_wrap=True,
    )
    _show_waits(console, "message", played.wait_ms().tolist(), "up to 8,192 taps, full load")
    _show_waits(console, "one tap", played.single_ms, "a call each, one after the other")


def _show_waits(console: Console, what: str, waits_ms: list[float], how: str) -> None:
    p50, p99, p100 = np.percentile(waits_ms, (50, 99, 100))
    console.print(
        f"{what:10} answered in p50 {p50:.1f} ms, p99 {p99:.1f} ms, p100 {p100:.1f} ms: {how}",
        soft_wrap=True,
    )


def _show_proof(console: Console, played: Played, done: Settled) -> bool:
    """Say what was proved. Returns True when all is as it must be."""
    compared = played.outcomes.total()
    if played.known_before:
        console.print("answers    not compared, this ledger held the day before")
    elif played.wrong:
        console.print(f"answers    {played.wrong:,} differ from the rules: {played.first_wrong}")
    else:
        console.print(f"answers    all {compared:,} are those the rules give, row by row")
    sums = [window.sum_fen for window in played.windows]
    numbers = " and ".join(str(window.id) for window in played.windows)
    console.print(f"zero       net positions of windows {numbers} sum to {sums} fen")
    trial = done.report.trial_balance_fen if done.report else {}
    parts = ", ".join(f"{name} {yuan(fen)}" for name, fen in trial.items() if fen)
    console.print(
        f"zero       trial balance: {parts}; together {yuan(sum(trial.values()))}", soft_wrap=True
    )
    style = "green" if done.verify == "ok" else "red"
    console.print(f"verify     {done.verify}", style=style)
    return not played.wrong and not any(sums) and not sum(trial.values()) and done.verify == "ok"


def _show_breaks(breaks: dict[Finding, tuple[int, int]]) -> None:
    rows = [
        {
            "break": what.name.lower().replace("_", " "),
            "chinese": TRADE_NAMES[what],
            "put in": put,
            "found": found,
        }
        for what, (put, found) in breaks.items()
    ]
    columns = ("break", "chinese", "put in", "found")
    print_rows(f"returned file of {RETURNED_BY}", rows, columns)
