"""No number in the arrays of a tariff points beyond them: asked once, before anything is rated."""

import numpy as np

from onecard.ext.fare import shapes

WIDE = {  # array -> its type and its number of dimensions
    "counts": (np.int64, 1),
    "cells": (np.uint32, 1),
    "cell_keys": (np.int64, 1),
    "cell_lists": (np.uint32, 1),
    "list_offers": (np.uint32, 1),
    "place_sets": (np.uint32, 2),
    "place_station": (np.uint32, 1),
    "place_zone": (np.uint16, 1),
    "zone_offsets": (np.uint32, 1),
    "frame_rows": (np.uint32, 1),
    "place_lists": (np.uint8, 2),
    "group_keys": (np.int64, 1),
    "group_rows": (np.uint32, 1),
    "share_keys": (np.int64, 1),
    "share_rows": (np.uint32, 1),
}
AMOUNT_MAX = 10**12
SECONDS_MAX = 1 << 40  # times a million it is still a number
UPTO_MAX = 1 << 61  # of the last bracket, which goes on
UNIT_MAX = 1_000_000
POINTS_MAX = 1 << 20
DAY_MIN, DAY_MAX = -719_162, 2_932_896  # 0001-01-01, 9999-12-31
# table -> of each field that is reckoned with, the least and the most: what is beyond would divide
# by nothing, or overflow.
RANGES = {
    "header": {
        "minor_digits": (0, 4),
        "effective_day": (DAY_MIN, DAY_MAX),
        "until_day": (DAY_MIN, DAY_MAX),
        "service_day_s": (0, 86_400),
        "week_begins": (0, 6),
        "journey_gap_s": (0, SECONDS_MAX),
    },
    "networks": {
        "basis": (int(min(shapes.Basis)), int(max(shapes.Basis))),
        "bit": (-1, shapes.MASK_BITS - 1),
        "flat": (0, AMOUNT_MAX),
        "same_station_free_s": (0, SECONDS_MAX),
        "same_station_amount": (0, AMOUNT_MAX),
        "overtime_s": (0, SECONDS_MAX),
        "overtime_amount": (0, AMOUNT_MAX),
        "overdue_s": (0, SECONDS_MAX),
        "incomplete_amount": (-1, AMOUNT_MAX),
    },
    "offers": {"amount": (-AMOUNT_MAX, AMOUNT_MAX), "priority": (0, 1 << 62)},
    "steps": {
        "upto": (0, 1 << 61),
        "amount": (0, AMOUNT_MAX),
        "every": (0, 1 << 61),
        "each": (0, AMOUNT_MAX),
    },
    "brackets": {"upto": (0, UPTO_MAX), "basis_points": (0, POINTS_MAX)},
    "discounts": {
        "way": (1, 3),
        "rounding": (0, 3),
        "per": (0, 4),
        "amount": (0, AMOUNT_MAX),
        "unit": (1, UNIT_MAX),
    },
    "tiers": {"rounding": (0, 3), "per": (1, 4)},
    "shares": {"basis_points": (0, 10_000)},
    "transfers": {
        "way": (1, 3),
        "rounding": (0, 3),
        "within_s": (0, SECONDS_MAX),
        "amount": (0, AMOUNT_MAX),
        "basis_points": (0, POINTS_MAX),
    },
    "group_transfers": {"limit_s": (0, SECONDS_MAX), "way": (0, 2)},
    "limits": {"least": (0, AMOUNT_MAX), "most": (-1, AMOUNT_MAX)},
    "caps": {"most": (0, AMOUNT_MAX), "per": (1, 4)},
    "frames": {"begin_s": (0, 86_400), "end_s": (0, 86_400)},
    "offsets": {"offset_s": (-172_800, 172_800)},
}
# table, field -> how many there are of what it points at, by the name of the count
POINTS = [
    ("offers", "from_frame", "frames_made"), ("offers", "to_frame", "frames_made"),
    ("discounts", "from_frame", "frames_made"), ("discounts", "to_frame", "frames_made"),
    ("discounts", "from_places", "place_lists"), ("discounts", "to_places", "place_lists"),
    ("frames", "service", "services"),
]
SPANS = [  # table, first, how many -> of which table
    ("networks", "step", "steps", "steps"),
    ("discounts", "bracket", "brackets", "brackets"),
    ("tiers", "bracket", "brackets", "brackets"),
    ("services", "exception", "exceptions", "exceptions"),
    ("group_transfers", "offer", "offers", "offers"),
]
SCHEMES = ["discounts", "caps", "tiers"]


def check_arrays(arrays):
    """The arrays as they are needed, contiguous and of their types; ValueError, naming one."""
    held = {}
    for name, dtype in shapes.TABLES.items():
        held[name] = of_type(arrays, name, np.int64, 2)
        if held[name].shape[1] != len(dtype.names):
            raise ValueError(f"array {name}: expected {len(dtype.names)} columns")
    for name, (scalar, rank) in WIDE.items():
        held[name] = of_type(arrays, name, scalar, rank)
    rows = {
        name: held[name].reshape(-1).view(dtype) for name, dtype in shapes.TABLES.items()
    }
    if len(held["counts"]) != len(shapes.TABLES):
        raise ValueError("array counts: expected one a table")
    counts = dict(zip(shapes.TABLES, held["counts"].tolist()))
    for name, count in counts.items():
        if not 0 <= count <= len(rows[name]):
            raise ValueError(f"array {name}: expected {count} rows, found {len(rows[name])}")
    if rows["header"][0]["layout"] != shapes.LAYOUT:
        raise ValueError(f"expected layout {shapes.LAYOUT}, found {rows['header'][0]['layout']}")
    check_places(held, rows, counts)
    for table, fields in RANGES.items():
        for field, (least, most) in fields.items():
            within(f"{table}.{field}", rows[table][field][: counts[table]], most + 1, least)
    check_points(held, rows, counts)
    check_cells(held, rows, counts)
    return held


def of_type(arrays, name, scalar, rank):
    """An array by name. ValueError where it is not there, or of another type."""
    found = arrays.get(name)
    if found is None:
        raise ValueError(f"array {name}: expected it, found none")
    if found.dtype != np.dtype(scalar) or found.ndim != rank or found.size == 0:
        raise ValueError(
            f"array {name}: expected {np.dtype(scalar)} in {rank} dimensions, found {found.dtype} "
            f"of {found.shape}"
        )
    return np.ascontiguousarray(found)


def within(name, values, most, least=0):
    """ValueError unless all numbers are at least `least` and below `most`."""
    if values.size and not (int(values.min()) >= least and int(values.max()) < most):
        raise ValueError(
            f"array {name}: expected numbers from {least} to {most - 1}, found {values.min()} to "
            f"{values.max()}"
        )


def rising(name, values, most):
    """ValueError unless the ends of rows rise from 0 to `most`."""
    steps = np.diff(values.astype(np.int64))
    if values[0] != 0 or (steps.size and int(steps.min()) < 0) or int(values.max()) > most:
        raise ValueError(f"array {name}: expected numbers that rise from 0 to {most}")


def check_places(held, rows, counts):
    """Places, their stations, zones and lists are as many as each other says."""
    places = held["place_sets"].shape[1]
    for name in ("place_station", "place_zone"):
        if len(held[name]) != places:
            raise ValueError(f"array {name}: expected {places} places, found {len(held[name])}")
    within("place_station", held["place_station"], places)
    within("place_zone", held["place_zone"], len(held["zone_offsets"]) - 1)
    rising("zone_offsets", held["zone_offsets"], counts["offsets"])
    if np.diff(held["zone_offsets"].astype(np.int64)).min(initial=1) < 1:
        raise ValueError("array zone_offsets: expected an offset in each zone")
    if held["place_lists"].shape[1] * 8 < places:
        raise ValueError(f"array place_lists: expected a bit for each of {places} places")
    rising("frame_rows", held["frame_rows"], counts["frames"])
    within("networks.sets_row", rows["networks"]["sets_row"], held["place_sets"].shape[0])
    within("joins", rows["joins"]["from_place"], places)
    within("joins", rows["joins"]["to_place"], places)


def check_points(held, rows, counts):
    """Frames, lists, steps, brackets and schemes that rows name are there."""
    many = {
        **counts,
        "frames_made": len(held["frame_rows"]) - 1,
        "place_lists": held["place_lists"].shape[0],
    }
    for table, field, what in POINTS:
        within(f"{table}.{field}", rows[table][field][: counts[table]], max(many[what], 1))
    for table, first, length, what in SPANS:
        begin = rows[table][first][: counts[table]]
        long = rows[table][length][: counts[table]]
        within(f"{table}.{first}", begin, many[what] + 1)
        within(f"{table}.{length}", long, many[what] + 1)
        within(f"{table}.{first}", begin + long, many[what] + 1)
    for table in SCHEMES:
        within(f"{table}.scheme", rows[table]["scheme"][: counts[table]], shapes.SCHEMES_MAX)
    for table in ("discounts", "tiers"):
        shares = rows[table]["brackets"][: counts[table]]
        if table == "tiers" and (shares < 1).any():
            raise ValueError("array tiers: expected a step in each")
    within("header.default_class", rows["header"]["default_class"], max(counts["classes"], 1))
    within("foreign.rider_class", rows["foreign"]["rider_class"], max(counts["classes"], 1))
    made = 8 + counts["discounts"] + counts["tiers"] + counts["limits"] + counts["caps"]
    if made > shapes.REASONS_MAX:
        raise ValueError(
            f"expected at most {shapes.REASONS_MAX - 8} discounts, tiers, limits and caps, found "
            f"{made - 8}"
        )


def check_cells(held, rows, counts):
    """Cells name lists that are there, lists offers, squares cells."""
    lists = len(held["list_offers"]) - 1
    rising("list_offers", held["list_offers"], counts["offers"])
    within("cells", held["cells"], max(lists, 1))
    within("cell_lists", held["cell_lists"], max(lists, 1))
    if len(held["cell_keys"]) != len(held["cell_lists"]):
        raise ValueError("array cell_keys: expected as many as cell_lists")
    for keys, row_ends in (("group_keys", "group_rows"), ("share_keys", "share_rows")):
        if len(held[row_ends]) != len(held[keys]) + 1:
            raise ValueError(f"array {row_ends}: expected one more than {keys}")
    rising("group_rows", held["group_rows"], counts["group_transfers"])
    rising("share_rows", held["share_rows"], counts["shares"])
    for network in rows["networks"][: counts["networks"]]:
        if network["basis"] != shapes.Basis.CELL:
            if network["basis"] in (shapes.Basis.METRES, shapes.Basis.SECONDS) and not network["steps"]:
                raise ValueError("array networks: expected a step, found none")
            continue
        sets = held["place_sets"][network["sets_row"]]
        sets = sets[sets != shapes.NOWHERE]
        side = int(sets.max(initial=0)) + 1
        if side > int(network["to_sets"]):
            raise ValueError(f"array place_sets: expected {network['to_sets']} sets, found {side}")
        end = int(network["square"]) + side * int(network["to_sets"])
        if int(network["square"]) >= 0 and end > len(held["cells"]):
            raise ValueError(f"array cells: expected {end}, found {len(held['cells'])}")
