"""Fares v1, where a feed has no fare_leg_rules.txt: zones, routes, agencies, transfers, ways."""

import pytest

from tests.tariff.small_feed import Files, Rider, add, change, compiled, sound

FARES, RULES = "fare_attributes.txt", "fare_rules.txt"
HEADER = "fare_id,price,currency_type,payment_method,transfers,transfer_duration\n"

# A line of zones 1 - 2 - 3 (r1, both directions), and another of 1 - 3 alone (r2).
FEED: Files = {
    "agency.txt": "agency_id,agency_name,agency_timezone\nop,Operator,Europe/Warsaw\n",
    "stops.txt": "stop_id,stop_name,zone_id,location_type,parent_station\n"
    "a,A,1,0,\nb,B,2,0,\nc,C,3,0,\nd,D,,0,\ns,S,9,1,\ns1,S1,3,0,s\n",
    "routes.txt": "route_id,agency_id,route_short_name,route_type\nr1,op,1,3\nr2,op,2,3\n",
    "trips.txt": "route_id,service_id,trip_id\nr1,w,t1\nr1,w,t2\nr2,w,t3\n",
    "stop_times.txt": "trip_id,stop_id,stop_sequence\nt1,a,1\nt1,b,2\nt1,c,3\n"
    "t2,c,1\nt2,b,2\nt2,a,3\nt3,a,1\nt3,c,2\n",
    FARES: HEADER + "flat,2.00,PLN,0,0,\n",
}


def fares(*rows: str) -> str:
    return HEADER + "".join(f"{row}\n" for row in rows)


def rules(*rows: str) -> str:
    header = "fare_id,route_id,origin_id,destination_id,contains_id\n"
    return header + "".join(f"{row}\n" for row in rows)


ALL = ("flat,2.00,PLN,0,0,",)
TWO = ("near,2.00,PLN,0,0,", "far,5.00,PLN,1,0,")
AB, BA, AC, CA = "a b 10:00 10:10", "b a 10:20 10:30", "a c 10:00 10:20", "c a 10:30 10:50"

# what, rows of fares, rows of rules, rides (the network first), what each adds
ROWS = [
    ("no rules: one fare everywhere", ALL, (), [f"- {AB}", f"- {AC}", "- d c 11:00 11:10"],
     [200, 200, 200]),
    ("by origin", TWO, ("near,,1,,", "far,,3,,"), [f"- {AB}", f"- {CA}", f"- {BA}"],
     [200, 500, None]),
    ("by destination", TWO, ("near,,,2,", "far,,,3,"), [f"- {AB}", f"- {AC}", f"- {BA}"],
     [200, 500, None]),
    ("by both", TWO, ("near,,1,2,", "far,,1,3,"), [f"- {AB}", f"- {AC}", f"- {CA}"],
     [200, 500, None]),
    ("by route", TWO, ("near,r1,,,", "far,r2,,,"), [f"r1 {AC}", f"r2 {AC}"], [200, 500]),
    ("a fare without a rule beside them", TWO, ("near,,1,2,",), [f"- {AB}", f"- {AC}"],
     [200, 500]),
    ("the cheapest of several", TWO, ("near,,1,,", "far,,1,2,"), [f"- {AB}"], [200]),
    ("zones passed", TWO, ("near,,,,1", "near,,,,3", "far,,,,1", "far,,,,2", "far,,,,3"),
     [f"r2 {AC}", f"r1 {AC}", f"r1 {AB}"], [200, 500, None]),
    ("zones passed by a route", TWO, ("far,r1,,,1", "far,r1,,,2", "far,r1,,,3", "near,r2,,,"),
     [f"r1 {AC}", f"r1 {AB}", f"r2 {AC}"], [500, None, 200]),
    ("zones passed from an origin", TWO, ("far,,1,,1", "far,,1,,2", "near,,2,,"),
     [f"r1 {AB}", f"r1 {BA}"], [500, 200]),
    ("a station is its platforms' zone", TWO, ("near,,9,,", "far,,3,,"),
     ["- s a 10:00 10:10", "- s1 a 11:00 11:10"], [500, 500]),
    ("no transfers", ("f,2.00,PLN,0,0,3600",), (), [f"- {AB}", f"- {BA}"], [200, 200]),
    ("one transfer", ("f,2.00,PLN,0,1,",), (), [f"- {AB}", f"- {BA}", "- a b 10:40 10:50"],
     [200, 0, 200]),
    ("two transfers", ("f,2.00,PLN,0,2,",), (),
     [f"- {AB}", f"- {BA}", "- a b 10:40 10:50", "- b c 10:50 10:55"], [200, 0, 0, 200]),
    ("any number", ("f,2.00,PLN,0,,",), (),
     [f"- {AB}", f"- {BA}", "- a b 10:40 10:50", "- b c 10:50 10:55"], [200, 0, 0, 0]),
    ("for so long", ("f,2.00,PLN,0,,1200",), (), [f"- {AB}", f"- {BA}"], [200, 0]),
    ("and no longer", ("f,2.00,PLN,0,,1199",), (), [f"- {AB}", f"- {BA}"], [200, 200]),
    ("not between two fares", ("near,2.00,PLN,0,,", "far,5.00,PLN,1,,"),
     ("near,,1,,", "far,,2,,"), [f"- {AB}", f"- {BA}"], [200, 500]),
    ("a free fare", ("f,0.00,PLN,0,0,",), (), [f"- {AB}"], [0]),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_fares(
    row: tuple[str, tuple[str, ...], tuple[str, ...], list[str], list[int | None]],
) -> None:
    _, of, by, rides, amounts = row
    files = {**FEED, FARES: fares(*of)}
    if by:
        files[RULES] = rules(*by)
    assert Rider(sound(files)).amounts(*rides) == amounts


def test_fares_of_agencies() -> None:
    files = add(FEED, "agency.txt", "co,Other,Europe/Warsaw\n")
    files = change(files, "routes.txt", "r2,op", "r2,co")
    header = HEADER.strip() + ",agency_id\n"
    files[FARES] = header + "one,2.00,PLN,0,0,,op\ntwo,3.00,PLN,0,0,,co\n"
    tariff = sound(files)
    assert [word["id"] for word in tariff.words["networks"]] == ["agency op", "agency co", ""]
    rider = Rider(tariff)
    rides = [
        rider.fares.rate(ride, rider.row).amount
        for ride in (rider.tapped(1, AC), rider.tapped(2, AC))
    ]
    assert rides == [200, 300]


NOTICED = [
    (fares("f,-1.00,PLN,0,0,"), "", "negative_amount", FARES, 2),
    (fares("f,1.00,PLN,2,0,"), "", "wrong_value", FARES, 2),
    (fares("f,1.00,PLN,0,3,"), "", "wrong_value", FARES, 2),
    (fares("f,1.00,PLN,0,0,x"), "", "wrong_value", FARES, 2),
    (fares("f,1.001,PLN,0,0,"), "", "wrong_amount", FARES, 2),
    (fares("f,1.00,XYZ,0,0,"), "", "unknown_currency", FARES, 2),
    (fares("f,1.00,PLN,0,0,", "f,2.00,PLN,0,0,"), "", "duplicate_id", FARES, 3),
    (fares("f,1.00,PLN,0,0,"), rules("g,,,,"), "unknown_reference", RULES, 2),
    (fares("f,1.00,PLN,0,0,"), rules("f,r9,,,"), "unknown_reference", RULES, 2),
    (fares("f,1.00,PLN,0,0,"), rules("f,,7,,"), "unknown_reference", RULES, 2),
    (fares("f,1.00,PLN,0,0,"), rules("f,,,7,"), "unknown_reference", RULES, 2),
    (fares("f,1.00,PLN,0,0,"), rules("f,,,,7"), "unknown_reference", RULES, 2),
    (fares("f,1.00,PLN,0,0,"), rules("f,,1,,2", "f,,1,,3"), "no_effect", RULES, 2),
    (fares("f,1.00,PLN,0,0,"), rules("f,r1,,,", "f,r1,,,"), "row_twice", RULES, 3),
    (fares(), "", "no_fares", FARES, 0),
]


@pytest.mark.parametrize("row", NOTICED, ids=lambda row: f"{row[2]}-{row[3]}-{row[4]}")
def test_what_is_wrong_is_said(row: tuple[str, str, str, str, int]) -> None:
    of, by, code, file, line = row
    files = {**FEED, FARES: of}
    if by:
        files[RULES] = by
    _, notices = compiled(files)
    assert (code, file, line) in [(one.code, one.file, one.line) for one in notices.found]


def test_fares_v2_goes_before() -> None:
    """Where a feed has both, the newer one is read, and nothing is said of the older."""
    files = {
        **FEED,
        "fare_leg_rules.txt": "fare_product_id\np\n",
        "fare_products.txt": "fare_product_id,amount,currency\np,7.00,PLN\n",
    }
    files[FARES] = "rubbish"
    assert Rider(sound(files)).amounts(f"- {AB}") == [700]
    assert Rider(sound(FEED)).amounts(f"- {AB}") == [200]
