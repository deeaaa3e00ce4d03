"""Who was refused for who it is: told in the log, put on record, and counted."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from onecard.core.access.act_record import Refuse
from onecard.core.access.caller import REASON_MAX
from onecard.core.errors import OnecardError, Refused
from onecard.core.watch.log import Log
from onecard.grpc.server.bridge import Bridge
from onecard.grpc.server.caller import caller
from onecard.grpc.server.methods import ACTS, ASK

# What a record costs is a sync of the disk and some 300 bytes for ever: so many a minute that
# whoever mistypes is on record, and whoever knocks does not fill the journal.
RECORDED_A_MINUTE = 10
MINUTE_S = 60.0


class Refusals:
    """One a server. `counts`: by whether it is on record."""

    def __init__(self, bridge: Bridge, log: Log, now_s: Callable[[], float]) -> None:
        self.bridge = bridge
        self.log = log
        self.now_s = now_s
        self.counts: Counter[str] = Counter(recorded=0, not_recorded=0)
        self._began_s = now_s()
        self._in_minute = 0

    async def note(self, method: str, error: Refused) -> None:
        """Returns once it is on record, or is not to be; refused it is all the same."""
        # What was found is what the caller sent, and may be anything: a number, or a secret.
        expected = str(error).partition(", found ")[0][:REASON_MAX]
        who = caller()
        self.log.warning(
            "access_refused", method=method, actor=who.actor, why=error.reason, expected=expected
        )
        self.counts["not_recorded"] += 1
        if not self._may():
            return
        with suppress(OnecardError):
            reason = "".join(c if c.isprintable() else " " for c in expected)
            refuse = Refuse(replace(who, reason=reason), ACTS.get(method, ASK))
            await self.bridge.act(refuse)
            self.counts.update(recorded=1, not_recorded=-1)

    def _may(self) -> bool:
        """Returns True when this one is among the first of its minute."""
        now_s = self.now_s()
        if now_s - self._began_s >= MINUTE_S:
            self._began_s, self._in_minute = now_s, 0
        self._in_minute += 1
        return self._in_minute <= RECORDED_A_MINUTE
