"""`onecard serve`: the server of one ledger, until it is told to stop."""

import asyncio
import json
import os
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from onecard.cli import stdio
from onecard.core.clock import SystemClock
from onecard.core.config import RANGES, Settings
from onecard.core.errors import BadInput
from onecard.core.ledger.settings_file import ENDED, KEPT, SETTINGS, read_settings
from onecard.core.watch.lines import Lines
from onecard.core.watch.log import Log
from onecard.grpc.server.process import Process, Ready
from onecard.grpc.server.server import Address

LAST_WORDS_S = 1.0  # for the log to be written at the end; a reader that does not read is left
READY_BYTES_MAX = 4096  # one line
READY_WAIT_S = 0.1  # so that it stands there before the ready file does


def serve(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="The ledger's folder.")],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0 chooses one.")
    ] = f"{Settings.host}:{Settings.port}",
    metrics_port: Annotated[
        int,
        typer.Option(
            help="Port of the Prometheus endpoint, same host; 0 chooses one.", min=0, max=65535
        ),
    ] = Settings.metrics_port,
    cards_max: Annotated[
        int | None,
        typer.Option(
            help=f"Cards the ledger has room for from now on; by default as {SETTINGS} says.",
            min=1,
        ),
    ] = None,
    streams_max: Annotated[
        int | None,
        typer.Option(
            help="Streams that may be open.", min=1, show_default=str(Settings.streams_max)
        ),
    ] = None,
    checkpoint_seconds: Annotated[
        float | None,
        typer.Option(
            help="Between two checkpoints; bounds what a restart replays.",
            min=0,
            show_default=str(Settings.checkpoint_every_s),
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help=f"Any other setting of core/config.py. {', '.join(KEPT)} are the ledger's own: "
            f"they are kept in {SETTINGS} for every command.",
        ),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written when ready: JSON with the addresses, for scripts.")
    ] = None,
    reflection: Annotated[
        bool | None,
        typer.Option("--reflection/--no-reflection", help="By default on loopback only."),
    ] = None,
    log_format: Annotated[
        str, typer.Option(metavar="logfmt|json", help="Of the log, on standard error.")
    ] = "logfmt",
) -> None:
    """Serve a ledger over gRPC until SIGTERM, SIGINT or SIGHUP (onecard stop DIR).

    It recovers by itself, then takes taps; told to stop, it answers what is in flight, saves a
    checkpoint and exits 0. If the engine fails it answers nothing more and exits 2. A log that
    cannot be written stops nothing: lines are dropped and counted in the metrics.

    Example: onecard serve ./ledger --listen 127.0.0.1:7421
    """
    address = Address.parse(listen)
    given: dict[str, Any] = {
        "cards_max": cards_max,
        "streams_max": streams_max,
        "checkpoint_every_s": checkpoint_seconds,
        "host": address.host,
        "port": address.port,
        "metrics_port": metrics_port,
    }
    settings = replace(
        _settings(read_settings(data), setting or []),
        **{name: value for name, value in given.items() if value is not None},
    )
    if ready_file is not None and not ready_file.parent.is_dir():
        raise BadInput(f"--ready-file: expected a folder {ready_file.parent}, found none; make it")
    clock = SystemClock()
    said = Lines(stdio.given(stdio.ERROR))
    shown = Lines(stdio.given(stdio.OUTPUT), READY_BYTES_MAX)
    log = Log(clock, _log_format(log_format), said)
    log.capture()

    def leave(status: int, reason: str) -> NoReturn:
        """End at once: threads may be stuck in the disk, so nobody waits for them."""
        log.tick()
        if reason:
            said.write(f"onecard: {reason}\n")
        said.drain(LAST_WORDS_S)
        os._exit(status)

    def ready(now: Ready) -> None:
        said.drain(READY_WAIT_S)
        shown.write(
            f"onecard: ready on {now.address}, metrics on http://{now.metrics}/metrics, "
            f"{data} at sequence {now.sequence}, {now.replayed} records replayed, "
            f"started in {now.startup_s:.2f} s\n"
        )
        shown.drain(READY_WAIT_S)
        if ready_file is not None:
            try:
                _write_ready(ready_file, now)
            except OSError as error:  # it serves all the same
                log.error("ready_file", path=str(ready_file), reason=str(error.strerror))

    metrics = Address(address.host, metrics_port)
    process = Process(data, settings, clock, log, metrics, reflection, leave)
    try:
        asyncio.run(process.run(address, ready))
    finally:
        log.tick()
        said.drain(LAST_WORDS_S)


def _write_ready(path: Path, now: Ready) -> None:
    """Whole or not at all: a script that sees the file can read it."""
    row = {"address": str(now.address), "metrics": now.metrics, "pid": os.getpid()}
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(row) + "\n")
    part.rename(path)


def _settings(own: Settings, given: list[str]) -> Settings:
    """The ledger's with NAME=VALUE pairs applied; BadInput for a name or value that is none."""
    known: dict[str, Any] = {field.name: type(field.default) for field in fields(Settings)}
    values: dict[str, Any] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if name in ENDED and equals:  # of a unit that was written before
            continue
        if name not in known or not equals:
            raise BadInput(
                f"--set: expected NAME=VALUE with one of {', '.join(known)}; found {pair[:80]!r}"
            )
        try:
            values[name] = known[name](text)
        except ValueError:
            raise BadInput(
                f"--set {name}: expected a value of type {known[name].__name__}, found {text!r}"
            ) from None
        least, most = (KEPT | RANGES).get(name, (0, 0))
        if not isinstance(values[name], str) and not least <= values[name] <= most:
            raise BadInput(f"--set {name}: expected {least} to {most}, found {text[:40]}")
    return replace(own, **values)


def _log_format(text: str) -> Literal["logfmt", "json"]:
    if text == "json":
        return "json"
    if text == "logfmt":
        return "logfmt"
    raise BadInput(f"--log-format: expected logfmt or json, found {text!r}")
