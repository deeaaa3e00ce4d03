"""The arrays of a compiled tariff, held and laid out for the rating function."""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uintptr_t

from onecard.ext.fare.tables cimport (
    Bracket,
    Cap,
    DayException,
    Discount,
    Foreign,
    Frame,
    GroupTransfer,
    TariffHeader,
    Join,
    Limit,
    Network,
    Offer,
    Offset,
    RiderClass,
    Service,
    Step,
    Tier,
    Transfer,
)

from onecard.ext.fare import shapes
from onecard.ext.fare.bounds import check_arrays


cdef uintptr_t of(dict arrays, str name) except? 0:
    return arrays[name].ctypes.data


@cython.final
cdef class FareSet:
    """A tariff that is ready to rate: docs/tariffs.md, core/tariff/compiled.py.

    Raises ValueError, naming the array, where the arrays are not those of a tariff or one points
    beyond another: they may come from a file.
    """

    def __init__(self, arrays):
        held = check_arrays(arrays)
        counts = dict(zip(shapes.TABLES, held["counts"].tolist()))
        self.arrays = held
        self._tables(held)
        self._lists(held)
        self.fares.network_count = counts["networks"]
        self.fares.discount_count = counts["discounts"]
        self.fares.transfer_count = counts["transfers"]
        self.fares.limit_count = counts["limits"]
        self.fares.cap_count = counts["caps"]
        self.fares.tier_count = counts["tiers"]
        self.fares.class_count = counts["classes"]
        self.fares.foreign_count = counts["foreign"]
        self.fares.join_count = counts["joins"]
        self.fares.places = held["place_sets"].shape[1]
        self.fares.place_list_bytes = held["place_lists"].shape[1]
        self.fares.cell_key_count = held["cell_keys"].size if held["cell_keys"][0] >= 0 else 0
        self.fares.group_key_count = held["group_keys"].size if held["group_keys"][0] >= 0 else 0

    def _tables(self, dict held):
        self.fares.header = <const TariffHeader*>of(held, "header")
        self.fares.networks = <const Network*>of(held, "networks")
        self.fares.offers = <const Offer*>of(held, "offers")
        self.fares.steps = <const Step*>of(held, "steps")
        self.fares.brackets = <const Bracket*>of(held, "brackets")
        self.fares.discounts = <const Discount*>of(held, "discounts")
        self.fares.transfers = <const Transfer*>of(held, "transfers")
        self.fares.group_transfers = <const GroupTransfer*>of(held, "group_transfers")
        self.fares.limits = <const Limit*>of(held, "limits")
        self.fares.caps = <const Cap*>of(held, "caps")
        self.fares.tiers = <const Tier*>of(held, "tiers")
        self.fares.classes = <const RiderClass*>of(held, "classes")
        self.fares.foreign = <const Foreign*>of(held, "foreign")
        self.fares.frames = <const Frame*>of(held, "frames")
        self.fares.services = <const Service*>of(held, "services")
        self.fares.exceptions = <const DayException*>of(held, "exceptions")
        self.fares.joins = <const Join*>of(held, "joins")
        self.fares.offsets = <const Offset*>of(held, "offsets")

    def _lists(self, dict held):
        self.fares.cells = <const uint32_t*>of(held, "cells")
        self.fares.cell_keys = <const int64_t*>of(held, "cell_keys")
        self.fares.cell_lists = <const uint32_t*>of(held, "cell_lists")
        self.fares.list_offers = <const uint32_t*>of(held, "list_offers")
        self.fares.place_sets = <const uint32_t*>of(held, "place_sets")
        self.fares.place_station = <const uint32_t*>of(held, "place_station")
        self.fares.place_zone = <const uint16_t*>of(held, "place_zone")
        self.fares.zone_offsets = <const uint32_t*>of(held, "zone_offsets")
        self.fares.frame_rows = <const uint32_t*>of(held, "frame_rows")
        self.fares.place_lists = <const uint8_t*>of(held, "place_lists")
        self.fares.group_keys = <const int64_t*>of(held, "group_keys")
        self.fares.group_rows = <const uint32_t*>of(held, "group_rows")
