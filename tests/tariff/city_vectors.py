"""Rides in Beijing, in Shenzhen and under a few small tariffs, worked out by hand: a line a ride.

The form is that of tests/tariff/vectors.py. Stations are written by name. 2026-03-02 is a Monday,
2026-02-14 a Saturday that is worked, 2026-10-01 a holiday on a Thursday.
"""

from tests.tariff.riding import Vector

APRIL = [f"2026-04-{day:02}" for day in range(1, 31)]
MAY = ["2026-05-01", *(f"2026-05-{day:02}" for day in range(2, 32))]
TRIP = "metro 天通苑>国贸 {} 12:00-13:00 = {}"  # 21,506 m: 500


def b(rider: str, rides: str) -> Vector:
    return Vector("beijing", rider, rides)


def s(rider: str, rides: str) -> Vector:
    return Vector("shenzhen-2018", rider, rides)


def trips(amounts: list[int], per_day: int = 2) -> str:
    """Rides of 500, so many a day from the first of April on, with what each costs."""
    days = [day for day in APRIL for _ in range(per_day)]
    return "\n".join(TRIP.format(day, amount) for day, amount in zip(days, amounts, strict=False))


# 20 at 500 reach 10,000. By the ride: 13 at 400 reach 15,200, seven at 250 are left. Parted: 12 at
# 400 reach 14,800; of the next, room 200 takes 250 of the fare and half of 250 is 125.
NEXT_TRIP = [500] * 20 + [400] * 13 + [250] * 7
MARGINAL = [500] * 20 + [400] * 12 + [325] + [250] * 7
assert (sum(NEXT_TRIP), sum(MARGINAL)) == (16_950, 16_875)

BEIJING = [
    # 2,569; 7,922; 21,506; 25,637; 6,147 is 48 more than the grace takes.
    b("cash", "metro 苹果园>古城 2026-03-02 12:00-12:10 = 300 metro"),
    b("cash", "metro 西直门>东直门 2026-03-02 12:00-12:30 = 400"),
    b("cash", "metro 天通苑>国贸 2026-03-02 12:00-13:00 = 500"),
    b("cash", "metro 苹果园>国贸 2026-03-02 12:00-13:00 = 600"),
    b("cash", "metro 高碑店>国贸 2026-03-02 12:00-12:20 = 400"),
    b("cash", "metro 广安门内>牛街 2026-03-02 12:00-12:20 = 300"),  # 0 m, through the street
    b("cash", "metro 国贸>国贸 2026-03-02 12:00-12:01 = 300 metro"),
    # More than four hours, and the least fare again.
    b("cash", "metro 苹果园>国贸 2026-03-02 12:00-16:00 = 600"),
    b("cash", "metro 苹果园>国贸 2026-03-02 12:00-16:00:01 = 900 metro"),
    # Networks of their own: 25,303; 13,028; both. 983; 8,693. 786; 11,744.
    b("adult", "capital-airport 东直门>2号航站楼 2026-03-02 12:00-12:40 = 2500 capital-airport"),
    b("adult", "capital-airport 3号航站楼>2号航站楼 2026-03-02 12:00-12:10 = 2500"),
    b("adult", "daxing-airport 草桥>大兴新城 2026-03-02 12:00-12:10 = 1000 daxing-airport"),
    b("adult", "daxing-airport 大兴新城>大兴机场 2026-03-02 12:00-12:10 = 2500"),
    b("adult", "daxing-airport 草桥>大兴机场 2026-03-02 12:00-12:20 = 3500"),
    b("adult", "xijiao 香山>国家植物园 2026-03-02 12:00-12:10 = 300 xijiao"),
    b("adult", "xijiao 香山>巴沟 2026-03-02 12:00-12:30 = 400"),
    b("adult", "yizhuang-t1 屈庄>融兴街 2026-03-02 12:00-12:10 = 300 yizhuang-t1"),
    b("adult", "yizhuang-t1 屈庄>定海园 2026-03-02 12:00-12:40 = 400"),
    b("adult", "metro 苹果园>2号航站楼 2026-03-02 12:00-13:00 = none"),
    # Low peak: 21,131 m are 500; at 25 stations, before 07:00, on a day that is worked.
    b("adult", "metro 土桥>国贸 2026-03-02 06:59:59-08:00 = 250 low-peak operator"),
    b("student", "metro 土桥>国贸 2026-03-02 06:30-07:30 = 250 low-peak"),
    b("cash", "metro 土桥>国贸 2026-03-02 06:30-07:30 = 500"),
    b("adult", "metro 土桥>国贸 2026-03-02 07:00-08:00 = 500"),
    b("adult", "metro 国贸>土桥 2026-03-02 06:30-07:30 = 500"),
    b("adult", "metro 土桥>国贸 2026-02-14 06:30-07:30 = 250"),
    b("adult", "metro 土桥>国贸 2026-03-07 06:30-07:30 = 500"),
    b("adult", "metro 土桥>国贸 2026-10-01 06:30-07:30 = 500"),
    # Bus: 10,000; a metre more; half with a card, a quarter with a student's.
    b("cash", "bus 2026-03-02 12:00-12:20 metres=10000 = 200 bus"),
    b("adult", "bus 2026-03-02 12:00-12:20 metres=10000 = 100 bus-card"),
    b("adult", "bus 2026-03-02 12:00-12:20 metres=10001 = 150"),
    b("adult", "bus 2026-03-02 12:00-12:40 metres=15001 = 200"),
    b("student", "bus 2026-03-02 12:00-12:20 metres=10000 = 50 bus-student"),
    b("student", "bus 2026-03-02 12:00-12:20 metres=10001 = 75"),
    # A month of rail, the next one anew. Neither the airport line nor the bus is in it.
    b("adult", trips(NEXT_TRIP) + "\n" + TRIP.format("2026-05-01", 500)),
    b("student", trips(NEXT_TRIP)),
    b("cash", trips([500] * 40)),
    b(
        "adult",
        trips([500] * 20)
        + """
        capital-airport 东直门>2号航站楼 2026-04-11 12:00-12:40 = 2500
        bus 2026-04-11 13:00-13:20 metres=10000 = 100
        xijiao 香山>巴沟 2026-04-11 14:00-14:30 = 320 rail-month operator
        yizhuang-t1 屈庄>定海园 2026-04-11 15:00-15:30 = 320
        metro 土桥>国贸 2026-04-13 06:30-07:30 = 200 rail-month
        """,
    ),
]

SHENZHEN = [
    # 300 * 80 % + 300 * 75 % + 200 * 65 % = 240 + 225 + 130; 240 + 75; and fen that are dropped.
    s("adult", "bus 2018-09-01 05:39 face=800 = 595 bus-card operator"),
    s("adult", "bus 2018-09-01 05:44 face=400 = 315"),
    s("adult", "bus 2018-09-01 05:19 face=200 = 160"),
    s("adult", "bus 2018-09-01 05:19 face=301 = 240"),  # 240.75
    s("adult", "metro 2018-09-01 08:00-08:30 face=300 = 285 metro-card operator"),
    s("adult", "metro 2018-09-01 08:00-08:30 face=250 = 237"),  # 237.5
    s("student", "metro 2018-09-01 08:00-08:30 face=500 = 250 student-half"),
    s("student", "bus 2018-09-01 08:00 face=250 = 125 student-half"),
    s("student", "bus 2018-09-01 08:00 face=255 = 127"),  # 127.5
    s("free", "metro 2018-09-01 08:00-08:30 face=500 = 0 free-card"),
    s("free", "bus 2018-09-01 08:00 face=200 = 0 free-card"),
    # The operator gives no discount, and is in no transfer.
    s("adult", "huacheng 2018-09-01 08:00 face=200 = 200 huacheng"),
    s("student", "huacheng 2018-09-01 08:00 face=200 = 200"),
    s("adult", "huacheng 2018-09-01 08:00 face=200 = 200 \n bus 2018-09-01 08:10 face=200 = 160"),
    s("adult", "bus 2018-09-01 08:00 face=200 = 160 \n huacheng 2018-09-01 08:10 face=200 = 200"),
    # 40 off what a discount left, within 90 minutes of the tap or the exit: between lines of the
    # bus, from bus to metro and from metro to bus.
    s(
        "adult",
        """
        metro 2018-09-01 08:00-08:30 face=500 = 475
        bus 2018-09-01 10:00 line=332 face=200 = 120 metro-to-bus operator
        bus 2018-09-01 11:30 line=433 face=200 = 120 bus-to-bus operator
        metro 2018-09-01 13:00-13:30 face=500 = 435 bus-to-metro operator
        metro 2018-09-01 13:40-14:00 face=500 = 475
        """,
    ),
    s(
        "adult",
        """
        metro 2018-09-01 08:00-08:30 face=500 = 475
        bus 2018-09-01 10:00:01 line=332 face=200 = 160
        bus 2018-09-01 10:10 line=332 face=200 = 160
        bus 2018-09-01 10:20 line=433 face=40 = 0 bus-to-bus
        """,
    ),
    s(
        "student",
        "metro 2018-09-01 08:00-08:30 face=500 = 250 \n bus 2018-09-01 08:40 face=200 = 100",
    ),
    s("adult", "bus 2019-01-01 08:00 face=200 = none"),
]

# ---- small tariffs, for rules that no ready one has ---------------------------------------------

HEAD = """
id = "{id}"
name = "{id}"
effective_from = 2026-01-01
currency = "{currency}"
zone = "{zone}"
[sources.here]
title = "tests/tariff/city_vectors.py"
date = 2026-01-01
[[class]]
id = "adult"
name = "Adult"
source = "here"
[[network]]
id = "bus"
name = "Bus"
mode = "bus"
operator = "Bus"
source = "here"
"""

SMALL = {
    # Tianjin's rule: within 90 minutes, the last second included, 100 off before the discount,
    # however long the chain. The share is made up.
    "tianjin": HEAD.format(id="tianjin", currency="CNY", zone="Asia/Shanghai")
    + """
basis = "face"
[[discount]]
id = "card"
source = "here"
pay_percent = 90
bearer = "operator"
[[transfer]]
id = "change"
source = "here"
from = ["bus"]
to = ["bus"]
within_s = 5400
off = 100
when = "before"
bearer = "operator"
""",
    # A cap by days that begin at 04:30 on a clock with summer time, as London's do.
    "london": 'service_day_starts = "04:30"\n'
    + HEAD.format(id="london", currency="GBP", zone="Europe/London")
    + """
basis = "flat"
fare = 175
[[cap]]
id = "day"
source = "here"
per = "day"
most = 525
bearer = "operator"
[[cap]]
id = "week"
source = "here"
per = "week"
most = 875
bearer = "operator"
""",
    # The best of several discounts alone, of equals the first; a cap of a month.
    "best": 'combine = "best"\n'
    + HEAD.format(id="best", currency="CNY", zone="Asia/Shanghai")
    + """
basis = "face"
[[discount]]
id = "tenth"
source = "here"
pay_percent = 90
bearer = "operator"
[[discount]]
id = "twenty"
source = "here"
media = ["qr"]
off = 20
bearer = "pro_rata"
[[cap]]
id = "month"
source = "here"
per = "month"
most = 1000
bearer = "operator"
""",
}

OTHERS = [
    # (200 - 100) * 90 %, as often as one likes; a second too late; less than 100 is nothing.
    Vector(
        "tianjin",
        "",
        """
        bus 2026-03-02 08:00 face=200 = 180 card
        bus 2026-03-02 09:30 face=200 = 90
        bus 2026-03-02 11:00 face=200 = 90
        bus 2026-03-02 12:30 face=200 = 90
        bus 2026-03-02 14:00 face=200 = 90
        bus 2026-03-02 15:30:01 face=200 = 180
        bus 2026-03-02 15:40 face=60 = 0 change
        """,
    ),
    # 525 is three rides. In summer 04:29 in London is 03:29 UTC, in winter it is 04:29 UTC. A week
    # of 875 begins on Monday.
    Vector(
        "london",
        "",
        """
        bus 2026-07-01 08:00 = 175
        bus 2026-07-01 09:00 = 175
        bus 2026-07-01 10:00 = 175
        bus 2026-07-02 04:29 = 0 day operator
        bus 2026-07-02 04:30 = 175
        bus 2026-07-02 12:00 = 175
        bus 2026-07-03 12:00 = 0 week operator
        bus 2026-07-06 04:29:59 = 0
        bus 2026-07-06 04:30 = 175
        """,
    ),
    Vector(
        "london",
        "",
        """
        bus 2026-01-05 08:00 = 175
        bus 2026-01-05 09:00 = 175
        bus 2026-01-05 10:00 = 175
        bus 2026-01-06 04:29 = 0
        bus 2026-01-06 04:30 = 175
        """,
    ),
    # 500: 450 against 480. 150: 135 against 130. 200: 180 both.
    Vector("best", "", "bus 2026-03-02 08:00 media=qr face=500 = 450 tenth operator"),
    Vector("best", "", "bus 2026-03-02 08:00 media=qr face=150 = 130 twenty pro_rata"),
    Vector("best", "", "bus 2026-03-02 08:00 media=qr face=200 = 180 tenth"),
    Vector(
        "best",
        "",
        """
        bus 2026-03-02 08:00 face=1000 = 900
        bus 2026-03-31 08:00 face=1000 = 100 month
        bus 2026-04-01 08:00 face=1000 = 900
        """,
    ),
]

# Beijing's tariff, but that a ride is parted where it crosses a threshold.
MARGINAL_MONTH = Vector("beijing", "adult", trips(MARGINAL))

# How many of the 403 * 403 fares of Beijing's main network cost so much, a station to itself among
# them: the least of it is 300.
BEIJING_CELLS = {
    300: 8_799,
    400: 21_344,
    500: 45_992,
    600: 39_190,
    700: 37_726,
    800: 8_344,
    900: 970,
    1000: 44,
}
