"""Between coroutines and the node's threads: ask, act, wait for the durable answer."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

from onecard.core.access.caller import Caller
from onecard.core.authorize.booking import ConfirmClock
from onecard.core.authorize.message import is_slow, regular_taps
from onecard.core.errors import Stopped
from onecard.core.query.question import Question
from onecard.grpc.server.caller import caller

T = TypeVar("T")
STOPPING = "the server is stopping and takes nothing more; send it again when it is back"
Done = Callable[[object], None]


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
    def act(self, act: Any, done: Done, caller: Caller) -> None: ...
    def read(self, question: Question[Any], done: Done) -> None: ...


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

    def act(self, act: Any, done: Done, caller: Caller) -> None:
        raise _starting()

    def read(self, question: Question[Any], done: Done) -> None:
        raise _starting()


def _starting() -> Stopped:
    return Stopped("the server is starting: the ledger is being opened; send it again later")


class Bridge:
    """One a server, made on its loop. Services go over it to the node and what the node has open,
    and nowhere else. Errors are the node's OnecardErrors, raised where they are awaited.

    Answers come from the commit thread; however many it has, they wake the loop once a burst.
    """

    def __init__(self, node: Node, loop: asyncio.AbstractEventLoop) -> None:
        self.node = node
        self.loop = loop
        self._woken = False  # the loop is told already and has not come yet
        self._answers: deque[tuple[asyncio.Future[Any], object]] = deque()

    async def read(self, question: Question[T]) -> T:
        """What `question` says of the state, once all that it saw is durable."""
        future, done = self.expect()
        self.node.read(question, done)
        answer: T = await future
        return answer

    async def act(self, act: Any) -> Any:
        """The act's own answer, when it is durable; on record as done by this call's caller."""
        future, done = self.expect()
        self.node.act(act, done, caller())
        return await future

    async def confirm_clock(self, wall_us: int, reason: str) -> int:
        """This machine's clock is right: when that was booked, 0 where it was not in doubt."""
        booked_at_us: int = await self.act(ConfirmClock(wall_us, reason))
        return booked_at_us

    async def regular(self, message: bytes, taps_max: int) -> bytes:
        """A TapBatch that the node reads in no time: what takes long is made so on a thread beside,
        all else comes back as it is. BadInput."""
        if not is_slow(message):
            return message
        return await asyncio.to_thread(regular_taps, message, taps_max)

    # ---- what the node has open; Stopped while it is being opened -------------------------------

    @property
    def clock(self) -> Any:
        return self.node.clock

    @property
    def journal(self) -> Any:
        """Any thread may read it: it shows what is durable and nothing else."""
        return self.node.journal

    @property
    def identities(self) -> Any:
        """Those that left memory; any thread may read them."""
        return self.node.ledger.identities

    @property
    def recent(self) -> Any:
        """Identities in memory: for questions alone, which run on the engine's thread."""
        return self.node.engine.recent

    @property
    def card_tokens(self) -> Any:
        return self.node.ledger.card_tokens

    # ---- answers --------------------------------------------------------------------------------

    def expect(self) -> tuple[asyncio.Future[Any], Done]:
        """A future, and the call that settles it with an answer or raises the error it is given.

        Called on the loop's thread; what it returns may be called from any.
        """
        future: asyncio.Future[Any] = self.loop.create_future()
        return future, partial(self._put, future)

    def _put(self, future: asyncio.Future[Any], answer: object) -> None:
        self._answers.append((future, answer))
        # Set after the append and cleared before the loop takes any, so none is left lying; a
        # commit that answers a hundred batches wakes the loop once and not a hundred times.
        if not self._woken:
            self._woken = True
            try:
                self.loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                # The loop is closed: nobody waits for this answer any more.
                self._answers.clear()

    def _deliver(self) -> None:
        self._woken = False
        while self._answers:
            future, answer = self._answers.popleft()
            if future.done():  # its stream was cancelled
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
