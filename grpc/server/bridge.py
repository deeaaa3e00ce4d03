"""The node as coroutines see it: ask, act, wait for the durable answer."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from onecard.core.errors import Stopped
from onecard.ext.state.state import State
from onecard.grpc.server.mailbox import Done, Mailbox

T = TypeVar("T")


class Node(Protocol):
    """What this folder needs of core/authorize/node.py."""

    @property
    def clock(self) -> Any: ...
    @property
    def journal(self) -> Any: ...
    @property
    def engine(self) -> Any: ...
    @property
    def ledger(self) -> Any: ...
    def taps(self, principal: int, stream: object, message: bytes, done: Done) -> None: ...
    def act(self, act: Any, done: Done) -> None: ...
    def read(self, question: Callable[[State], Any], done: Done) -> None: ...


class Starting:
    """In place of a node while its ledger is opened: refuses, so that clients try again."""

    @property
    def clock(self) -> Any:
        raise _starting()

    @property
    def journal(self) -> Any:
        raise _starting()

    @property
    def engine(self) -> Any:
        raise _starting()

    @property
    def ledger(self) -> Any:
        raise _starting()

    def taps(self, principal: int, stream: object, message: bytes, done: Done) -> None:
        raise _starting()

    def act(self, act: Any, done: Done) -> None:
        raise _starting()

    def read(self, question: Callable[[State], Any], done: Done) -> None:
        raise _starting()


def _starting() -> Stopped:
    return Stopped("the server is starting: the ledger is being opened; send it again later")


class Asking:
    """One a server. Errors are the node's OnecardErrors, raised where they are awaited."""

    def __init__(self, node: Node, mailbox: Mailbox) -> None:
        self.node = node
        self.mailbox = mailbox

    async def read(self, question: Callable[[State], T]) -> T:
        """What `question` says of the state. It runs on the engine's thread: short, and what it
        returns is a copy."""
        future, done = self.mailbox.expect()
        self.node.read(question, done)
        answer: T = await future
        return answer

    async def act(self, act: Any) -> Any:
        """The act's own answer, when it is durable."""
        future, done = self.mailbox.expect()
        self.node.act(act, done)
        return await future
