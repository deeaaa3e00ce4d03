"""Facts of the public tests of OpenTripPlanner, rated by feeds that say the same.

Repository opentripplanner/OpenTripPlanner, application/src/ext-test/java, package
org.opentripplanner.ext.fares.service.gtfs.v2; the class stands beside each row. Rules, times and
which products are offered are theirs. Prices of products A and B are ours (10.00 and 20.00, so that
they differ); a transfer costs their 1.00. Left out is what is theirs and not the standard's:
distances, the end of a timeframe that is still in it, a product that hangs on a leg two before.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.tariff.small_feed import FEED, Files, Rider, sound

A, B, TRANSFER = 1000, 2000, 100
LEGS_HEADER = (
    "leg_group_id,network_id,from_area_id,to_area_id,from_timeframe_group_id,"
    "to_timeframe_group_id,fare_product_id"
)
TRANSFERS_HEADER = (
    "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,"
    "fare_transfer_type,fare_product_id"
)


def feed(legs: list[str], transfers: list[str] | None = None, priority: bool = False) -> Files:
    """Stops x and y in area a1, z in none; networks A and B; timeframes 12 to 14, 15 to 17."""
    files = {
        "agency.txt": FEED["agency.txt"],
        "stops.txt": "stop_id,stop_name\nx,X\ny,Y\nz,Z\n",
        "routes.txt": "route_id,agency_id,network_id,route_type\na,op,A,3\nb,op,B,3\nn,op,,3\n",
        "trips.txt": "route_id,service_id,trip_id\n",
        "stop_times.txt": "trip_id,stop_id,stop_sequence\n",
        "calendar.txt": FEED["calendar.txt"],
        "areas.txt": "area_id\na1\n",
        "stop_areas.txt": "area_id,stop_id\na1,x\na1,y\n",
        "timeframes.txt": "timeframe_group_id,start_time,end_time,service_id\n"
        "12-14,12:00:00,14:00:00,work\n15-17,15:00:00,17:00:00,work\nall,,,work\n",
        "fare_products.txt": "fare_product_id,amount,currency\n"
        "A,10.00,PLN\nB,20.00,PLN\ntransfer,1.00,PLN\n",
        "fare_leg_rules.txt": "\n".join(
            [LEGS_HEADER + (",rule_priority" if priority else ""), *legs]
        ),
    }
    if transfers:
        files["fare_transfer_rules.txt"] = "\n".join([TRANSFERS_HEADER, *transfers])
    return files


ONE_GROUP = ["g,A,,,,,A"]
ANY_NETWORK = ["g,,,,,,A"]
TWO_GROUPS = ["a,A,,,,,A", "b,B,,,,,B"]
# class, rules of legs, of transfers, rides as network and times, what each adds
JOURNEYS = [
    ("TransferCountTest, free", ONE_GROUP, ["g,g,1,,,0,"],
     "A 10:00 10:10, A 10:20 10:30, A 10:30 10:40", [A, 0, A]),
    ("TransferCountTest, with a product", ONE_GROUP, ["g,g,1,,,0,transfer"],
     "A 10:00 10:10, A 10:20 10:30, A 10:30 10:40", [A, TRANSFER, A]),
    ("TransferCountWithTimeLimitTest, two transfers", ONE_GROUP, ["g,g,1,7200,0,0,"],
     "A 10:00 10:10, A 10:20 10:30, A 10:40 10:50", [A, 0, A]),
    ("TransferCountWithTimeLimitTest, three", ONE_GROUP, ["g,g,1,7200,0,0,"],
     "A 10:00 10:10, A 10:20 10:30, A 10:40 10:50, A 10:50 10:55", [A, 0, A, 0]),
    ("DepartureToDepartureTimeLimitTest", ANY_NETWORK, ["g,g,-1,600,1,0,transfer"],
     "A 10:00 10:08, A 10:09 10:15", [A, TRANSFER]),
    ("DepartureToDepartureTimeLimitTest, above", ANY_NETWORK, ["g,g,-1,600,1,0,transfer"],
     "A 10:00 10:04, A 10:11 10:15", [A, A]),
    ("DepartureToArrivalTimeLimitTest, above", ANY_NETWORK, ["g,g,-1,600,0,0,transfer"],
     "A 10:00 10:11, A 10:12 10:22", [A, A]),
    ("DepartureToArrivalTimeLimitTest, below", ANY_NETWORK, ["g,g,-1,600,0,0,transfer"],
     "A 10:00 10:03, A 10:03 10:06", [A, TRANSFER]),
    ("DepartureToArrivalTimeLimitTest, three legs", ANY_NETWORK, ["g,g,-1,600,0,0,transfer"],
     "A 10:00 10:03, A 10:03 10:06, A 10:09 10:15", [A, TRANSFER, A]),
    ("DepartureToArrivalTimeLimitTest, four legs", ANY_NETWORK, ["g,g,-1,600,0,0,transfer"],
     "A 10:00 10:03, A 10:03 10:06, A 10:09 10:15, A 10:15 10:17", [A, TRANSFER, A, TRANSFER]),
    ("FreeTransferTimeLimitTest", ONE_GROUP, ["g,g,-1,600,1,0,"],
     "A 10:00 10:03, A 10:04 10:08, A 10:12 10:22", [A, 0, A]),
    ("FreeTransferInNetworkTest, another network", ONE_GROUP, ["g,g,-1,,,0,"],
     "B 10:00 10:50", [None]),
    ("FreeTransferInNetworkTest, several legs", ONE_GROUP, ["g,g,-1,,,0,"],
     "A 10:00 10:50, A 10:50 11:40", [A, 0]),
    ("FreeTransferAcrossNetworksTest", TWO_GROUPS, ["a,b,,,,0,"],
     "A 10:00 10:10, B 10:15 10:25", [A, 0]),
    ("CostedTransferAcrossNetworksTest", TWO_GROUPS, ["a,a,-1,,,0,", "a,b,,,,0,transfer"],
     "A 10:00 10:10, A 10:11 10:20, B 10:21 10:25", [A, 0, TRANSFER]),
    ("CostedTransferAcrossNetworksTest, four legs", TWO_GROUPS,
     ["a,a,-1,,,0,", "a,b,,,,0,transfer"],
     "A 10:00 10:10, A 10:11 10:20, B 10:21 10:25, A 10:26 10:30", [A, 0, TRANSFER, A]),
    ("CostedTransferInNetworkTest", ONE_GROUP, ["g,g,-1,,,0,transfer"],
     "A 10:00 10:20, A 10:21 10:40, A 10:41 10:45", [A, TRANSFER, TRANSFER]),
    ("CostedTransferInNetworkTest, another network at last", ONE_GROUP, ["g,g,-1,,,0,transfer"],
     "A 10:00 10:20, A 10:21 10:40, - 10:41 10:45", [A, TRANSFER, None]),
    # Both rules of legs hold; the cheapest first leg is in the group whose transfer is free.
    ("WildcardNetworkTransferTest", ["a,,,,,,A", "b,,,,,,B"], ["a,a,-1,,,0,"],
     "A 10:00 10:10, B 10:20 10:30", [A, 0]),
    ("FreeTransferWithoutEligibilityTest", ["g,,,,,,A", "g,,,,,,B"], ["g,g,-1,,,0,"],
     "A 10:00 11:00, A 11:00 12:00", [A, 0]),
    ("TimeframeTest, one leg", ["r1,,,,12-14,,A", "r2,,,,15-17,,B"], [],
     "A 12:00 12:10", [A]),
    ("TimeframeTest, two legs", ["r1,,,,12-14,,A", "r2,,,,15-17,,B"], [],
     "A 12:00 12:10, A 15:20 15:30", [A, B]),
]  # fmt: skip


@pytest.mark.parametrize("row", JOURNEYS, ids=lambda row: row[0])
def test_a_journey(row: tuple[str, list[str], list[str], str, list[int | None]]) -> None:
    _, legs, transfers, rides, amounts = row
    rider = Rider(sound(feed(legs, transfers)))
    said = [ride.split() for ride in rides.split(", ")]
    assert rider.amounts(*(f"{net} z z {start} {end}" for net, start, end in said)) == amounts


# FareLookupServiceTest and SameGroupIdPriorityTest: two rules (network, from and to area, priority)
# of products A and B, and which are offered for a leg of network A between two stops of area a1.
MATCHES = [
    ("network and area mixed, no priority", "A,,", "", ",a1,a1", "", ""),
    ("the same with priorities", "A,,", "0", ",a1,a1", "2", "B"),
    ("no network", ",a1,a1", "", ",a1,a1", "", "A B"),
    ("two priorities", "A,,", "1", "A,,", "2", "B"),
    ("no priority, both", "A,,", "", "A,,", "", "A B"),
    ("equal priorities, both", "A,,", "10", "A,,", "10", "A B"),
    # AreasTest and GtfsFaresV2ServiceTest.networkId: of a listed area or network an empty one is
    # no match.
    ("from and to before to alone", ",a1,a1", "", ",,a1", "", "A"),
    ("a network before none", "A,a1,a1", "", ",a1,a1", "", "A"),
]  # fmt: skip


@pytest.mark.parametrize("group", ["", "g"])
@pytest.mark.parametrize("row", MATCHES, ids=lambda row: row[0])
def test_which_rules_match(row: tuple[str, str, str, str, str, str], group: str) -> None:
    _, first, first_priority, second, second_priority, offered = row
    ends = [f",{number}" if number else "" for number in (first_priority, second_priority)]
    legs = [f"{group},{first},,,A{ends[0]}", f"{group},{second},,,B{ends[1]}"]
    # Where the areas are not said, their leg has none either: x and y, or z.
    stops = "z z" if "a1" not in first + second else "x y"
    assert offers(feed(legs, priority=bool(first_priority)), f"A {stops} 10:00 10:10") == offered


# TimeframeMatcherTest, OnlyToTimeframeMatcherTest, OnlyFromTimeframeMatcherTest: begin and end of a
# leg, and whether a rule of these timeframes holds; at the end of a timeframe the standard's.
WITHIN = [
    ("12-14,15-17", "12:01 15:01, 12:00 15:00, 13:59 16:59", True),
    ("12-14,15-17", "00:00 11:59, 10:00 11:00, 10:00 11:59, 10:00 12:01, 14:01 14:05", False),
    ("12-14,15-17", "11:59 12:01, 11:00 12:00, 18:00 19:05, 13:00 14:01, 14:00 17:01", False),
    ("12-14,15-17", "14:00 15:01, 12:00 17:00, 14:00 17:00", False),
    (",12-14", "12:00 12:02, 12:01 12:02, 12:01 13:00, 10:00 12:01, 11:59 12:01", True),
    (",12-14", "11:00 12:00, 13:00 13:59", True),
    (",12-14", "00:00 11:59, 10:00 11:00, 10:00 11:59, 14:01 14:05, 18:00 19:05", False),
    (",12-14", "13:00 14:01, 13:00 14:00", False),
    ("12-14,", "12:00 12:02, 12:01 19:00", True),
    ("12-14,", "11:59 12:01, 14:00 14:05", False),
]


@pytest.mark.parametrize(("frames", "legs", "holds"), WITHIN)
def test_timeframes(frames: str, legs: str, holds: bool) -> None:
    tariff = sound(feed([f"g,,,,{frames},A"]))
    for times in legs.split(", "):
        assert Rider(tariff).amounts(f"A z z {times}") == [A if holds else None], times
    saturday = [
        f"A z z 2026-03-07T{pair.replace(' ', ' 2026-03-07T')}" for pair in legs.split(", ")
    ]
    assert Rider(tariff).amounts(*saturday) == [None] * len(saturday)


OVERLAPPING = [
    ("OverlappingTimeframeTest", ["r1,,,,all,,A", "r2,,,,15-17,,B"], False, "A B"),
    ("OverlappingTimeframesWithPriorityTest", ["r1,,,,all,,A,1", "r1,,,,15-17,,B,0"], True, "A"),
    ("the other way round", ["r1,,,,all,,A,0", "r1,,,,15-17,,B,1"], True, "B"),
]


@pytest.mark.parametrize("row", OVERLAPPING, ids=lambda row: row[0])
def test_timeframes_that_overlap(row: tuple[str, list[str], bool, str]) -> None:
    _, legs, priority, offered = row
    assert offers(feed(legs, priority=priority), "A z z 15:00 15:10") == offered


# TimeLimitEvaluatorTest: a leg of 10:00 to 10:05 and one of 10:10 to 10:20; seconds that are enough
# and the most that are not, by duration_limit_type.
LIMITS = [("0", 1200, 1180), ("1", 600, 599), ("2", 300, 299), ("3", 900, 899)]


@pytest.mark.parametrize(("kind", "enough", "short"), LIMITS)
def test_limits_of_time(kind: str, enough: int, short: int) -> None:
    for limit_s, added in ((enough, 0), (3600, 0), (short, A)):
        rider = Rider(sound(feed(ONE_GROUP, [f"g,g,-1,{limit_s},{kind},0,"])))
        assert rider.amounts("A z z 10:00 10:05", "A z z 10:10 10:20") == [A, added]


def offers(files: Files, ride: str) -> str:
    """The products of the highest priority that may be had, in order."""
    rider = Rider(sound(files))
    network, _, rest = ride.partition(" ")
    tapped = rider.tapped(rider.number("networks", network), rest)
    found = rider.tariff.arrays["offers"][rider.fares.offers(tapped, rider.row)]
    names = rider.tariff.words["products"]
    priorities = found[:, 1]
    best = found[priorities == priorities.max()] if len(found) else found
    assert all(before[0] < after[0] for before, after in pairwise(best))
    return " ".join(names[row[10] - 1]["id"] for row in best)
