from onecard.ext.identity.generations import Generations
from onecard.ext.identity.ring import Ring
from onecard.ext.judge.body import BodyKey
from onecard.ext.judge.counters import Counters
from onecard.ext.judge.draft import EntryDraft
from onecard.ext.judge.lookback import Recalled
from onecard.ext.state.state import State
from onecard.ext.wire.batch import Decisions, Taps

def judge(
    state: State,
    recent: Generations,
    ring: Ring,
    taps: Taps,
    draft: EntryDraft,
    decisions: Decisions,
    counters: Counters,
    principal: int,
    now_us: int,
    body_key: BodyKey,
    recalled: Recalled | None = None,
) -> None: ...
