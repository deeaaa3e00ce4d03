"""A ledger's folder that no server holds, for as long as a command acts on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onecard.core.access.sign_in import signed_in
from onecard.core.authorize.engine import Act
from onecard.core.authorize.node import Node, wait_for
from onecard.core.clock import SystemClock
from onecard.core.errors import LedgerInUse
from onecard.core.ledger.settings_file import read_settings
from onecard.grpc.client.who import Who


class Held:
    """A node that runs in this process."""

    def __init__(self, node: Node, said: Who) -> None:
        self.node = node
        self.caller = signed_in(node.state, said.actor, said.checker, said.reason)

    def act(self, act: Act) -> object:
        """The act's answer, when it is durable; raises what it is refused with."""
        return wait_for(lambda done: self.node.act(act, done, self.caller))


@contextmanager
def held(data: Path, said: Who, otherwise: str) -> Iterator[Held]:
    """Opens the ledger, to act on it as whoever `said` names. LedgerInUse, which says to do it
    `otherwise` through the server; Unauthenticated."""
    try:
        node = Node(data, read_settings(data), SystemClock())
    except LedgerInUse as error:
        raise LedgerInUse(f"{error}, or {otherwise} its server: --to HOST:PORT") from None
    node.start()
    try:
        yield Held(node, said)
    finally:
        node.stop()
