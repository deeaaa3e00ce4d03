"""Names and printed numbers to the ids the registry issued for them."""

from onecard.core.registry.name import find_name
from onecard.grpc.server.bridge import Asking


class Directory:
    """Remembers what was found: participants and terminals are never removed and keep their name.

    What was not found is asked again each time; it may be registered meanwhile.
    """

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.participants: dict[str, int] = {}
        self.terminals: dict[str, int] = {}

    async def participant(self, text: str) -> int | None:
        """The id of a participant given by id or name; None where there is none."""
        if text not in self.participants:
            number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
            found, count = await self.asking.read(
                lambda state: (find_name(state.by_name, text), state.count("participants"))
            )
            if found is None and 1 <= number < count:
                found = number
            if found is None:
                return None
            self.participants[text] = found
        return self.participants[text]

    async def terminal(self, number: str) -> int | None:
        """The id of a terminal by its printed number; None where there is none."""
        if number not in self.terminals:
            found = await self.asking.read(lambda state: find_name(state.by_number, number))
            if found is None:
                return None
            self.terminals[number] = found
        return self.terminals[number]
