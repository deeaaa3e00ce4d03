from onecard.ext.counters import Counters
from onecard.ext.draft import EntryDraft
from onecard.ext.history import Recalled
from onecard.ext.recent import Recent
from onecard.ext.state import State
from onecard.ext.wire import Decisions, Taps

def judge(
    state: State,
    recent: Recent,
    taps: Taps,
    draft: EntryDraft,
    decisions: Decisions,
    counters: Counters,
    principal: int,
    now_us: int,
    recalled: Recalled | None = None,
) -> None: ...
