"""The shortest way between any two stations of a network.

Lines meet where they share a station: changing there costs no metres. A link of zero metres joins
two stations between which one changes through the street on the same fare.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

METRES_MAX = 1 << 29  # so that two of them still add up in 32 bits; no way is as long


def shortest(count: int, links: NDArray[np.int32]) -> NDArray[np.int32]:
    """Metres from every station to every station over links (from, to, metres), both ways;
    METRES_MAX where there is no way.

    Floyd and Warshall, a row and a column at a time: count squared steps in numpy.
    """
    metres = np.full((count, count), METRES_MAX, dtype=np.int32)
    np.fill_diagonal(metres, 0)
    a, b, length = links.T
    np.minimum.at(metres, (a, b), length)
    np.minimum.at(metres, (b, a), length)
    for over in range(count):
        np.minimum(metres, metres[:, over, None] + metres[None, over, :], out=metres)
    return np.minimum(metres, METRES_MAX)
