from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

class Status(IntEnum):
    RATED = 0
    NO_FARE = 1
    NOT_ACCEPTED = 2
    NOT_IN_FORCE = 3
    FACE_MISSING = 4
    METRES_MISSING = 5
    TOO_LARGE = 6
    UNKNOWN = 7

class Code(IntEnum):
    CLASS_FOREIGN = 1
    CLASS_EXPIRED = 2
    CLASS_BELIEVED = 3
    INCOMPLETE = 4
    OVERDUE = 5
    SAME_STATION_FREE = 6
    SAME_STATION = 7
    CELL = 8
    METRES = 9
    SECONDS = 10
    FACE = 11
    FLAT = 12
    TRANSFER = 13
    DISCOUNT = 14
    TIER = 15
    LIMIT = 16
    CAP = 17
    OVERTIME = 18
    JOINED = 19
    GROUP_TRANSFER = 20

class Ride(NamedTuple):
    network: int
    begin_us: int
    end_us: int
    from_place: int = 0
    to_place: int = 0
    line: int = 0
    face: int = -1
    metres: int = -1
    media: int = 0
    incomplete: int = 0

class Reason(NamedTuple):
    code: Code
    rule: int
    before: int
    after: int
    detail: int
    bearer: int

class Rated(NamedTuple):
    status: Status
    amount: int
    fare: int
    offer: int
    reasons: list[Reason]
    rider: bytes

RIDER_BYTES: int

def new_rider(rider_class: int, class_until_day: int = 0, city: int = 0) -> bytes: ...

class FareSet:
    def __init__(self, arrays: dict[str, NDArray[np.integer[Any]]]) -> None: ...
    def rate(self, ride: Ride, rider: bytes) -> Rated: ...
    def offers(self, ride: Ride, rider: bytes) -> list[int]: ...
    def rate_each(
        self, rides: NDArray[np.void], rider: bytes
    ) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...

def walk(table: NDArray[np.uint32], steps: int) -> int: ...
