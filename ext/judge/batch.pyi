from onecard.ext.identity.recent import Recent
from onecard.ext.judge.counters import Counters
from onecard.ext.judge.draft import EntryDraft
from onecard.ext.judge.lookback import Recalled
from onecard.ext.state.state import State
from onecard.ext.wire.batch import Decisions, Taps

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
