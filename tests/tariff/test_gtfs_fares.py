"""What a feed's fares come to, each field with its empty case: a thing changed in the small feed,
rides by it, and what each adds in groszy."""

import pytest

from tests.tariff.small_feed import FEED, Files, Rider, add, change, sound, without

LEGS, TRANSFERS = "fare_leg_rules.txt", "fare_transfer_rules.txt"
PRODUCTS, JOINS = "fare_products.txt", "fare_leg_join_rules.txt"
FRAMES, STOPS = "timeframes.txt", "stops.txt"
HEADER = FEED[LEGS].partition("\n")[0]
PRIORITY = [(LEGS, HEADER, HEADER + ",rule_priority")]

NO_CHANGE = (PRODUCTS, "change,Change,,,-1.00,PLN\n", "")

BUS = "bus north hub1 10:00 10:20"
BACK = "bus hub2 north 10:30 10:50"
RAIL = "rail hub2 east 10:30 10:50"
FERRY = "- south east 07:30 07:40"

# what, changes (file, old, new; "" = added), rides, what each adds
ROWS = [
    # ---- areas
    ("the feed as it is", [], [BUS], [300]),
    ("to an area that no rule lists", [], ["bus north south 10:00 10:20"], [360]),
    ("from an area that only others list", [], ["bus south north 10:00 10:20"], [None]),
    ("a platform has the area of its station", [], ["bus hub1 north 10:00 10:20"], [300]),
    ("a station itself", [], ["bus hub north 10:00 10:20"], [300]),
    ("a station in no area has its platforms'", [("stop_areas.txt", "b,hub\n", "b,hub1\n")],
     ["bus hub north 10:00 10:20", "bus hub1 north 12:00 12:20"], [300, 300]),
    ("and a platform in none has not its neighbour's", [("stop_areas.txt", "b,hub\n", "b,hub1\n")],
     ["bus hub2 north 10:00 10:20"], [None]),
    ("a platform with an area of its own", [("stop_areas.txt", "b,hub\n", "b,hub\nc,hub1\n")],
     ["bus hub1 north 10:00 10:20", "bus hub2 north 10:00 10:20"], [None, 300]),
    ("a stop in two areas", [("stop_areas.txt", "c,south", "c,south\nb,south")],
     ["bus north south 10:00 10:20"], [300]),
    ("a stop in no area is where no area is said", [("stop_areas.txt", "c,south\n", "")],
     ["bus north south 10:00 10:20"], [360]),
    # ---- networks
    ("a route in no network", [], [FERRY], [600]),
    ("a network that rules list is not an empty one", [], ["bus south east 07:30 07:40"], [None]),
    ("a network that none lists is", [("networks.txt", "", "sea,Ferries\n"),
                                      ("route_networks.txt", "", "sea,r3\n")],
     ["sea south east 07:30 07:40"], [600]),
    # ---- priorities
    ("an empty area is any, with priorities",
     [*PRIORITY, (LEGS, "peak,,early\n", "peak,,early,\nlow,,,,,,train,\n"),
      *[(LEGS, row, row + ",") for row in ("b,,,short", "a,,,short", ",,,long", "d,,,train")]],
     ["bus east south 10:00 10:10", "- east south 10:00 10:10"], [500, 500]),
    ("the highest priority alone, though it costs more",
     [*PRIORITY, (LEGS, "peak,,early\n", "peak,,early,\nlow,,,,,,train,2\n"),
      *[(LEGS, row, row + ",") for row in ("b,,,short", "a,,,short", ",,,long", "d,,,train")]],
     [BUS], [500]),
    ("an empty priority is 0",
     [*PRIORITY, (LEGS, "peak,,early\n", "peak,,early,\nlow,,,,,,train,0\n"),
      *[(LEGS, row, row + ",") for row in ("b,,,short", "a,,,short", ",,,long", "d,,,train")]],
     [BUS], [300]),
    ("a higher one that is not now leaves the lower",
     [*PRIORITY, (LEGS, "peak,,early\n", "peak,,early,\nlow,,,,peak,,train,9\n"),
      *[(LEGS, row, row + ",") for row in ("b,,,short", "a,,,short", ",,,long", "d,,,train")]],
     [BUS, "bus north hub1 08:00 08:20"], [300, 500]),
    # ---- timeframes: of a Monday, of holidays, of Saturdays, by the clock of the place
    ("begin of a timeframe", [], ["- south east 07:00 07:40"], [600]),
    ("before it", [], ["- south east 06:59:59 07:40"], [None]),
    ("its end is not in it", [], ["- south east 09:00 09:40", "- south east 08:59:59 09:40"],
     [None, 600]),
    ("to 24:00", [], ["- south east 23:59:59 23:59:59"], [600]),
    ("midnight is another day", [], ["- south east 2026-03-03T00:00 2026-03-03T00:10"], [None]),
    ("a Saturday", [], ["- south east 2026-03-07T07:30 2026-03-07T07:40"], [None]),
    ("a holiday", [], ["- south east 2026-05-01T07:30 2026-05-01T07:40"], [None]),
    ("a Saturday that is worked", [], ["- south east 2026-05-02T07:30 2026-05-02T07:40"], [600]),
    ("after the service", [], ["- south east 2027-03-01T07:30 2027-03-01T07:40"], [None]),
    ("a service of dates alone", [("calendar.txt", FEED["calendar.txt"].split("\n")[1], "")],
     [FERRY, "- south east 2026-05-02T07:30 2026-05-02T07:40"], [None, 600]),
    ("no times are the whole day", [(FRAMES, "07:00:00,09:00:00", ","),
                                    (FRAMES, "peak,16:00:00,24:00:00,work\n", "")],
     ["- south east 12:00 12:10"], [600]),
    ("a timeframe of the end", [(LEGS, "peak,,early", ",peak,early")],
     ["- south east 06:50 07:00", "- south east 08:50 09:00"], [600, None]),
    ("both", [(LEGS, "peak,,early", "peak,peak,early")],
     ["- south east 08:50 16:00", "- south east 08:50 09:00"], [600, None]),
    ("neither", [(LEGS, "peak,,early", ",,early")], ["- south east 03:00 03:10"], [600]),
    ("the clock of a stop", [(STOPS, "south,South,0,,", "south,South,0,,Asia/Shanghai")],
     ["- south east 00:30 00:40", FERRY], [600, None]),
    ("the clock of a station", [(STOPS, "hub,Hub,1,,", "hub,Hub,1,,Asia/Shanghai"),
                                (LEGS, "ferry,,c,d", "ferry,,b,d")],
     ["- hub1 east 00:30 00:40", "- hub2 east 07:30 07:40"], [600, None]),
    ("summer time", [], ["- south east 2026-03-30T07:00 2026-03-30T07:10",
                         "- south east 2026-03-30T09:00 2026-03-30T09:10"], [600, None]),
    # ---- riders and media
    ("the default rider", [], ["bus hub1 north 10:00 10:20"], [300]),
    ("a child", ["child"], ["bus hub1 north 10:00 10:20"], [150]),
    ("a product for all", ["child"], [RAIL], [500]),
    ("no category for a child", ["child", (PRODUCTS, "short,Short ride,child,,1.50,PLN\n", "")],
     [BUS], [None]),
    ("cash", ["+cash"], ["bus north south 10:00 10:20"], [400]),
    ("a card", ["+card"], ["bus north south 10:00 10:20"], [360]),
    ("a product of any medium", ["+card"], [BUS], [300]),
    ("no default category", [("rider_categories.txt", "Adult,1", "Adult,")], [BUS, RAIL],
     [None, 500]),
    ("one category is the default", [("rider_categories.txt", "child,Child,\n", ""),
                                     ("rider_categories.txt", "Adult,1", "Adult,"),
                                     (PRODUCTS, "short,Short ride,child,,1.50,PLN\n", "")],
     [BUS], [300]),
    # ---- products
    ("free is a fare", [(PRODUCTS, "5.00,PLN", "0.00,PLN")], [RAIL], [0]),
    ("another currency is not counted", [(PRODUCTS, "5.00,PLN", "1.00,EUR")], [RAIL], [None]),
    ("and hides nothing",
     [(PRODUCTS, "5.00,PLN", "1.00,EUR"), *PRIORITY,
      (LEGS, "peak,,early\n", "peak,,early,\nlow,rail,,,,,early,\n"),
      (LEGS, "b,d,,,train", "b,d,,,train,7"),
      *[(LEGS, row, row + ",") for row in ("b,,,short", "a,,,short", ",,,long")]], [RAIL], [600]),
    ("the cheapest of two rules", [(LEGS, "", "rail,rail,b,d,,,early\n")], [RAIL], [500]),
    # ---- joins
    ("legs of a joined network are one", [(LEGS, "", "rail,rail,b,b,,,early\n")],
     ["rail hub1 hub2 10:00 10:10", RAIL], [600, -100]),
    ("without the rule they are two", [(LEGS, "", "rail,rail,b,b,,,early\n"),
                                       (JOINS, "rail,rail,,\n", "")],
     ["rail hub1 hub2 10:00 10:10", RAIL], [600, 500]),
    ("a network without it", [], [BUS, "bus hub1 south 10:30 10:50"], [300, None]),
    ("no network is any", [(JOINS, "rail,rail,,", ",,hub,hub")],
     [BUS, "bus hub1 south 10:30 10:50"], [300, 60]),
    ("a pair of stops", [(JOINS, "rail,rail,,", "bus,bus,hub1,south"),
                         (STOPS, "", "port,Port,,,\n"), ("stop_areas.txt", "", "d,port\n"),
                         (LEGS, "", "bus,bus,a,d,,,train\n")],
     [BUS, "bus south port 10:30 10:50"], [300, 200]),
    ("a station of a pair is its platforms", [(JOINS, "rail,rail,,", "bus,bus,hub,south"),
                                              (LEGS, "", "bus,bus,a,d,,,train\n")],
     [BUS, "bus south east 10:30 10:50"], [300, 200]),
    ("another platform of a pair", [(JOINS, "rail,rail,,", "bus,bus,hub2,south"),
                                    (LEGS, "", "bus,bus,a,d,,,train\n")],
     [BUS, "bus south east 10:30 10:50"], [300, None]),
    # ---- transfers
    ("type 1: A + AB + B", [], [BUS, RAIL], [300, 400]),
    ("type 0: A + AB", [(TRANSFERS, ",,,,1,change\n", ",,,,0,\n"),
                        (TRANSFERS, "2,3600,1,0,\n", "2,3600,1,0,change\n")], [BUS, RAIL],
     [300, 0]),
    ("type 0 with a product below 0", [(TRANSFERS, "1,change", "0,change")], [BUS, RAIL],
     [300, -100]),
    ("type 2: AB", [(TRANSFERS, "1,change", "2,train"), NO_CHANGE], [BUS, RAIL], [300, 200]),
    ("type 2 without a product", [(TRANSFERS, "1,change", "2,"), NO_CHANGE], [BUS, RAIL],
     [300, -300]),
    ("S + BC + C after a free transfer", [], [BUS, BACK, RAIL.replace("10:", "11:")],
     [300, 0, 400]),
    ("not the other way round", [], [RAIL, "bus hub2 north 11:00 11:10"], [500, 300]),
    ("a count of 2", [], [BUS, BACK, "bus north hub1 10:50 10:55", "bus hub1 north 10:55 10:58"],
     [300, 0, 0, 300]),
    ("no limit of count", [(TRANSFERS, "bus,bus,2,", "bus,bus,-1,")],
     [BUS, BACK, "bus north hub1 10:50 10:55", "bus hub1 north 10:55 10:58"], [300, 0, 0, 0]),
    ("the least count that is enough", [(TRANSFERS, "", "bus,bus,1,3600,1,1,\n")],
     [BUS, BACK, "bus north hub1 10:50 10:55"], [300, 300, 0]),
    ("a limit from begin to begin", [], [BUS, "bus hub1 north 11:00 11:10"], [300, 0]),
    ("a second more", [], [BUS, "bus hub1 north 11:00:01 11:10"], [300, 300]),
    ("no limit of time but the journey's", [(TRANSFERS, "2,3600,1", "2,,")],
     [BUS, "bus hub1 north 14:20 14:30"], [300, 0]),
    ("a journey ends after four hours", [(TRANSFERS, "2,3600,1", "2,,")],
     [BUS, "bus hub1 north 14:20:01 14:30"], [300, 300]),
    ("from an empty group: what is not listed", [(TRANSFERS, "bus,rail,", ",rail,")],
     ["- south east 07:30 07:40", "rail hub1 east 08:00 08:10"], [600, 400]),
    ("and not from what is", [(TRANSFERS, "bus,rail,", ",rail,")], [BUS, RAIL], [300, 500]),
    ("to an empty group", [(TRANSFERS, "bus,rail,", "bus,,")],
     [BUS, RAIL], [300, 400]),
    ("an exact pair before an empty group", [(TRANSFERS, "", "bus,,,,,1,\n")], [BUS, RAIL],
     [300, 400]),
    ("a leg in no group", [(LEGS, "rail,rail,b,d", ",rail,b,d"),
                           (TRANSFERS, "bus,rail,", "bus,,")], [BUS, RAIL], [300, 500]),
    ("no transfer rules", [(TRANSFERS, "bus,rail,,,,1,change\nbus,bus,2,3600,1,0,\n", ""),
                           NO_CHANGE], [BUS, BACK], [300, 300]),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_rides(row: tuple[str, list[object], list[str], list[int | None]]) -> None:
    _, changes, rides, amounts = row
    files: Files = FEED
    who, media = "", ""
    for one in changes:
        if isinstance(one, str):
            who, media = ("", one[1:]) if one[0] == "+" else (one, media)
            continue
        assert isinstance(one, tuple)
        file, old, new = one
        files = change(files, file, old, new) if old else add(files, file, new)
    assert Rider(sound(files), who, media).amounts(*rides) == amounts


def test_without_riders_and_media_products_are_for_all() -> None:
    files = without(without(FEED, "rider_categories.txt"), "fare_media.txt")
    rows = "short,S,,,3.00,PLN\nlong,L,,,4.00,PLN\ntrain,T,,,5.00,PLN\nearly,F,,,6.00,PLN\n"
    header = FEED[PRODUCTS].split("\n")[0]
    files[PRODUCTS] = f"{header}\n{rows}change,C,,,-1.00,PLN\n"
    assert Rider(sound(files)).amounts(BUS, RAIL) == [300, 400]


def test_other_currencies_are_listed_by_rule() -> None:
    tariff = sound(change(FEED, PRODUCTS, "5.00,PLN", "1.00,EUR"))
    assert tariff.words["currency"] == "PLN"
    (rule,) = tariff.words["other_currency"]
    assert tariff.words["rules"][int(rule) - 1]["line"] == 5
    assert tariff.words["other_currency"][rule] == [
        {"product": 5, "amount": 100, "currency": "EUR"}
    ]


CURRENCIES = [("JPY", "500", 500), ("KWD", "1.250", 1250), ("CLF", "1.0001", 10001)]


@pytest.mark.parametrize(("currency", "text", "amount"), CURRENCIES)
def test_minor_units(currency: str, text: str, amount: int) -> None:
    header = "fare_product_id,amount,currency\n"
    names = ("short", "long", "train", "early", "change")
    rows = "".join(f"{name},{text},{currency}\n" for name in names)
    tariff = sound({**FEED, PRODUCTS: header + rows})
    assert Rider(tariff).amounts(BUS) == [amount]
    assert tariff.words["currency"] == currency
