import numpy as np

from onecard.ext.identity.generations import Generations
from onecard.ext.identity.ring import Ring
from onecard.ext.judge.lookback import Recalled
from onecard.ext.state.state import State
from onecard.ext.wire.batch import Taps

NAMED: np.dtype[np.void]

def new_claims(
    state: State,
    recent: Generations,
    ring: Ring,
    taps: Taps,
    recalled: Recalled | None = None,
) -> int: ...
