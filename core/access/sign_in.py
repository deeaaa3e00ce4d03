"""A name and a secret against the register of actors."""

import hmac
from dataclasses import dataclass
from hashlib import sha256

from onecard.core.access.caller import Caller, SignIn
from onecard.core.errors import Forbidden, Unauthenticated
from onecard.core.registry.name import find_name
from onecard.ext.shape.numbers import ActorRole, Status
from onecard.ext.state.state import State

NOBODY = bytes(32)  # what the secret of an unknown name is compared with, so that it takes as long


@dataclass(frozen=True)
class Actor:
    """Who signed in. `participant` 0: of whoever runs the ledger."""

    number: int
    roles: int
    participant: int


@dataclass(frozen=True)
class Standing:
    """What the register says at one moment of a call: its actor, its checker, and what is asked of
    whoever acts. An actor that was named and is not in `actor` gave the wrong secret, or is not
    active; `claimed` is its number."""

    actor: Actor | None
    checker: Actor | None
    claimed: int
    is_asked: bool  # an act needs a signed-in actor
    four_eyes: bool  # what is listed on the page needs two


def digest(secret: str) -> bytes:
    """What the register keeps of a secret."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def standing(state: State, actor: SignIn | None, checker: SignIn | None) -> Standing:
    """On the thread that may read the state."""
    return Standing(
        _signed(state, actor),
        _signed(state, checker),
        _claimed(state, actor) or _claimed(state, checker),
        is_asked(state),
        bool(state.table("actors")[0]["four_eyes"]),
    )


def is_asked(state: State) -> bool:
    """Returns True when acts need a signed-in actor: one that may set the rules is registered."""
    rows = state.rows("actors")[1:]
    active = rows["status"] == Status.ACTIVE
    return bool((active & ((rows["roles"] & ActorRole.SYSTEM) != 0)).any())


def believe(found: Standing, actor: SignIn | None, checker: SignIn | None) -> None:
    """Unauthenticated unless each who was named gave its secret; Forbidden unless a checker is
    another than who acts, and may check."""
    for what, said, one in (("actor", actor, found.actor), ("checker", checker, found.checker)):
        if said is not None and one is None:
            # Not which part of it was wrong.
            raise Unauthenticated(
                f"{what}: expected the name and the secret of an actor who is registered and "
                "active, found others; check the file that was given"
            )
    if found.checker is None:
        return
    if found.actor is None or found.actor.number == found.checker.number:
        raise Forbidden(
            "checker: expected another actor than the one who acts, found "
            f"{'the same' if found.actor else 'nobody who acts'}; let a second person sign in too"
        )
    if not found.checker.roles & ActorRole.CHECKER:
        raise Forbidden(
            "checker: expected an actor with the role checker, found one without; let one who has "
            "it sign in"
        )


def signed_in(state: State, actor: SignIn | None, checker: SignIn | None, reason: str) -> Caller:
    """Who acts on a ledger's folder that this process holds. Nobody need sign in there, since
    whoever may write the folder could change any file of it; who does is held to the register."""
    found = standing(state, actor, checker)
    believe(found, actor, checker)
    return Caller(
        actor=found.actor.number if found.actor else 0,
        checker=found.checker.number if found.checker else 0,
        participant=found.actor.participant if found.actor else 0,
        reason=reason,
    )


def _signed(state: State, said: SignIn | None) -> Actor | None:
    if said is None:
        return None
    row = state.table("actors")[_claimed(state, said)]
    known = bytes(row["secret"].tobytes()) if row["actor"] else NOBODY
    same = hmac.compare_digest(digest(said.secret), known)
    if not same or int(row["status"]) != Status.ACTIVE:
        return None
    return Actor(int(row["actor"]), int(row["roles"]), int(row["participant"]))


def _claimed(state: State, said: SignIn | None) -> int:
    """The number of an actor by its name, 0 where there is none."""
    return 0 if said is None else find_name(state.by_actor, said.name) or 0
