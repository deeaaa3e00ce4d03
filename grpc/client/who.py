"""Who acts through a client, and why, as it goes beside each message."""

from dataclasses import dataclass
from urllib.parse import quote

from onecard.core.access.caller import SignIn as SignIn
from onecard.grpc.metadata import ACTOR, ACTOR_SECRET, CHECKER, CHECKER_SECRET, REASON


@dataclass(frozen=True)
class Who:
    """Who acts, who says yes to it, and why."""

    actor: SignIn | None = None
    checker: SignIn | None = None
    reason: str = ""

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """As a server reads it; what is not said is left out."""
        said: list[tuple[str, str]] = []
        for one, name, secret in (
            (self.actor, ACTOR, ACTOR_SECRET),
            (self.checker, CHECKER, CHECKER_SECRET),
        ):
            if one is not None:
                said += [(name, quote(one.name)), (secret, one.secret)]
        return (*said, *(((REASON, quote(self.reason)),) if self.reason else ()))


NOBODY = Who()
