"""The log's line of an answer that somebody may have to look into: of a batch or act, no card."""

from onecard.core.authorize.booking import ConfirmClock
from onecard.core.authorize.engine import ActIn, Submission, TapsIn
from onecard.core.errors import OnecardError, SweepsDue
from onecard.core.watch.log import Log


def log_answer(log: Log, submission: Submission, answer: object, last: int) -> None:
    """Log what is worth a line of it; `last` is the last sequence of its group."""
    if isinstance(submission, TapsIn):
        taps = submission.taps
        if isinstance(answer, bytes) and submission.conflicts and taps is not None:
            log.warning(
                "conflicts",
                batch=taps.request_id,
                participant=submission.principal,
                taps=taps.count,
                conflicts=submission.conflicts,
                terminals=submission.conflict_terminals,
            )
        elif isinstance(answer, OnecardError):
            log.warning("batch_refused", participant=submission.principal, reason=str(answer))
    elif isinstance(submission, ActIn):
        what = type(submission.act).__name__
        if isinstance(answer, SweepsDue):
            log.info("act_after_sweeps", act=what, actor=submission.caller.actor)
        elif isinstance(answer, OnecardError):
            log.warning("act_refused", act=what, actor=submission.caller.actor, reason=str(answer))
        elif isinstance(submission.act, ConfirmClock) and answer != 0:
            log.warning(
                "clock_confirmed",
                wall_us=submission.act.wall_us,
                booked_at_us=str(answer),
                reason=submission.act.reason,
            )
        else:
            log.info("act", act=what, actor=submission.caller.actor, sequence=last)
