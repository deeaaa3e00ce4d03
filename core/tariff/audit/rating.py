"""What a tariff says of a ride, and what it says where the row itself tells of a transfer."""

from __future__ import annotations

from collections.abc import Iterator

from onecard.core.tariff import read_back
from onecard.core.tariff.audit.columns import Mark
from onecard.core.tariff.building import Arrays
from onecard.ext.fare.rate import Code, FareSet, Rated, Ride, Status
from onecard.ext.fare.shapes import Basis

SECOND_US = 1_000_000
TRANSFERS = ("transfers", "group_transfers")


class Rating:
    """A tariff, and the same without its transfers: for rows that say that they had none.

    A row that says it had one is believed where its card's ride before is not in the files: then a
    ride a second before it is made up, of each network and line from which a transfer is.
    """

    def __init__(self, arrays: Arrays, no_line: int) -> None:
        self._whole = FareSet(arrays)
        self._apart = FareSet(_without_transfers(arrays))
        self._flat = FareSet(_flat(arrays))
        self._networks = read_back.rows(arrays, "networks")
        self._transfers = read_back.rows(arrays, "transfers")
        self._no_line = no_line

    def rated(self, ride: Ride, rider: bytes, mark: int, charged: int) -> Rated:
        """What the tariff says, as far as the row has not said otherwise. Of several transfers that
        a mark may mean it is the one that comes to what was charged, else the first."""
        if mark == Mark.NO:
            return self._apart.rate(ride, rider)
        rated = self._whole.rate(ride, rider)
        if mark == Mark.YES and not has_transfer(rated):
            found = list(self.transferred(ride, rider))
            return next((one for one in found if one.amount == charged), (found or [rated])[0])
        return rated

    def transferred(self, ride: Ride, rider: bytes) -> Iterator[Rated]:
        """What it says after a made-up ride from which a transfer is, for each such."""
        for transfer in self._transfers:
            line = transfer["from_line"] or self._no_line
            for number in range(1, len(self._networks) + 1):
                at_us = ride.begin_us - SECOND_US
                before = self._flat.rate(
                    Ride(network=number, begin_us=at_us, end_us=at_us, line=line), rider
                )
                if before.status != Status.RATED:
                    continue
                rated = self._whole.rate(ride, before.rider)
                if has_transfer(rated):
                    yield rated

    def has_same_station(self, network: int) -> bool:
        """Returns True when the tariff says what a ride costs that ends where it began."""
        return self._networks[network - 1]["same_station"] != 0 or not self.is_face(network)

    def is_face(self, network: int) -> bool:
        """Returns True when a network's fare is what the terminal says."""
        return self._networks[network - 1]["basis"] == Basis.FACE

    def needs_places(self, network: int) -> bool:
        """Returns True when a network's fare is from somewhere to somewhere."""
        return self._networks[network - 1]["basis"] == Basis.CELL


def has_transfer(rated: Rated) -> bool:
    """Returns True when a transfer took something off, or would have."""
    return any(reason.code in (Code.TRANSFER, Code.GROUP_TRANSFER) for reason in rated.reasons)


def _without_transfers(arrays: Arrays) -> Arrays:
    """The pairs of groups point to rows of transfers, so they go as well."""
    without = read_back.without(arrays, *TRANSFERS)
    return {
        **without,
        "group_keys": arrays["group_keys"][:1] * 0 - 1,
        "group_rows": arrays["group_rows"][:1].repeat(2) * 0,
    }


def _flat(arrays: Arrays) -> Arrays:
    """Networks of one fare each and nothing taken off it: a ride there counts to no cap or tier."""
    networks = [
        {**network, "basis": int(Basis.FLAT), "flat": 1, "joins": 0}
        for network in read_back.rows(arrays, "networks")
    ]
    bare = read_back.without(
        _without_transfers(arrays), "discounts", "limits", "caps", "tiers", "joins"
    )
    return read_back.with_rows(bare, "networks", networks)
