"""Who calls, and whether that one may: authorization reads `principal()` and nothing else."""

from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

from onecard.core.errors import Forbidden, Unauthenticated
from onecard.grpc.metadata import METADATA
from onecard.grpc.server.directory import Directory

ALL = 0  # the ledger's own operator: no participant, may do everything

_principal: ContextVar[int] = ContextVar("principal")


def principal() -> int:
    """Who calls, inside a handler: a participant's id, or ALL. Authorization reads this alone."""
    return _principal.get()


def only_operator(what: str) -> None:
    """Forbidden for a participant: this is for whoever runs the ledger."""
    if principal() != ALL:
        raise Forbidden(
            f"{what}: expected the ledger's own operator, found participant {principal()}"
        )


def only_party(what: str, *parties: int) -> None:
    """Forbidden unless the caller runs the ledger or is one of `parties`."""
    if principal() != ALL and principal() not in parties:
        raise Forbidden(f"{what}: it is not of participant {principal()}; ask for what is")


async def identify(context: Any, directory: Directory, loopback: bool) -> None:
    """Makes whoever the call's metadata names its principal; on loopback alone nobody need be
    named. Unauthenticated."""
    for name, value in context.invocation_metadata() or ():
        if name == METADATA:
            _principal.set(await _named(directory, unquote(str(value))))
            return
    if not loopback:
        raise Unauthenticated(
            f"expected metadata {METADATA} (a participant's id or name), found none"
        )
    _principal.set(ALL)


async def _named(directory: Directory, value: str) -> int:
    found = await directory.participant(value)
    if found is None:
        raise Unauthenticated(
            f"metadata {METADATA}: expected a participant's id or name, found {value[:88]!r}"
        )
    return found
