"""A large feed that nobody has, and its compilation alone in a process: seconds and memory."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from onecard.core.tariff.gtfs.feed import compile_feed
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import of_path

STOPS, AREAS, NETWORKS = 20_000, 400, 10
LEG_RULES, TRANSFER_RULES = 50_000, 5_000
WILD_RULES = 200  # of the leg rules: an area to anywhere, with a priority of their own
GROUPS, PRODUCTS, FRAMES = 100, 500, 8
ROUTES, TRIPS, CALLS = 400, 8_000, 25  # calls of a trip
SPLIT_STOPS = 500  # stops in two areas, as on the border of zones


def write(folder: Path) -> None:
    """All files, the same each time; a folder that is there has them already."""
    if folder.exists():
        return
    folder.mkdir()
    random = np.random.default_rng(9)

    def table(name: str, header: str, rows: list[str]) -> None:
        (folder / name).write_text("\n".join([header, *rows, ""]))

    table("agency.txt", "agency_id,agency_name,agency_timezone", ["1,Bench,Europe/Warsaw"])
    table("stops.txt", "stop_id,stop_name", [f"s{at},Stop {at}" for at in range(STOPS)])
    of = [f"a{at % AREAS},s{at}" for at in range(STOPS)]
    of += [f"a{(at + 1) % AREAS},s{at}" for at in range(SPLIT_STOPS)]
    table("areas.txt", "area_id", [f"a{at}" for at in range(AREAS)])
    table("stop_areas.txt", "area_id,stop_id", of)
    routes = [f"r{at},{at},n{at % NETWORKS},3" for at in range(ROUTES)]
    table("routes.txt", "route_id,route_short_name,network_id,route_type", routes)
    table("trips.txt", "trip_id,route_id", [f"t{at},r{at % ROUTES}" for at in range(TRIPS)])
    calls = random.integers(STOPS, size=(TRIPS, CALLS)).tolist()
    rows = [f"t{trip},s{stop},{at}" for trip, of in enumerate(calls) for at, stop in enumerate(of)]
    table("stop_times.txt", "trip_id,stop_id,stop_sequence", rows)
    days = ",1" * 7
    week = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday"
    table("calendar.txt", f"{week},start_date,end_date", [f"w{days},20260101,20261231"])
    frames = [f"f{at},{at * 3:02}:00:00,{at * 3 + 3:02}:00:00,w" for at in range(FRAMES)]
    table("timeframes.txt", "timeframe_group_id,start_time,end_time,service_id", frames)
    products = [f"p{at},{at % 90 + 1}.00,PLN" for at in range(PRODUCTS)]
    table("fare_products.txt", "fare_product_id,amount,currency", products)
    _rules(folder, random)


def _rules(folder: Path, random: np.random.Generator) -> None:
    pairs = AREAS * AREAS
    chosen = random.choice(NETWORKS * pairs, LEG_RULES - WILD_RULES, replace=False).tolist()
    header = "leg_group_id,network_id,from_area_id,to_area_id,from_timeframe_group_id"
    rows = [f"{header},fare_product_id,rule_priority"]
    for at, cell in enumerate(chosen):
        network, pair = divmod(cell, pairs)
        frame = f"f{at % FRAMES}" if at % 3 == 0 else ""
        leg = f"n{network},a{pair // AREAS},a{pair % AREAS},{frame}"
        rows.append(f"g{at % GROUPS},{leg},p{at % PRODUCTS},{at % 3}")
    for at in range(WILD_RULES):
        rows.append(f"g{at % GROUPS},,a{at},,,p{at},")
    (folder / "fare_leg_rules.txt").write_text("\n".join([*rows, ""]))
    rows = ["from_leg_group_id,to_leg_group_id,transfer_count,fare_transfer_type,fare_product_id"]
    for cell in random.choice(GROUPS * GROUPS, TRANSFER_RULES, replace=False).tolist():
        before, after = divmod(cell, GROUPS)
        count = "2" if before == after else ""
        rows.append(f"g{before},g{after},{count},{cell % 3},p{cell % PRODUCTS}")
    (folder / "fare_transfer_rules.txt").write_text("\n".join([*rows, ""]))


def main() -> None:
    """Compile the folder that is named, and print what it took."""
    start = time.perf_counter()
    notices = Notices()
    tariff = compile_feed(of_path(Path(sys.argv[1])), notices)
    took_s = time.perf_counter() - start
    assert tariff is not None and notices.errors == 0, [str(one) for one in notices.found[:3]]
    status = Path("/proc/self/status").read_text()
    (most,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    offers = len(tariff.arrays["offers"])
    found = {"s": took_s, "gib": int(most.split()[1]) / 2**20, "offers": offers}
    print(json.dumps(found | {"cells": len(tariff.arrays["cells"])}))


if __name__ == "__main__":
    main()
