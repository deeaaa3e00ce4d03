"""Who calls, and whether that one may: services ask here and nowhere else."""

from typing import Any
from urllib.parse import unquote

from onecard.core.access.caller import Caller, SignIn
from onecard.core.access.roles import CHECKED, role_of
from onecard.core.access.sign_in import Standing, believe
from onecard.core.errors import BadInput, Forbidden, Unauthenticated
from onecard.grpc.metadata import (
    ACTOR,
    ACTOR_SECRET,
    CHECKER,
    CHECKER_SECRET,
    METADATA,
    REASON,
)
from onecard.grpc.server.caller import ALL as ALL
from onecard.grpc.server.caller import acting, caller, four_eyes, named
from onecard.grpc.server.caller import principal as principal
from onecard.grpc.server.directory import Directory
from onecard.grpc.server.methods import ACTS, OPERATORS_OWN, OURS

PREFIX = "onecard-"
SIGN_IN = "sign in with --actor FILE, or the metadata onecard-actor and onecard-secret"


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


def by_force(what: str) -> None:
    """What is done by force: BadInput where an actor says no reason; Forbidden where the ledger
    asks for two and one acts. A call without an actor is taken as before there were any."""
    if caller().actor and not caller().reason:
        raise BadInput(
            f"{what}: expected a reason of an actor who forces it, found none; say it with --reason"
        )
    _two(what)


async def identify(
    context: Any, directory: Directory, loopback: bool, method: str
) -> Standing | None:
    """Makes whoever the call's metadata names its principal and its caller; on loopback alone
    nobody need be named. What the register of actors says, of calls that name one or act.

    Unauthenticated; Forbidden.
    """
    said = {name: value for name, value in context.invocation_metadata() or () if _ours(name)}
    actor = _sign_in(said, ACTOR, ACTOR_SECRET)
    checker = _sign_in(said, CHECKER, CHECKER_SECRET)
    found: Standing | None = None
    if actor or checker or method in ACTS:
        found = await directory.standing(actor, checker)
        acting(Caller(found.claimed), found.four_eyes)  # in whose name it may be refused
        believe(found, actor, checker)
    signed = found.actor if found is not None else None
    if METADATA in said:
        number = await _named(directory, unquote(str(said[METADATA])))
    elif signed is not None:
        number = signed.participant
    elif loopback:
        number = ALL
    else:
        raise Unauthenticated(
            f"expected metadata {METADATA} (a participant's id or name), found none"
        )
    if signed is not None and signed.participant not in (ALL, number):
        raise Forbidden(
            f"actor: expected to act for participant {signed.participant}, found {number}; leave "
            f"{METADATA} out"
        )
    named(number)
    if found is not None or REASON in said:
        now = Caller(
            actor=signed.number if signed else 0,
            checker=found.checker.number if found and found.checker else 0,
            participant=number,
            reason=unquote(str(said.get(REASON, ""))),
        )
        acting(now, bool(found and found.four_eyes))
    return found


def admit(method: str, found: Standing | None) -> None:
    """Refused unless whoever calls may call it: asked before anything of a message is read."""
    name = method.removeprefix(OURS).replace("/", ".")
    if method in OPERATORS_OWN:
        only_operator(name)
    act = ACTS.get(method)
    if act is None or found is None or principal() != ALL:
        return
    role = role_of(act)
    if found.actor is None:
        if found.is_asked:
            raise Unauthenticated(
                f"{name}: expected an actor with the role {role.name.lower()}, found nobody who "
                f"signed in; {SIGN_IN}"
            )
    elif not found.actor.roles & role:
        raise Forbidden(
            f"{name}: expected an actor with the role {role.name.lower()}, found one without; let "
            "one who has it do this"
        )
    if act in CHECKED:
        _two(name)


def _two(what: str) -> None:
    """Forbidden where the ledger asks for two actors and one is there."""
    if four_eyes() and not caller().checker:
        raise Forbidden(
            f"{what}: expected a second actor with the role checker (four eyes), found one; let "
            "another sign in too, with --checker FILE"
        )


def _ours(name: str) -> bool:
    return name.startswith(PREFIX)


def _sign_in(said: dict[str, Any], name: str, secret: str) -> SignIn | None:
    if name not in said and secret not in said:
        return None
    return SignIn(unquote(str(said.get(name, ""))), str(said.get(secret, "")))


async def _named(directory: Directory, value: str) -> int:
    found = await directory.participant(value)
    if found is None:
        raise Unauthenticated(
            f"metadata {METADATA}: expected a participant's id or name, found {value[:88]!r}"
        )
    return found
