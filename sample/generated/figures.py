"""The figures a generated day is shaped after, each with its source, and the ones that are ours."""

from datetime import date

import numpy as np

DAY = date(2021, 9, 29)  # the date of the Langxi table; a Wednesday

# Cards in use by bank: Langxi county's report of 2021-09-29.
BANKS = (
    ("工商银行", 15_203),
    ("农业银行", 22_202),
    ("中国银行", 10_602),
    ("建设银行", 18_662),
    ("邮储银行", 9_476),
    ("徽商银行", 632),
    ("省联社", 193_411),
)
CARDS = sum(cards for _, cards in BANKS)  # 270,188

# Of the taps in the Shenzhen data set of 2018-08-31/09-01, those of metro gates and of buses:
# 781,472 and 447,708 (the description of the project SZ-Metro).
METRO_TAPS, BUS_TAPS = 781_472, 447_708

# Half hours from 05:00 on, in thousandths of the day. Beijing's rail control centre on
# 2010-10-29: 07:00-09:00 carries 26 % of a working day, 17:00-19:00 22 %, between 09:30 and 16:30
# it is level. Its report of June 2018: 07:30-08:30 carries 16 %. The rest is spread by us.
HALF_HOURS = np.array(
    [5, 10, 20, 30]  # 05:00
    + [50, 80, 80, 50]  # 07:00
    + [30]  # 09:00
    + [20] * 14  # 09:30
    + [30]  # 16:30
    + [50, 60, 60, 50]  # 17:00
    + [35, 25]  # 19:00
    + [10] * 5  # 20:00
    + [5]  # 22:30
)
FIRST_HALF_HOUR_US = 5 * 3_600_000_000
HALF_HOUR_US = 1_800_000_000
assert HALF_HOURS.sum() == 1000

# Ours: how the rest of the day's taps divide (parts of a thousand; transit takes what is left).
CANTEEN, TOP_UP, HOLD, CHECK = 90, 25, 6, 3
REFUND, REVERSAL, REPEAT = 4, 3, 4
CONFLICT, TOMBSTONE, NO_MONEY, OFFLINE, BELOW_FLOOR, UNKNOWN, TOO_MUCH = 1, 1, 5, 20, 1, 1, 1

# Ours: meals, as (start, length) in minutes of the day and a weight.
MEALS = ((390, 120, 25), (670, 130, 55), (1020, 120, 20))

# Ours: bus companies, their share of bus taps, flat fare in fen and vehicles. The last uploads a
# day late: its vehicles were out of reach, so its taps were accepted offline.
BUSES = (
    ("Generated Bus East", 50, 100, 400),
    ("Generated Bus West", 33, 100, 260),
    ("Generated Bus Hills, a day late", 17, 200, 140),
)
METRO = "Generated Metro"
CANTEENS = "Generated Canteens"
VENUES = "Generated Venues"
AGENTS = "Generated Top-up Agents"
COUNTERS = "Generated Bank Counters"  # opening balances
GATES = 4  # a station
CANTEEN_TILLS, AGENT_TILLS, VENUE_TILLS = 60, 100, 20
METRES_A_SECOND = 9.7  # 35 km/h, what a metro does over its stops
