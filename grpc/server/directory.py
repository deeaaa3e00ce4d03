"""Names and printed numbers to the ids the registry issued for them."""

from onecard.core.access.caller import SignIn
from onecard.core.access.sign_in import Standing, standing
from onecard.core.query.participant import find_participant
from onecard.core.query.terminal import find_terminal
from onecard.grpc.server.bridge import Bridge


class Directory:
    """Remembers what was found: participants and terminals are never removed and keep their name.

    What was not found is asked again each time; it may be registered meanwhile.
    """

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.participants: dict[str, int] = {}
        self.terminals: dict[str, int] = {}

    async def participant(self, text: str) -> int | None:
        """The id of a participant given by id or name; None where there is none."""
        if text not in self.participants:
            found = await self.bridge.read(lambda state: find_participant(state, text))
            if found is None:
                return None
            self.participants[text] = found
        return self.participants[text]

    async def standing(self, actor: SignIn | None, checker: SignIn | None) -> Standing:
        """What the register of actors says of them now: one that is blocked acts no more."""
        return await self.bridge.read(lambda state: standing(state, actor, checker))

    async def terminal(self, number: str) -> int | None:
        """The id of a terminal by its printed number; None where there is none."""
        if number not in self.terminals:
            found = await self.bridge.read(lambda state: find_terminal(state, number))
            if found is None:
                return None
            self.terminals[number] = found
        return self.terminals[number]
