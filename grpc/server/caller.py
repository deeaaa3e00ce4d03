"""Who calls, inside a handler: said once at the door, by access.py, and read where it is needed."""

from contextvars import ContextVar

from onecard.core.access.caller import OWNER, Caller

ALL = 0  # the ledger's own operator: no participant, may do everything

_principal: ContextVar[int] = ContextVar("principal")
_caller: ContextVar[Caller] = ContextVar("caller", default=OWNER)
_four_eyes: ContextVar[bool] = ContextVar("four_eyes", default=False)


def principal() -> int:
    """Who calls: a participant's id, or ALL. Authorization reads this alone."""
    return _principal.get()


def caller() -> Caller:
    """Who acts, who said yes to it, and why: what is put on record of an act."""
    return _caller.get()


def four_eyes() -> bool:
    """Returns True when the ledger asks for a second actor; known of administrative calls alone."""
    return _four_eyes.get()


def named(participant: int) -> None:
    """Makes a participant, or ALL, the principal of this call."""
    _principal.set(participant)


def acting(now: Caller, needs_two: bool) -> None:
    """Makes this the caller, on a ledger that asks for two or does not."""
    _caller.set(now)
    _four_eyes.set(needs_two)
