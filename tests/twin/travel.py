"""Where the holder of an account travels, as the slow twin keeps it."""

from dataclasses import dataclass


@dataclass
class Journey:
    """One that is open."""

    account: int
    mode: int
    sequence: int  # of the entry tap
    at_us: int
    place: int
    network: int


@dataclass
class Travel:
    """Of an account that ever began a journey; `journey` is the first one that is open."""

    journey: Journey | None = None
    boarded: int = 0
    boarded_at_us: int = 0
    boarded_line: int = 0
    boarded_network: int = 0
    rider_class: int = 0
    latest_us: int = 0
