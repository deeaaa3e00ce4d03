"""A running ledger: the threads around the engine, each with one part.

engine      takes what waits, judges it, drafts the blocks
commit      writes a group, answers what is durable; the only thread that writes the journal
digest      hashes the body of a large block while the one before is synced
recall      reads what a batch needs from history; its stream waits meanwhile
identities  moves a full generation of identities to disk (retirement.py)
sweeps      submits what is due as taps (sweeps.py); where it ends, it is begun again

A thread that ends before it was told to stops the process: `_guard` sees what it raised, and
watchdog.py that it is gone. What only tells, such as the log, is not a reason to stop.
"""

import queue
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onecard.core.access.act_record import ACT_BYTES_MAX
from onecard.core.access.caller import OWNER, Caller
from onecard.core.authorize.answer_log import log_answer
from onecard.core.authorize.booking import ClockWatch
from onecard.core.authorize.due import WORKS
from onecard.core.authorize.engine import (
    Act,
    ActIn,
    Done,
    Engine,
    Group,
    ReadIn,
    Submission,
    TapsIn,
)
from onecard.core.authorize.inbox import Inbox
from onecard.core.authorize.message import read_taps
from onecard.core.authorize.retirement import IDLE_S, Retirement
from onecard.core.authorize.sweeps import Scheduler, Work
from onecard.core.authorize.unanswered import LOOK_S, Unanswered
from onecard.core.authorize.watchdog import Watchdog
from onecard.core.checkpoint.recovery import Progress
from onecard.core.clock import Clock
from onecard.core.config import Settings
from onecard.core.errors import BadInput, DiskLow, OnecardError, Overloaded, Stopped
from onecard.core.failpoint import here
from onecard.core.journal.block import body_digest
from onecard.core.ledger.opened import Ledger, OpenJournal, open_local
from onecard.core.watch.log import Log
from onecard.ext.judge.counters import Counters
from onecard.ext.judge.draft import BYTES_A_TAP
from onecard.ext.state.state import State

RECALL_THREADS = 2  # a late upload and something beside it
COMMIT_AHEAD = 1  # groups that wait for the commit thread: one is synced, one waits, one is judged
SUBMISSIONS_A_GROUP = 4096
DIGEST_AHEAD_BYTES = 1 << 18  # hashed while the group before is synced; less is not worth a thread
TAP_BYTES_MIN = 16  # the three required columns
PAGES_A_TURN = 16  # state pages copied between two groups: a mebibyte, some 200 microseconds
HAND_OVER_S = 1.0  # between two looks whether the commit thread is there at all
START_S = 10.0  # for a thread to begin; one that does not is not going to
DECODE, JUDGE, COMMIT, REPLY = range(4)  # ext/judge/counters


class Node:
    """One ledger, served. Answers come on the commit thread, after they are durable."""

    def __init__(
        self,
        path: Path,
        settings: Settings,
        clock: Clock,
        log: Log | None = None,
        progress: Progress | None = None,
        open_journal: OpenJournal = open_local,
        works: tuple[Work, ...] = WORKS,
    ) -> None:
        """Open and recover. LedgerMissing, LedgerInUse, LedgerForeign, LedgerFault.

        What `progress` raises between two blocks of a replay ends it, and the ledger is closed.
        """
        self.clock = clock
        self.log = log or Log(clock)
        self.settings = settings
        self.ledger = Ledger.open(
            path,
            settings,
            progress=progress,
            clock=clock,
            log=self.log,
            open_journal=open_journal,
        )
        self.journal = self.ledger.journal
        self.state: State = self.ledger.state
        self.counters = Counters()
        try:
            self.engine = Engine(self.ledger, clock, self.counters)
        except BaseException:
            self.ledger.close()
            raise
        self.clock_watch = ClockWatch(self.engine.booking, self.state, self.log)
        self.inbox = Inbox(settings)
        self.failed: BaseException | None = None
        self.on_failure: Callable[[BaseException], None] = lambda error: None
        self.refused: Counter[str] = Counter()
        self._failing = threading.Lock()
        self._groups: queue.Queue[Group | None] = queue.Queue(COMMIT_AHEAD)
        self._in_hand: list[Submission] = []  # taken by the engine thread and not handed over
        self._recalls = ThreadPoolExecutor(RECALL_THREADS, "recall")
        self._digests = ThreadPoolExecutor(1, "digest")
        self._merges = ThreadPoolExecutor(1, "identities")
        self._recalling: set[int] = set()  # by id, of submissions whose history is being read
        self._stopping = threading.Event()
        self._unanswered = Unanswered(self.journal, clock, self._stopping)
        self.journal.on_durable = self._durable_moved
        self._retirement = Retirement(
            self.engine.recent,
            self.ledger,
            clock,
            self.log,
            lambda work: self._merges.submit(self._guard, work),
            lambda: self.failed is not None,
            self._stopping,
        )
        self.scheduler = Scheduler(
            works,
            _Asked(self),
            self.state,
            lambda: self.engine.booking.sweep_us,
            settings.batch_taps_max,
            clock,
            self.log,
        )
        self._threads = [
            threading.Thread(target=self._engine, name="engine"),
            threading.Thread(target=self._guard, args=(self._commit,), name="commit"),
        ]
        self.watchdog = Watchdog(
            self.journal,
            settings.watermark_bytes,
            self.log,
            self._lost,
            self._fail,
            self.scheduler.mend,
        )

    # ---- what others call -------------------------------------------------------------------

    def start(self) -> None:
        """Begin to judge what comes in."""
        self.engine.recent.touch()
        self.engine.ring.touch()
        for pool, count in ((self._recalls, RECALL_THREADS), (self._digests, 1), (self._merges, 1)):
            _begin(pool, count)
        for thread in self._threads:
            thread.start()
        self.scheduler.start()
        self.watchdog.start()

    def taps(self, principal: int, stream: object, message: bytes, done: Done) -> None:
        """Submit a TapBatch; `done` gets the Decisions message or an OnecardError.

        It is read here, once, on the caller's thread: what is no TapBatch raises BadInput and
        never costs the engine a look.
        """
        try:
            taps = read_taps(message, self.settings.batch_taps_max)
        except BadInput as error:
            self.log.warning("batch_refused", participant=principal, reason=str(error))
            raise
        self._put(TapsIn(principal, message, stream, done, taps))

    def act(self, act: Act, done: Done, caller: Caller = OWNER) -> None:
        """Submit an act of core/registry or core/settlement, and who does it."""
        size = getattr(act, "size_bytes", 0) + ACT_BYTES_MAX

        def submit(done: Done) -> None:
            self._put(ActIn(act, None, done, size, caller))

        submit(self.scheduler.before(submit, done))

    def read(self, question: Callable[[State], object], done: Done) -> None:
        """Ask the state; answered once what the question saw is durable."""
        self._put(ReadIn(question, None, done))

    def stop(self) -> None:
        """Take nothing more, finish what waits, checkpoint, close. Stopped if it had failed."""
        self.inbox.close()
        self._stopping.set()
        self.scheduler.stop()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()
        for pool in (self._recalls, self._digests, self._merges):
            pool.shutdown()
        self.watchdog.stop()
        self.ledger.close(checkpoint=self.failed is None)
        if self.failed is not None:
            raise Stopped(f"the engine stopped: {self.failed}") from self.failed

    def _put(self, submission: Submission) -> None:
        if self.failed is not None:
            raise Stopped(f"the engine stopped: {self.failed}")
        self.inbox.put(submission)

    # ---- the engine thread ------------------------------------------------------------------

    def _engine(self) -> None:
        self._guard(self._judge)
        if self._in_hand:  # only after a failure: they are not decided, and hear of it
            self._hand_over(Group(answers=[(submission, None) for submission in self._in_hand]))
        self._hand_over(None)

    def _judge(self) -> None:
        while self.failed is None:
            if not self._in_hand:
                self._take()
            if not self._in_hand and self._drained():
                break
            group, self._in_hand = self._judge_some(self._in_hand)
            if group.answers:
                self._hand_over(group)
            self._between(blocked=bool(self._in_hand))

    def _drained(self) -> bool:
        return self._stopping.is_set() and not self._recalling and self.inbox.count == 0

    def _take(self) -> None:
        """Take in hand what waits and lacks nothing; what lacks history goes to be recalled."""
        wait_s = IDLE_S / 10 if self.ledger.checkpoint.running else IDLE_S
        taken = self._in_hand = self.inbox.take(
            SUBMISSIONS_A_GROUP, self.settings.group_taps_max * TAP_BYTES_MIN, wait_s
        )
        ready: list[Submission] = []
        held: dict[object, list[Submission]] = {}
        recalls: list[tuple[TapsIn, NDArray[np.void]]] = []
        for submission in taken:
            if submission.stream is not None and submission.stream in held:
                held[submission.stream].append(submission)
                continue
            lacking = self._lacking(submission)
            if lacking is None:
                ready.append(submission)
                continue
            assert isinstance(submission, TapsIn)
            recalls.append((submission, lacking))
            if submission.stream is not None:
                held[submission.stream] = [submission]
        here("after_decode")
        self._in_hand = ready
        for submissions in held.values():
            self.inbox.hold(submissions)
        for submission, lacking in recalls:  # only now: a quick recall releases what is held
            self._recalling.add(id(submission))
            self._recalls.submit(self._guard, partial(self._recall, submission, lacking))

    def _lacking(self, submission: Submission) -> NDArray[np.void] | None:
        """What of its history must be read first."""
        if not isinstance(submission, TapsIn) or submission.refusal is not None:
            return None
        started = self.clock.elapsed_ns()
        try:
            return self.engine.prepare(submission) if self.engine.reaches(submission) else None
        except BadInput:
            return None  # judged, it gives that error
        finally:
            self.counters.observe_ns(DECODE, self.clock.elapsed_ns() - started)

    def _recall(self, submission: TapsIn, lacking: NDArray[np.void]) -> None:
        """On a recall thread."""
        try:
            submission.recalled = self.engine.recall(submission, lacking)
        except Overloaded as error:
            submission.refusal = error
        except BaseException as error:
            self._fail(error)
        if submission.stream is None:
            self.inbox.enter_again(submission)
        else:
            self.inbox.release(submission.stream)
        self._recalling.discard(id(submission))
        if self.failed is not None:  # the commit thread may be gone already
            self._answer_rest()

    def _judge_some(self, taken: list[Submission]) -> tuple[Group, list[Submission]]:
        if not taken:
            self.engine.look()  # so that a step is told of when it happens, taps or none
            return Group(), []
        started = self.clock.elapsed_ns()
        refusal = self._no_room(taken)
        if refusal is None:
            group, left = self.engine.judge(taken)
            if left and self._retirement.no_space is not None:
                left = self._refuse(group, left, self._retirement.no_space)
        else:
            # Reads are still served, and a refusal costs nothing but its answer.
            group, left = self.engine.judge([s for s in taken if isinstance(s, ReadIn)])
            group.answers += [(s, refusal) for s in taken if not isinstance(s, ReadIn)]
        self.counters.observe_ns(JUDGE, self.clock.elapsed_ns() - started)
        return group, left

    def _refuse(
        self, group: Group, left: list[Submission], error: OnecardError
    ) -> list[Submission]:
        """Memory is full of identities that no disk takes: only reads are left to be judged."""
        refusal = DiskLow(f"identities cannot leave memory: {error}; make room, nothing was taken")
        group.answers += [(s, refusal) for s in left if not isinstance(s, ReadIn)]
        return [s for s in left if isinstance(s, ReadIn)]

    def _no_room(self, taken: list[Submission]) -> DiskLow | None:
        """Reserve disk and map space for all of it, before anything is judged."""
        taps = sum(s.taps.count for s in taken if isinstance(s, TapsIn) and s.taps is not None)
        size = taps * BYTES_A_TAP + sum(s.size for s in taken if isinstance(s, ActIn))
        if size == 0 and not any(isinstance(s, ActIn) for s in taken):
            return None
        try:
            self.journal.room(size)
        except DiskLow as error:
            self.watchdog.refused(size, str(error))
            return error
        self.watchdog.took()
        return None

    def _hand_over(self, group: Group | None) -> None:
        """Give a group to the commit thread; wait while one is waiting there already."""
        for draft in group.drafts if group is not None else ():
            if draft.value.nbytes >= DIGEST_AHEAD_BYTES:
                algorithms = self.journal.algorithms
                draft.digest = self._digests.submit(body_digest, draft, algorithms)
        while True:
            try:
                return self._groups.put(group, timeout=HAND_OVER_S)
            except queue.Full:
                if self._threads[1].is_alive():
                    continue
            # The commit thread is gone, and a stop must not wait for it.
            self._fail(RuntimeError("the thread commit ended by itself"))
            return self._answer_stopped([] if group is None else group.answers)

    def _between(self, blocked: bool) -> None:
        """What the engine thread does besides judging: pages to save, identities to let go."""
        self.clock_watch.look()
        self._retirement.turn(blocked)
        checkpoint = self.ledger.checkpoint
        if checkpoint.due(int(self.state.totals["last"][0])):
            checkpoint.begin(self.state)
        if checkpoint.running:
            checkpoint.copy_some(self.state, PAGES_A_TURN)

    # ---- the commit thread ------------------------------------------------------------------

    def _commit(self) -> None:
        """Until None came and all is answered. After a failure nothing is written, nor decided."""
        ended = False
        while not ended or self._unanswered:
            group = self._next_group(ended)
            ended = ended or group is None
            if group is not None:
                self._unanswered.add(group)
            try:
                if self.failed is None:
                    if group is not None:
                        self._write(group)
                    self._answer_durable()
                    self._unanswered.check()
                    continue
            except BaseException as error:
                self._fail(error)
            for left in self._unanswered.take_all():
                self._answer_stopped(left.answers)
        self._answer_rest()

    def _next_group(self, ended: bool) -> Group | None:
        """What is to be written next; nothing, where it is time to look what is durable."""
        if not self._unanswered:
            return self._groups.get()
        if ended or self._unanswered.full:
            self._unanswered.wait()
            return Group()
        try:
            return self._groups.get(timeout=LOOK_S)
        except queue.Empty:
            return Group()

    def _durable_moved(self) -> None:
        """The journal calls it, on any thread: the commit thread looks, whatever it waits for."""
        self._unanswered.moved()
        with suppress(queue.Full):  # it takes what is there, and then looks
            self._groups.put_nowait(Group())

    def _write(self, group: Group) -> None:
        started = self.clock.elapsed_ns()
        self.engine.commit(group)
        if group.drafts:
            self.counters.observe_ns(COMMIT, self.clock.elapsed_ns() - started)
            self.engine.recycle(group)

    def _answer_durable(self) -> None:
        while (group := self._unanswered.oldest_durable()) is not None:
            started = self.clock.elapsed_ns()
            self._retirement.freed.set()
            while group.answers:
                submission, answer = group.answers.pop(0)
                submission.done(answer)
                with suppress(Exception):  # it was answered, whatever can be said of it
                    log_answer(self.log, submission, answer, group.last)
                here("mid_answer")
            self._unanswered.remove()
            self.counters.observe_ns(REPLY, self.clock.elapsed_ns() - started)

    def _answer_rest(self) -> None:
        """After a failure: what still waits. In order the inbox is empty by then."""
        self._answer_stopped([(submission, None) for submission in self.inbox.empty()])

    def _answer_stopped(self, answers: list[tuple[Submission, object]]) -> None:
        for submission, _ in answers:
            with suppress(Exception):  # who cannot be told does not keep it from the others
                submission.done(
                    Stopped(f"the engine stopped: {self.failed}; ask for the outcome later")
                )

    # ---- the end ----------------------------------------------------------------------------

    def _lost(self) -> str | None:
        """A thread that ended without being told to."""
        if self._stopping.is_set() or self.failed is not None:
            return None
        for thread in self._threads:
            if thread.ident is not None and not thread.is_alive():
                return thread.name
        return "checkpoint" if self.ledger.checkpoint.lost else None

    def _guard(self, target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """The first failure stops the process: it answers nothing more.

        What acts on it comes first and words come last, for nobody may be there to take them.
        """
        with self._failing:
            if self.failed is not None:
                return
            self.inbox.close()  # first: what came in before is answered, and nothing comes after
            self.failed = error
        try:
            self.on_failure(error)
        finally:
            self.log.error("stopped", reason=f"{type(error).__name__}: {error}")


def _begin(pool: ThreadPoolExecutor, count: int) -> None:
    """Start the pool's threads, so that handing work over never needs a new one.

    The system may refuse a thread for a while, and that is not a reason to stop clearing.
    """
    together = threading.Barrier(count + 1)
    for _ in range(count):
        pool.submit(together.wait, START_S)
    together.wait(START_S)


def wait_for(submit: Callable[[Done], None]) -> object:
    """Submit and wait for the answer on this thread; raises it where it is an OnecardError."""
    answers: queue.SimpleQueue[object] = queue.SimpleQueue()
    submit(answers.put)
    answer = answers.get()
    if isinstance(answer, OnecardError):
        raise answer
    return answer


class _Asked:
    """A node for a thread that waits for each answer; raises it where it is an OnecardError."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def read(self, question: Callable[[State], object]) -> object:
        return wait_for(lambda done: self._node.read(question, done))

    def act(self, act: Act) -> object:
        return wait_for(lambda done: self._node.act(act, done))

    def taps(self, stream: object, message: bytes) -> object:
        return wait_for(lambda done: self._node.taps(0, stream, message, done))
