"""By what it is held, in a network: a policy of kind HOLDS as it stands in the blob of a block."""

from typing import NamedTuple

import numpy as np

from onecard.ext.shape.numbers import Funding
from onecard.ext.shape.arrays import packed, unpacked

LIFE_MIN_S = 60  # a terminal that holds must have time to come back
LIFE_MAX_S = 400 * 86_400  # a year's deposit, and a month to settle it
ARRAYS = 3


class HoldTerms(NamedTuple):
    """`fundings` are those whose cards may be held on, in rising order; `life_s` is for how long what
    is held can be captured, 0 for ever; with `partial` each capture takes a part."""

    fundings: tuple
    partial: bool
    life_s: int

    @property
    def bits(self):
        """The fundings as a row of policies has them, `1 << funding` of each."""
        return sum([1 << funding for funding in self.fundings])

    def fault(self):
        """What was expected instead, and None where all of it may be so."""
        known = [int(funding) for funding in Funding]
        if not self.fundings or sorted(set(self.fundings) & set(known)) != list(self.fundings):
            return f"fundings: expected some of {known}, each once in rising order"
        if self.life_s and not LIFE_MIN_S <= self.life_s <= LIFE_MAX_S:
            return f"life_s: expected 0, or {LIFE_MIN_S} to {LIFE_MAX_S}"
        return None


def of_arrays(blob, count):
    """The terms of a policy's arrays. ValueError where they are not those of such a policy."""
    arrays = unpacked(blob, count)
    said = {name: (array.dtype.str, array.ndim) for name, array in arrays.items()}
    if said != {"fundings": ("|u1", 1), "partial": ("|u1", 1), "life_s": ("<i8", 1)} or not (
        len(arrays["partial"]) == len(arrays["life_s"]) == 1 and arrays["partial"][0] <= 1
    ):
        raise ValueError(f"expected the arrays of a policy of holds, found {said}")
    fundings = tuple(arrays["fundings"].tolist())
    terms = HoldTerms(fundings, bool(arrays["partial"][0]), int(arrays["life_s"][0]))
    if terms.fault() is not None:
        raise ValueError(f"{terms.fault()}, found {terms}")
    return terms


def arrays_of(terms):
    """The blob of terms that are written: ARRAYS of them."""
    return packed({
        "fundings": np.array(terms.fundings, "u1"),
        "partial": np.array([terms.partial], "u1"),
        "life_s": np.array([terms.life_s], "<i8"),
    })
