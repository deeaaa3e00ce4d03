"""Which journey ends where, what says so, and which fare is asked for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from onecard.ext.shape.numbers import Effect, Image, Mark
from tests.twin.state import AfterImage, Book, HoldTerms, Tariff
from tests.twin.travel import Journey

if TYPE_CHECKING:
    from tests.twin.kinds import Ask, Verdict


def to_exit(ask: "Ask") -> tuple[int, Journey | None]:
    """The open journey of the terminal's mode, or else of none, and its row."""
    found = ask.book.open_journeys(ask.account_id)
    for mode in (ask.mode, 0):
        for row, journey in found.items():
            if journey.mode == mode:
                return row, journey
    return 0, None


def ended_at_gate(ask: "Ask") -> tuple[int, Journey | None]:
    """The journey that a gate which rated it itself ends, and its row; there may be none."""
    row, journey = to_exit(ask)
    if journey is None or journey.network != ask.rated_by or ask.t < journey.at_us:
        return 0, None
    return row, journey


def compared(ask: "Ask", journey: Journey | None) -> tuple[int, int]:
    """The version whose fare the amount is compared with, and DIFFERS where they differ; 0, 0."""
    version = tariff_at(ask.book, journey.network, journey.at_us) if journey else 0
    if not journey or not version:
        return 0, 0
    fare_fen = fare(ask.book.tariffs[version], journey.place, ask.place)
    if fare_fen == -1:
        return 0, 0
    return version, 0 if fare_fen == ask.tap.amount_fen else Mark.DIFFERS


def ending(paid: "Verdict", row: int, journey: Journey | None) -> "Verdict":
    """What pays for a journey ends it too, where it is accepted and there is one."""
    if journey is None or not paid.accepted:
        return paid
    sequence, images = journey.sequence, left(row, journey)
    return replace(paid, images=images, effects=over(row), journey=sequence)


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
