from enum import IntEnum

import numpy as np

TARIFF_HEADER: np.dtype[np.void]
NETWORK: np.dtype[np.void]
OFFER: np.dtype[np.void]
STEP: np.dtype[np.void]
BRACKET: np.dtype[np.void]
DISCOUNT: np.dtype[np.void]
TRANSFER: np.dtype[np.void]
GROUP_TRANSFER: np.dtype[np.void]
LIMIT: np.dtype[np.void]
CAP: np.dtype[np.void]
TIER: np.dtype[np.void]
RIDER_CLASS: np.dtype[np.void]
FOREIGN: np.dtype[np.void]
FRAME: np.dtype[np.void]
SERVICE: np.dtype[np.void]
DAY_EXCEPTION: np.dtype[np.void]
JOIN: np.dtype[np.void]
SHARE: np.dtype[np.void]
OFFSET: np.dtype[np.void]
RIDE: np.dtype[np.void]
TABLES: dict[str, np.dtype[np.void]]
LAYOUT: int
MASK_BITS: int
SCHEMES_MAX: int
REASONS_MAX: int
NOWHERE: int

class Basis(IntEnum):
    CELL = 1
    METRES = 2
    SECONDS = 3
    FACE = 4
    FLAT = 5

class Way(IntEnum):
    SHARE = 1
    OFF = 2
    NOTHING = 3

class Rounding(IntEnum):
    FLOOR = 0
    CEILING = 1
    HALF_UP = 2
    HALF_EVEN = 3

class Per(IntEnum):
    DAY = 1
    WEEK = 2
    MONTH = 3
    YEAR = 4
