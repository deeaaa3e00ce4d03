"""`onecard stop`: end whoever serves a ledger, in order, and nobody else."""

import os
import select
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from onecard.core.errors import LedgerMissing, OnecardError
from onecard.core.ledger.folder import TOML
from onecard.core.ledger.owner import holder, is_free, said

TIMEOUT_S = 120.0  # it answers what is in flight and saves a checkpoint; as deploy's unit waits


def stop(
    data: Annotated[Path, typer.Argument(metavar="DIR", help="The ledger's folder.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for its end.", min=0)] = TIMEOUT_S,
) -> None:
    """Tell whoever serves a ledger to stop, and wait until it has.

    It takes nothing more, answers what is in flight and saves a checkpoint. Who serves it is asked
    of the kernel, which knows who holds the ledger's lock. Where nobody does, all is well.

    Example: onecard stop ledger
    """
    if not (data / TOML).exists():
        raise LedgerMissing(f"{data}: expected a ledger, found no {TOML}; check the path")
    began_s = time.monotonic()
    pid = _holder(data)
    if pid is None:
        typer.echo(f"{data}: nobody serves it")
        return
    _end(data, pid, timeout)
    typer.echo(f"{data}: process {pid} stopped after {time.monotonic() - began_s:.1f} s")


def _holder(data: Path) -> int | None:
    """The process that holds the ledger; OnecardError where there is one, and not to be seen."""
    pid = holder(data)
    if pid is None and not is_free(data):
        pid = said(data) or holder(data)
        if pid is None and not is_free(data):
            raise OnecardError(
                f"{data}: expected to see who holds it, found a process of another container or "
                "machine; stop it there"
            )
    return None if pid is None else int(pid)


def _end(data: Path, pid: int, timeout_s: float) -> None:
    """Signal the process and wait for its end; OnecardError where it may not, or does not."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return  # it ended just now
    try:
        # Asked again with the process in hand: its number cannot have gone to a stranger since.
        if _holder(data) != pid:
            return
        signal.pidfd_send_signal(process, signal.SIGTERM)
        ended = select.poll()
        ended.register(process, select.POLLIN)
        if not ended.poll(timeout_s * 1000):
            raise OnecardError(
                f"{data}: process {pid} was told to stop and still runs after {timeout_s:g} s, "
                "finishing what is in flight or waiting for its disk; wait for it, or kill it by "
                "its number: nothing that was answered is lost"
            )
    except ProcessLookupError:
        return
    except PermissionError:
        raise OnecardError(
            f"{data}: process {pid} serves it and is another user's; stop it as that user"
        ) from None
    finally:
        os.close(process)
