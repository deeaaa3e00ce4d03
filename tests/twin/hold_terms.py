"""By what it is held in a network, for the slow twin."""

from collections.abc import Sequence

from onecard.ext.shape.numbers import Funding, Record
from tests.twin.acts import Acting, Refused
from tests.twin.state import Book, HoldTerms

LIFE_MIN_S, LIFE_MAX_S = 60, 400 * 86_400


def put_hold_terms(
    book: Book,
    effective_from_us: int,
    fundings: Sequence[int],
    partial: bool,
    life_s: int,
    network: int,
    booked_at_us: int,
) -> int:
    """The version it was given; what is in force in its network for its start already is that."""
    acting = Acting(book, Record.TARIFF_SETS, booked_at_us)
    known_fundings = [funding for funding in Funding if funding in fundings]
    if not known_fundings or known_fundings != list(fundings):
        raise Refused
    if life_s and not LIFE_MIN_S <= life_s <= LIFE_MAX_S:
        raise Refused
    alike = [
        version
        for version, known in book.hold_terms.items()
        if (known.network, known.effective_from_us) == (network, effective_from_us)
    ]
    if alike:
        known = book.hold_terms[max(alike)]
        if (known.fundings, known.partial, known.life_s) == (tuple(fundings), partial, life_s):
            return max(alike)
    version = len(book.policies) + 1
    record = acting.next_sequence()
    said = effective_from_us, tuple(fundings), partial, life_s, network
    book.policies[version] = HoldTerms(record, "holds", *said)
    return version
