"""Which role may do what: terminals are an operator's or an agent's, cards an issuer's, what is
earned at a scene an operator's.

Only what changes is held against it: in a ledger from before roles were, what was registered
otherwise stays, and a card of it can be blocked.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import BadInput
from onecard.ext.shape.numbers import Role
from onecard.ext.state.state import State

WITH_TERMINALS = (Role.OPERATOR, Role.AGENT)  # an agent takes top-ups at terminals of its own
WITH_CARDS = (Role.ISSUER,)
WITH_SCENES = (Role.OPERATOR,)


def check_operator(state: State, terminal: str, participant: int) -> None:
    """BadInput unless the participant may have terminals."""
    if _role(state, participant) not in WITH_TERMINALS:
        raise BadInput(
            f"terminal {terminal}: expected an operator or an agent, found "
            f"{_named(state, participant)}"
        )


def check_issuer(state: State, participant: int) -> None:
    """BadInput unless the participant may issue cards."""
    if _role(state, participant) not in WITH_CARDS:
        raise BadInput(f"card issuer: expected an issuer, found {_named(state, participant)}")


def check_payee(state: State, participant: int) -> None:
    """BadInput unless the participant may earn at a scene."""
    if _role(state, participant) not in WITH_SCENES:
        raise BadInput(f"scene payee: expected an operator, found {_named(state, participant)}")


def check_change(state: State, participant: int, role: int) -> None:
    """BadInput where a participant has terminals, cards or what a scene earns, except into the role
    that those need."""
    terminals = bool((state.rows("terminals")["operator_id"][1:] == participant).any())
    cards = any(bool((rows["issuer"] == participant).any()) for rows in _with_issuer(state))
    scenes = bool((state.rows("scenes")["payee"] == participant).any())
    needs = ((terminals, WITH_TERMINALS), (cards, WITH_CARDS), (scenes, WITH_SCENES))
    if not any(has for has, _ in needs):
        return
    fits = {one for one in Role if all(one in roles for has, roles in needs if has)}
    if _role(state, participant) in fits or role not in fits:
        has = " and ".join(["terminals"] * terminals + ["cards"] * cards + ["scenes"] * scenes)
        raise BadInput(
            f"participant role: expected {_named(state, participant)}, to stay what it is while it "
            f"has {has}, found {_word(role)}; register another participant"
        )


def _with_issuer(state: State) -> Iterator[NDArray[np.void]]:
    """What an issuer answers for: accounts that are at home there, and cards."""
    yield state.rows("accounts")[1:]
    yield state.rows("credentials")


def _role(state: State, participant: int) -> int:
    return int(state.table("participants")[participant]["kind"])


def _named(state: State, participant: int) -> str:
    name = bytes(state.table("participants")[participant]["name"]).decode("utf-8", "replace")
    return f"{name} (participant {participant}), {_word(_role(state, participant))}"


def _word(role: int) -> str:
    word = Role(role).name.lower() if role in list(Role) else f"of role {role}"
    return f"an {word}" if word[0] in "aio" and role in list(Role) else word
