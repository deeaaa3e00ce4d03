"""Which journey ends where, what says so, and which fare is asked for it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from onecard.ext.shape.numbers import Effect, Image
from tests.twin.state import AfterImage, Book, HoldTerms, Tariff
from tests.twin.travel import Journey

if TYPE_CHECKING:
    from tests.twin.kinds import Ask


def to_exit(ask: "Ask") -> tuple[int, Journey | None]:
    """The open journey of the terminal's mode, or else of none, and its row."""
    found = ask.book.open_journeys(ask.account_id)
    for mode in (ask.mode, 0):
        for row, journey in found.items():
            if journey.mode == mode:
                return row, journey
    return 0, None


def over(row: int) -> int:
    """The effects of what ends a journey."""
    return Effect.JOURNEY_CLOSED | (Effect.JOURNEY_APART if row else 0)


def left(row: int, journey: Journey) -> tuple[AfterImage, ...]:
    """The image of what ends one that stands apart."""
    return (AfterImage(Image.JOURNEY_LEFT, row, journey.mode),) if row else ()


def tariff_at(book: Book, network: int, t: int) -> int:
    return in_force(book.tariffs, network, t)


def in_force(policies: Mapping[int, Tariff | HoldTerms], network: int, t: int) -> int:
    """The version of a network with the latest effective time not after t, 0 for none."""
    begun = [
        (policy.effective_from_us, version)
        for version, policy in policies.items()
        if policy.network == network and policy.effective_from_us <= t
    ]
    return max(begun)[1] if begun else 0


def fare(tariff: Tariff, origin: int, destination: int) -> int:
    """Fen, or -1 where the tariff has none."""
    if origin > tariff.stations or destination > tariff.stations:
        return -1
    return tariff.fare_fen(origin, destination)
