"""Who does an act, who said yes to it, and why: what goes on record before it."""

from dataclasses import dataclass

from onecard.core.errors import BadInput

REASON_MAX = 200  # characters: a line of a list, and of the log


@dataclass(frozen=True, slots=True)
class Caller:
    """Actors and participants by number; 0 is whoever runs the ledger, not named."""

    actor: int = 0
    checker: int = 0
    participant: int = 0
    reason: str = ""

    def __post_init__(self) -> None:
        if len(self.reason) > REASON_MAX or not self.reason.isprintable():
            raise BadInput(
                f"reason: expected at most {REASON_MAX} printable characters, found "
                f"{len(self.reason)}; say it in a line"
            )


@dataclass(frozen=True)
class SignIn:
    """What somebody says: a name, and the secret that goes with it. Never shown."""

    name: str
    secret: str

    def __repr__(self) -> str:
        return "SignIn(...)"


OWNER = Caller()  # whoever runs the ledger
