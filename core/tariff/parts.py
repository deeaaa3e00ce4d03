"""Whom the money of a ride belongs to: its parts by operator (清分), by a compiled tariff."""

from __future__ import annotations

import numpy as np

from onecard.core.tariff.building import TABLES
from onecard.core.tariff.compiled import Compiled

WHOLE = 10_000  # basis points
OPERATOR = (TABLES["networks"].names or ()).index("operator")


def parts(
    compiled: Compiled, network: int, from_place: int, to_place: int, amount: int
) -> list[tuple[str, int]]:
    """(operator, minor units), which sum to `amount`, 0 or more, by the shares of two places.

    Places are 0 where nobody said them. What is left after each share was rounded down goes to the
    largest remainders, of equal ones to the first, a unit each. A pair without shares is its
    network's operator's, "" where none is said.
    """
    operators = compiled.words["operators"]
    shares = _shares(compiled, network, from_place, to_place)
    if not shares:
        return [(operators[int(compiled.arrays["networks"][network - 1][OPERATOR])], amount)]
    amounts = [amount * points // WHOLE for _, points in shares]
    remainders = [amount * points % WHOLE for _, points in shares]
    first = sorted(range(len(shares)), key=lambda at: (-remainders[at], at))
    for at in first[: amount - sum(amounts)]:
        amounts[at] += 1
    return [(operators[shares[at][0]], amounts[at]) for at in range(len(shares))]


def _shares(
    compiled: Compiled, network: int, from_place: int, to_place: int
) -> list[tuple[int, int]]:
    """(operator, basis points) of a pair of places, none where the tariff does not list it."""
    arrays = compiled.arrays
    places = arrays["place_sets"].shape[1]
    key = (network * places + from_place) * places + to_place
    at = int(np.searchsorted(arrays["share_keys"], key))
    if at == arrays["share_keys"].size or arrays["share_keys"][at] != key:
        return []
    begin, end = arrays["share_rows"][at : at + 2].tolist()
    return [(int(operator), int(points)) for operator, points in arrays["shares"][begin:end]]
