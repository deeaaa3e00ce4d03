"""What is due is done by itself: a thread asks what that is, and submits it as taps like any other.

A sweep is one kind of work at one booking time. Its taps are of a virtual terminal of its kind, and
their identity is that of what they finish, so what was begun before a kill is done once, however
often it is begun again. Nothing here may stop clearing: what fails is told, and tried later.
docs/ledger.md, Sweeps, is the rule.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from onecard.core.authorize.message import taps_message
from onecard.core.clock import Clock
from onecard.core.errors import OnecardError, Overloaded, Stopped, SweepsDue
from onecard.core.registry.role import WITH_TERMINALS
from onecard.core.registry.terminals import VIRTUAL, PutTerminals, TerminalRow
from onecard.core.watch.log import Log
from onecard.ext.shape.numbers import Outcome, Status, SweepKind
from onecard.ext.state.state import State
from onecard.ext.wire.batch import read_decisions

Done = Callable[[object], None]
Columns = Mapping[str, NDArray[Any]]  # of a TapBatch, by their names

LOOK_S = 1.0  # between two looks at what is due: nobody waits for the second in which a hold ends
# Found in a millisecond of the engine, judged in a tenth of one, so a tap that comes meanwhile
# waits no longer than for the batch of a gate; a hundred thousand are done in seconds.
SLICE_TAPS = 256
BACK_OFF_MAX_S = 60.0  # between two tries of what fails: from a second on, twice as long each time
STUCK_S = 60.0  # until what was refused is tried again: a person may have mended it
# What is refused is passed over, and so is looked at by each slice before what is behind it.
STUCK_MAX = 1_000
# Done; finished by somebody else between the question and the answer; or a little later.
NOT_REFUSED = (Outcome.ACCEPTED, Outcome.ORIGINAL_CLOSED, Outcome.HOLD_NOT_EXPIRED)
ACT_WAITS_S = 10.0  # an act that must come after the sweeps: a hundred thousand of them, or about


class Work(Protocol):
    """One kind of what may be due."""

    kind: SweepKind

    def is_idle(self, state: State) -> bool:
        """Returns True when nothing of it can be due at any time. Any thread may ask."""
        ...

    def due(self, state: State, at_us: int, most: int) -> Columns:
        """Taps that do what is due at a booking time, what was due first in front, `epoch` and
        `terminal_seq` among the columns and all but `terminal`; at most so many. On the engine's
        thread, so its work is of those it gives."""
        ...

    def late(self, state: State, at_us: int) -> tuple[int, int]:
        """How many are due, and since when the first of them is; 0 where none is. Any thread may
        ask: what changes meanwhile may be in it or not."""
        ...


@dataclass(frozen=True)
class Sweep:
    """A slice of what is due of a kind at a booking time."""

    kind: SweepKind
    at_us: int
    terminal: int  # the virtual one of its kind; 0: it is not registered yet
    operator: int  # who may have it
    taps: Columns


class Figures(NamedTuple):
    """Of one kind, for whoever watches."""

    due: int
    oldest_s: float  # how long the first of them is due; 0 where none is
    done: int  # since the start
    failed: int  # tries, and taps that were refused, since the start


class Asked(Protocol):
    """What a node does for whoever waits for the answer; raises an OnecardError."""

    def read(self, question: Callable[[State], Any]) -> Any: ...
    def act(self, act: PutTerminals) -> Any: ...
    def taps(self, stream: object, message: bytes) -> Any: ...


class Scheduler:
    """On a thread of its own. `now_us` is the booking time that sweeps go by, None while it is in
    doubt; it is asked on the engine's thread and, for figures, on any. `taps_max`: of a message."""

    def __init__(
        self,
        works: tuple[Work, ...],
        node: Asked,
        state: State,
        now_us: Callable[[], int | None],
        taps_max: int,
        clock: Clock,
        log: Log,
    ) -> None:
        self._kinds = [_Kind(work) for work in works]
        self._node = node
        self._state = state
        self._now_us = now_us
        self._slice_taps = min(SLICE_TAPS, taps_max)
        self._clock = clock
        self._log = log
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._lock = threading.Lock()
        self._later: list[_Later] = []  # acts that come after the sweeps
        self._thread = threading.Thread(target=self._run, name="sweeps", daemon=True)

    # ---- what others call -------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End, and answer what waited for a sweep; the slice that is under way is done."""
        self._stopping.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._submit_later(refuse=True)

    def mend(self) -> None:
        """Begin again where the thread is gone: what is late is no reason to stop."""
        if self._thread.ident is None or self._thread.is_alive() or self._stopping.is_set():
            return
        self._log.warning("sweeps_begun_again")
        self._thread = threading.Thread(target=self._run, name="sweeps", daemon=True)
        self._thread.start()

    def before(self, submit: Callable[[Done], None], done: Done) -> Done:
        """A `done` for an act that is submitted by `submit`: where it is refused because sweeps are
        due, they are done and it is submitted again; the last answer goes to `done`."""
        if not self._kinds:
            return done  # nobody here does them
        later = _Later(submit, done, self._clock.monotonic() + ACT_WAITS_S)

        def answered(answer: object) -> None:
            if not isinstance(answer, SweepsDue) or self._clock.monotonic() > later.until_s:
                done(answer)
                return
            later.again, later.refusal = answered, answer
            with self._lock:
                waits = not self._stopping.is_set()
                if waits:
                    self._later.append(later)
            if waits:
                self._woken.set()
            else:
                done(answer)

        return answered

    def figures(self) -> dict[str, Figures]:
        """By kind. Any thread may ask."""
        now_us = self._now_us()
        found = {}
        for kind in self._kinds:
            due, since_us = (0, 0) if now_us is None else kind.work.late(self._state, now_us)
            oldest_s = max(0, (now_us or 0) - since_us) / 1e6 if due else 0.0
            name = kind.work.kind.name.lower()
            found[name] = Figures(due, oldest_s, kind.done, kind.failed)
        return found

    # ---- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            began_s = self._clock.monotonic()
            more = [self._try(kind) for kind in self._kinds]
            if any(more):
                # As long as it took, so that taps have the engine and the disk half of the time.
                self._stopping.wait(self._clock.monotonic() - began_s)
                continue
            self._submit_later()
            self._woken.wait(LOOK_S)
            self._woken.clear()

    def _try(self, kind: "_Kind") -> bool:
        """A slice of one kind. Returns True when more may be due at once."""
        if kind.work.is_idle(self._state) or self._clock.monotonic() < kind.next_s:
            return False
        try:
            more = self._slice(kind)
        except Overloaded:  # it gives way; whoever refused it tells of that
            return False
        except Stopped:
            self._stopping.set()
            return False
        except Exception as error:
            kind.failed += 1
            kind.wait_s = min(BACK_OFF_MAX_S, 2 * kind.wait_s or LOOK_S)
            kind.next_s = self._clock.monotonic() + kind.wait_s
            words = str(error) if isinstance(error, OnecardError) else type(error).__name__
            self._log.warning("sweep_failed", kind=kind.work.kind.name, reason=words)
            return False
        kind.wait_s = 0.0
        return more

    def _slice(self, kind: "_Kind") -> bool:
        if self._clock.monotonic() - kind.stuck_since_s > STUCK_S:
            kind.stuck.clear()
        most = self._slice_taps + len(kind.stuck)
        sweep: Sweep = self._node.read(lambda state: self._due(state, kind.work, most))
        taps = _without(sweep.taps, kind.stuck)
        count = len(taps["card"])
        if count == 0:
            return False
        if sweep.terminal == 0:
            self._node.act(_virtual(sweep))
            return True
        terminal = np.full(count, sweep.terminal, np.uint32)
        message = taps_message({**taps, "terminal": terminal})
        outcomes = read_decisions(self._node.taps(self, message)).column("outcome")
        self._note(kind, taps, outcomes)
        # The clock went back a little since it was asked: it is due a little later.
        early = bool((outcomes == Outcome.HOLD_NOT_EXPIRED).any())
        return len(sweep.taps["card"]) == most and not early

    def _due(self, state: State, work: Work, most: int) -> Sweep:
        """On the engine's thread."""
        at_us = self._now_us()
        terminal = state.by_number.get(virtual_number(work.kind), 0)
        # Nothing is due at a time before all others.
        taps = work.due(state, 0 if at_us is None else at_us, most)
        return Sweep(work.kind, at_us or 0, terminal, _operator(state), taps)

    def _note(self, kind: "_Kind", taps: Columns, outcomes: NDArray[Any]) -> None:
        kind.done += int((outcomes == Outcome.ACCEPTED).sum())
        for row in np.flatnonzero(~np.isin(outcomes, NOT_REFUSED)).tolist():
            about = int(taps["about"][row])
            kind.failed += 1
            if not kind.stuck:
                kind.stuck_since_s = self._clock.monotonic()
            if len(kind.stuck) < STUCK_MAX:
                kind.stuck.add(about)
            self._log.warning(
                "sweep_refused",
                kind=kind.work.kind.name,
                about=about,
                outcome=Outcome(int(outcomes[row])).name,
            )

    def _submit_later(self, refuse: bool = False) -> None:
        """Acts that waited for what is done now; `refuse`: the answer they got stays."""
        with self._lock:
            later, self._later = self._later, []
        for one in later:
            try:
                if refuse:
                    one.done(one.refusal)
                else:
                    one.submit(one.again)
            except OnecardError as error:
                one.done(error)


class _Kind:
    """One kind of work, and how far it is; of the scheduler's thread."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.done = 0
        self.failed = 0
        self.wait_s = 0.0  # between two tries, since it failed
        self.next_s = 0.0  # monotonic: not tried before
        self.stuck: set[int] = set()  # `about` of what was refused, and is passed over
        self.stuck_since_s = 0.0


@dataclass
class _Later:
    """An act that was refused because sweeps are due."""

    submit: Callable[[Done], None]
    done: Done
    until_s: float  # monotonic: then the refusal is the answer
    again: Done = lambda answer: None
    refusal: object = None


def _without(taps: Columns, stuck: set[int]) -> Columns:
    if not stuck:
        return taps
    kept = ~np.isin(taps["about"], np.array(list(stuck), np.uint64))
    return {name: column[kept] for name, column in taps.items()}


def virtual_number(kind: SweepKind) -> bytes:
    """Of the virtual terminal of a kind; for ever, since identities hang on it."""
    return VIRTUAL + b"sweep-" + kind.name.lower().replace("_", "-").encode()


def _operator(state: State) -> int:
    """The first participant that may have terminals: something is due, so there is one."""
    rows = state.rows("participants")[1:]
    able = np.flatnonzero(np.isin(rows["kind"], WITH_TERMINALS))
    return int(able[0]) + 1 if len(able) else 0


def _virtual(sweep: Sweep) -> PutTerminals:
    row = TerminalRow(
        virtual_number(sweep.kind).decode(), sweep.operator, status=int(Status.INTERNAL)
    )
    return PutTerminals([row])
