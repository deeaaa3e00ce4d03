"""The one writer, on one screen: batches in, decided, drafted for the journal, answered.

No thread is started here; node.py runs the steps on threads, tests and tools call `step`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from onecard.core.access.act_record import Refuse, done
from onecard.core.access.caller import OWNER, Caller
from onecard.core.authorize.booking import BookingTime, ConfirmClock
from onecard.core.authorize.message import read_taps
from onecard.core.authorize.recall import recall
from onecard.core.checkpoint.claims import ended_in
from onecard.core.checkpoint.passes import DURABLE_POLL_S
from onecard.core.checkpoint.recovery import bound_by, part_end
from onecard.core.clock import Clock
from onecard.core.errors import BadInput, ClockDoubtful, LedgerFault, OnecardError, WriteFailed
from onecard.core.failpoint import here
from onecard.core.journal.block import Block, Draft
from onecard.core.ledger.opened import Ledger
from onecard.core.registry.rules import PutRules
from onecard.ext.identity.generations import Generations
from onecard.ext.identity.ring import Ring
from onecard.ext.judge.batch import judge
from onecard.ext.judge.body import BodyKey
from onecard.ext.judge.counters import Counters
from onecard.ext.judge.draft import EntryDraft
from onecard.ext.judge.lookback import InMemory, Recalled, missing
from onecard.ext.shape.numbers import ActKind, Outcome, Record
from onecard.ext.state.apply import apply
from onecard.ext.state.state import State
from onecard.ext.wire.batch import Decisions, Taps

Done = Callable[[object], None]
CONFLICT_TERMINALS = 5  # named in the log
RING_GROUPS = 4  # what is judged, waits, is synced, and one to spare: recall reads what is durable


class Act(Protocol):
    """What is not a tap: an act of core/registry, say; its README has the contract."""

    def apply(
        self, state: State, sequence: int, booked_at_us: int
    ) -> tuple[list[Draft], object]: ...


def unheard(answer: object) -> None:
    """For a caller that takes the answer from `step`."""


@dataclass(slots=True)
class TapsIn:
    """One TapBatch message; answered with one Decisions message."""

    principal: int
    message: bytes
    stream: object = None
    done: Done = unheard
    taps: Taps | None = None  # once it was read
    conflicts: int = 0  # rows answered CONFLICT, once judged
    conflict_terminals: str = ""  # the first few they came from
    refusal: OnecardError | None = None  # its history could not be read now
    recalled: Recalled | None = None
    in_memory: InMemory = field(default_factory=InMemory)  # that it lacks nothing, once looked at

    @property
    def size(self) -> int:
        return len(self.message)


@dataclass(slots=True)
class ActIn:
    """An act and who does it; answered with its result."""

    act: Act
    stream: object = None
    done: Done = unheard
    size: int = 0
    caller: Caller = OWNER


@dataclass(slots=True)
class ReadIn:
    """A question about the state; answered once what it saw is durable."""

    question: Callable[[State], object]
    stream: object = None
    done: Done = unheard
    size: int = 0


Submission = TapsIn | ActIn | ReadIn


@dataclass(slots=True)
class Group:
    """What is written in one transaction, and what is answered when that is durable."""

    drafts: list[Draft] = field(default_factory=list)
    entry_drafts: list[EntryDraft] = field(default_factory=list)
    answers: list[tuple[Submission, object]] = field(default_factory=list)
    last: int = 0  # sequence of the last row
    act_bytes: int = 0  # of the drafts of its acts

    @property
    def bytes(self) -> int:
        return sum(draft.value.nbytes for draft in self.drafts)


class Engine:
    """State, recent identities and the judge of one open ledger; one thread at a time."""

    def __init__(self, ledger: Ledger, clock: Clock, counters: Counters | None = None) -> None:
        self.ledger = ledger
        self.state = ledger.state
        self.journal = ledger.journal
        self.settings = ledger.settings
        self.booking = BookingTime(clock, ledger.settings)
        self.counters = counters or Counters()
        if ledger.digest_key is None:
            raise RuntimeError("expected a ledger of the format that is written")
        self.body_key = BodyKey(ledger.digest_key)
        self._spare: list[EntryDraft] = []
        self._open: EntryDraft | None = None
        self._now_us = 0
        self._conflicts = 0
        self.ring = self._last_entries()
        self.recent = self._remember()
        self.look()
        if int(self.state.totals["last"][0]) == 0:
            for answer in self.step([ActIn(PutRules())]):
                if isinstance(answer, OnecardError):
                    raise answer

    def step(self, submissions: Sequence[Submission]) -> list[object]:
        """Judge, journal and answer, on this thread; answers in order, errors as values."""
        waiting = list(submissions)
        answers: list[object] = []
        while waiting:
            group, waiting = self.judge(waiting)
            self.commit(group)
            self._until_durable(group)
            answers += [answer for _, answer in group.answers]
            if waiting and not self._room(waiting[0]):
                self.retire_identities()
        return answers

    # ---- judging ----------------------------------------------------------------------------

    def judge(self, submissions: list[Submission]) -> tuple[Group, list[Submission]]:
        """Decide in order until memory is full, or too little is durable: the group, who is left.

        Anything raised here but an OnecardError is a fault of ours: the state may be half
        changed, so the process must stop and rebuild it from the journal.
        """
        group = Group()
        left: list[Submission] = []
        self.look()
        for at, submission in enumerate(submissions):
            if not (self._room(submission) and self.reaches(submission)):
                left = submissions[at:]
                break
            try:
                answer = self._decide(submission, group)
            except OnecardError as error:
                if isinstance(error, LedgerFault):
                    raise
                answer = error
            group.answers.append((submission, answer))
            here("mid_judge")
        self._finish(group)
        group.last = int(self.state.totals["last"][0])
        return group, left

    def look(self) -> None:
        """Read the clock that the next blocks are booked by, and whether it is to be believed."""
        self.booking.look(int(self.state.totals["booked_at_us"][0]))

    def prepare(self, submission: TapsIn) -> NDArray[np.void] | None:
        """Read the message; what of its history is to be recalled first, or None. BadInput."""
        taps, in_memory = self.read(submission), submission.in_memory
        memory = self.state, self.recent, self.ring
        # A batch is looked at when it is taken in hand and again before it is judged.
        if in_memory.holds(*memory, taps):
            return None
        if missing(*memory, taps, submission.recalled, in_memory=in_memory) is None:
            return None
        # All of it anew, and what leaves memory next: else a batch could lack something else each
        # time it comes back.
        submission.recalled = None
        ahead = self.ring.size // RING_GROUPS
        return missing(*memory, taps, None, ahead)

    def recall(self, submission: TapsIn, lacking: NDArray[np.void]) -> Recalled:
        """Read what is lacking from disk. Any thread, of what is durable."""
        retirements = self.recent.retirements
        count = self.read(submission).count
        return recall(lacking, count, retirements, self.journal, self.ledger.identities)

    def read(self, submission: TapsIn) -> Taps:
        """The columns of the message; a node has read them at the door. BadInput."""
        if submission.taps is None:
            submission.taps = read_taps(submission.message, self.settings.batch_taps_max)
        return submission.taps

    def _decide(self, submission: Submission, group: Group) -> object:
        if isinstance(submission, TapsIn):
            if self.booking.doubt is not None:
                raise ClockDoubtful(self.booking.doubt)
            return self._taps(submission, group)
        self._finish(group)
        if isinstance(submission, ReadIn):
            return submission.question(self.state)
        if isinstance(submission.act, ConfirmClock):
            return self._confirm(submission.act, group, submission.caller)
        if self.booking.doubt is not None:
            raise ClockDoubtful(self.booking.doubt)
        return self._act(submission.act, group, submission.caller)

    def _taps(self, submission: TapsIn, group: Group) -> bytes:
        taps = self.read(submission)
        if submission.refusal is not None:
            raise submission.refusal
        lacking = self.prepare(submission)
        while lacking is not None:  # node.py had it read before; here only what changed since
            submission.recalled = self.recall(submission, lacking)
            lacking = self.prepare(submission)
        draft = self._entry_draft(group, taps.count)
        decisions = Decisions(taps.count, taps.request_id)
        judge(
            self.state,
            self.recent,
            self.ring,
            taps,
            draft,
            decisions,
            self.counters,
            submission.principal,
            self._now_us,
            self.body_key,
            submission.recalled,
        )
        self._note_conflicts(submission, taps, decisions)
        return decisions.message

    def _note_conflicts(self, submission: TapsIn, taps: Taps, decisions: Decisions) -> None:
        """For the log: an operator that sends one identity twice has a fault to find."""
        before, self._conflicts = self._conflicts, self.counters.conflicts
        submission.conflicts = self._conflicts - before
        if submission.conflicts:
            rows = decisions.column("outcome") == Outcome.CONFLICT
            terminals = np.unique(taps.column("terminal")[rows])[:CONFLICT_TERMINALS]
            submission.conflict_terminals = ",".join(map(str, terminals.tolist()))

    def _confirm(self, act: ConfirmClock, group: Group, caller: Caller) -> object:
        """The time it was booked at; 0 where there is no doubt, so that nothing is booked."""
        if self.booking.doubt is None:
            return 0
        self.booking.check(act, self.state)
        booked_at_us = self._act(act, group, caller)
        self.booking.confirmed()
        return booked_at_us

    def _act(self, act: Act, group: Group, caller: Caller) -> object:
        """Apply an act. What it journals stands behind the record of who did it, and is booked
        after that; an act that changes nothing leaves no record at all."""
        now_us, sequence = self._booking_us(), self._last + 1
        drafts: list[Draft]
        answer: object
        if isinstance(act, Refuse):  # it is that record
            drafts, answer = act.apply(self.state, sequence, now_us)
        else:
            drafts, answer = act.apply(self.state, sequence + 1, now_us + 1)
            if drafts:
                kind = ActKind.CLOCK if isinstance(act, ConfirmClock) else drafts[0].record
                reason = caller.reason or str(getattr(act, "reason", ""))
                drafts.insert(0, done(caller, kind, len(drafts), reason, sequence, now_us))
        size = group.act_bytes + sum(draft.value.nbytes for draft in drafts)
        self.journal.room(size)  # an act's size is known only now; nothing of it is done yet
        group.act_bytes = size
        for draft in drafts:
            draft.label()
            apply(self.state, draft.value)
        group.drafts += drafts
        return answer

    def _room(self, submission: Submission) -> bool:
        """Returns True when memory takes the identities of a batch; a tombstone binds two."""
        count = self._count(submission)
        return count == 0 or self.recent.room(2 * count, self._last + count)

    def reaches(self, submission: Submission) -> bool:
        """Returns True when what a batch pushes out of the ring is durable, for recall to find.

        So it is under any load of taps; an act may book more rows at once than the ring holds.
        """
        count = self._count(submission)
        return count == 0 or self._last + count - self.journal.durable.last <= self.ring.size

    def _count(self, submission: Submission) -> int:
        if not isinstance(submission, TapsIn):
            return 0
        try:
            return self.read(submission).count
        except BadInput:
            return 0  # judged, it gives that error

    @property
    def _last(self) -> int:
        return int(self.state.totals["last"][0])

    # ---- drafting ---------------------------------------------------------------------------

    def _booking_us(self) -> int:
        """The time of the next block: the clock's, and always after the block before."""
        return max(self.booking.wall_us, int(self.state.totals["booked_at_us"][0]) + 1)

    def _entry_draft(self, group: Group, count: int) -> EntryDraft:
        """The draft that takes the next entries."""
        if self._open is not None and self._open.count + count > self._open.taps_max:
            self._finish(group)
        if self._open is None:
            size = max(self.settings.group_taps_max, self.settings.batch_taps_max)
            self._open = self._spare.pop() if self._spare else EntryDraft(size)
            self._open.reset(int(self.state.totals["last"][0]) + 1)
            self._now_us = self._booking_us()
        return self._open

    def _finish(self, group: Group) -> None:
        """End the open block of entries, so that what follows has later sequences."""
        draft, self._open = self._open, None
        if draft is None:
            return
        if draft.count == 0:
            self._spare.append(draft)
            return
        self.state.totals["booked_at_us"] = self._now_us
        group.entry_drafts.append(draft)
        group.drafts.append(
            Draft(
                Record.ENTRIES,
                draft.first,
                draft.count,
                self._now_us,
                draft.finish(),
                draft.leg_count,
                draft.image_count,
                parts=draft.part_counts,
                window=int(self.state.totals["window"][0]),
                zone_offset_us=int(self.state.totals["zone_offset_us"][0]),
            )
        )

    # ---- after judging ----------------------------------------------------------------------

    def commit(self, group: Group) -> None:
        """Write the group. On the thread that writes the journal, one group at a time."""
        if group.drafts:
            here("before_commit")
            self.journal.write(group.drafts)
            here("after_commit")

    def _until_durable(self, group: Group) -> None:
        while self.journal.durable.last < group.last:
            if self.journal.failed is not None:
                raise WriteFailed(f"expected a durable commit, {self.journal.failed}")
            self.booking.clock.sleep(DURABLE_POLL_S)

    def recycle(self, group: Group) -> None:
        """Take the buffers of a written group back. On the commit thread; a list is appended to."""
        for draft in group.drafts:
            draft.value = memoryview(b"")
        self._spare += group.entry_drafts

    def retire_identities(self) -> None:
        """Move the oldest full generation of identities to disk, on this thread."""
        identities, generation = self.recent.oldest()
        self.ledger.identities.retire(identities, int(identities["sequence"].max()))
        self.recent.retire(identities)
        self.recent.drop_oldest()
        self.recent.recycle(generation)

    # ---- at the start -----------------------------------------------------------------------

    def _last_entries(self) -> Ring:
        """The newest entries back in memory."""
        settings = self.settings
        groups = RING_GROUPS * max(settings.group_taps_max, settings.batch_taps_max)
        ring = Ring(1 << (groups - 1).bit_length())
        last = int(self.state.totals["last"][0])
        entries, legs = self.ledger.tail_entries(ring.size)
        ring.fill(entries, legs, max(1, last - ring.size + 1), last)
        return ring

    def _remember(self) -> Generations:
        """Identities and claims back in memory, as far as memory goes."""
        settings = self.settings
        per_generation = max(settings.recent_max, 2 * settings.batch_taps_max)
        self.recent = Generations(per_generation, settings.terminals_max)
        terminals = self.state.rows("terminals")
        retired = self.ledger.identities.retired
        self.recent.retire_all_below(terminals, retired)
        known = self.ledger.identities.counts(np.arange(len(terminals), dtype=np.uint32))
        for block in self.ledger.recent_entries():
            identities = bound_by(block, retired)
            known += np.bincount(identities["terminal"], minlength=len(terminals))
            self._remember_block(block, identities, per_generation)
        # The state was made of the journal apart from them, so it tells what they lack.
        fewer = np.flatnonzero(known < terminals["taken"])
        if len(fewer):
            self.ledger.forget_identities(
                f"terminal {fewer[0]}: expected {terminals['taken'][fewer[0]]} identities or more, "
                f"found {known[fewer[0]]} closed and in the journal after them"
            )
            return self._remember()
        return self.recent

    def _remember_block(
        self, block: Block, identities: NDArray[np.void], per_generation: int
    ) -> None:
        """Part by part, since a generation has what its own entries did and nothing else."""
        by = np.uint64(block.first) + block.images["row"]
        ended, ended_by = ended_in(block)
        at = 0
        while at < len(identities):
            end = part_end(identities, at, self.recent.space or per_generation)
            part = np.ascontiguousarray(identities[at:end])
            while not self.recent.fill(part):
                self.retire_identities()
            theirs = (by >= part["sequence"][0]) & (by <= part["sequence"][-1])
            self.recent.fill_claims(block.images[theirs], by[theirs])
            theirs = (ended_by >= part["sequence"][0]) & (ended_by <= part["sequence"][-1])
            self.recent.fill_ended(ended[theirs], ended_by[theirs])
            at = end
