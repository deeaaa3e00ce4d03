"""Rides in Linhu and what they cost, worked out by hand from docs/tariffs.md: a line a ride.

A line says network, from>to where stations count, day, begin-end (one time where a ride is one
tap), what the terminal says, and behind `=` the amount (`none` where no fare is defined); where the
line is about a rule, the rule follows that speaks last, and who bears what it takes off. The rides
of a vector are one rider's, in their order. 2026-03-02 is a Monday. `tests/tariff/riding.py` reads
and rates them.
"""

from tests.tariff.riding import Vector


def v(rider: str, rides: str) -> Vector:
    return Vector("linhu", rider, rides)


FARES = [
    # Flat; zones, each direction a row of its own.
    v("guest", "tram 2026-03-02 08:00 = 200"),
    v("guest", "ferry harbour>island 2026-03-02 08:00-08:20 = 247"),
    v("guest", "ferry island>harbour 2026-03-02 08:00-08:20 = 150"),
    v("guest", "ferry harbour>north-bank 2026-03-02 08:00-08:20 = 250"),
    # A table: a class with a row of its own, and the row for all; none from the airport to itself.
    v("guest", "express hill>airport 2026-03-02 08:00-08:30 = 1200"),
    v("student", "express hill>airport 2026-03-02 08:00-08:30 = 600"),
    v("student", "express airport>hill 2026-03-02 08:00-08:30 = 1000"),
    v("guest", "express airport>hill 2026-03-02 08:00-08:30 = 1000"),
    v("guest", "express airport>airport 2026-03-02 08:00-08:30 = none"),
    # By distance, 50 m for nothing: 3,000; 4,050, of which 4,000; 3,950 of the Hill Line alone.
    v("guest", "metro harbour>museum 2026-03-02 08:00-08:10 = 200 metro"),
    v("guest", "metro harbour>market 2026-03-02 08:00-08:10 = 200"),
    v("guest", "metro university>old-gate 2026-03-02 08:00-08:10 = 200"),
    v("guest", "metro museum>market 2026-03-02 08:00-08:10 = 200"),
    # 4,050 + 0 through the street + 3,950 = 8,000, less 50. 5,051 less 50 is one too many for 200
    # by 1,001. 13,051 less 50 = 13,001, which is 5,001 beyond 8,000: two started stretches.
    v("guest", "metro harbour>university 2026-03-02 08:00-08:10 = 300"),
    v("guest", "metro university>hill 2026-03-02 08:00-08:10 = 300"),
    v("guest", "metro hill>harbour 2026-03-02 08:00-08:40 = 500"),
    # By metres, 20 for nothing: 5,000; 5,001; 10,000; 4,000 beyond; 4,001 beyond.
    v("guest", "bus 2026-03-02 08:00-08:20 line=1 metres=5020 = 200 bus"),
    v("guest", "bus 2026-03-02 08:00-08:20 line=1 metres=5021 = 305"),
    v("guest", "bus 2026-03-02 08:00-08:20 line=1 metres=10020 = 305"),
    v("guest", "bus 2026-03-02 08:00-08:50 line=1 metres=14020 = 405"),
    v("guest", "bus 2026-03-02 08:00-08:50 line=1 metres=14021 = 505"),
    v("guest", "bus 2026-03-02 08:00-08:20 line=3 metres=0 = 200"),
    v("guest", "bus 2026-03-02 08:00-08:20 line=1 = none"),
    # By seconds, from rent to return: half an hour, a second more, an hour, a second more.
    v("guest", "bike 2026-03-02 08:00-08:30 = 100 bike"),
    v("guest", "bike 2026-03-02 08:00-08:30:01 = 200"),
    v("guest", "bike 2026-03-02 08:00-09:00 = 200"),
    v("guest", "bike 2026-03-02 08:00-09:00:01 = 350"),
    # What the terminal says.
    v("guest", "minibus 2026-03-02 08:00 face=500 = 500 minibus"),
    v("guest", "minibus 2026-03-02 08:00 = none"),
    # The tariff is of 2026, its last day in it.
    v("guest", "tram 2025-12-31 12:00 = none"),
    v("guest", "tram 2026-01-01 12:00 = 200"),
    v("guest", "tram 2026-12-31 12:00 = 200"),
    v("guest", "tram 2027-01-01 12:00 = none"),
]

STAYS = [
    # Back at one's own station: free before 20 minutes, then the least fare; on the ferry always
    # the least fare, 150 of the table, where the table itself would say 250.
    v("guest", "metro harbour>harbour 2026-03-02 08:00-08:19:59 = 0 metro"),
    v("guest", "metro harbour>harbour 2026-03-02 08:00-08:20 = 200 metro"),
    v("guest", "ferry harbour>harbour 2026-03-02 08:00-08:01 = 150 ferry"),
    # Two hours, and a second more: 200 + 150. Overtime is no part of what a discount sees: half of
    # 200, and 150.
    v("guest", "metro harbour>museum 2026-03-02 08:00-10:00 = 200"),
    v("guest", "metro harbour>museum 2026-03-02 08:00-10:00:01 = 350 metro"),
    v("student", "metro harbour>museum 2026-03-02 08:00-10:00:01 = 250"),
    # Eight hours, and a second more: as without an exit, and no overtime.
    v("guest", "metro harbour>museum 2026-03-02 08:00-16:00 = 350"),
    v("guest", "metro harbour>museum 2026-03-02 08:00-16:00:01 = 900 metro"),
    # Entry or exit is missing: what the network says; the highest of its fares; nothing is said.
    v("guest", "metro harbour> 2026-03-02 08:00 incomplete = 900 metro"),
    v("guest", "metro >harbour 2026-03-02 08:00 incomplete = 900"),
    v("guest", "ferry harbour> 2026-03-02 08:00 incomplete = 250 ferry"),
    v("guest", "express hill> 2026-03-02 08:00 incomplete = none"),
    # Nothing is taken off it: a student pays all of it.
    v("student", "metro harbour> 2026-03-02 08:00 incomplete = 900"),
]

DISCOUNTS = [
    # early: 200 * 47.5 % = 95, rounded up to whole jiao. From 05:00 on, before 07:00, at two
    # stations, on a day of work: a worked Saturday is one, a holiday on a Thursday is none.
    v("adult", "metro harbour>museum 2026-03-02 06:00-06:20 = 100 early operator"),
    v("adult", "metro old-gate>university 2026-03-02 06:00-06:20 = 100 early operator"),
    v("adult", "metro museum>harbour 2026-03-02 06:00-06:20 = 200"),
    v("adult", "metro harbour>museum 2026-03-02 05:00-05:20 = 100"),
    v("adult", "metro harbour>museum 2026-03-02 04:59:59-05:20 = 200"),
    v("adult", "metro harbour>museum 2026-03-02 06:59:59-07:20 = 100"),
    v("adult", "metro harbour>museum 2026-03-02 07:00-07:20 = 200"),
    v("adult", "metro harbour>museum 2026-03-07 06:00-06:20 = 200"),
    v("adult", "metro harbour>museum 2026-10-10 06:00-06:20 = 100"),
    v("adult", "metro harbour>museum 2026-10-01 06:00-06:20 = 200"),
    v("guest", "metro harbour>museum 2026-03-02 06:00-06:20 = 200"),
    v("adult", "ferry harbour>island 2026-03-02 06:00-06:20 = 247"),
    # ferry-evening: 60 off at two landings, on two evenings, by the time of the exit.
    v("guest", "ferry harbour>island 2026-03-06 19:40-20:00 = 187 ferry-evening pro_rata"),
    v("guest", "ferry island>harbour 2026-03-07 21:40-22:00 = 90 ferry-evening"),
    v("guest", "ferry harbour>island 2026-03-07 22:40-22:59:59 = 187"),
    v("guest", "ferry harbour>island 2026-03-06 19:40-19:59:59 = 247"),
    v("guest", "ferry harbour>island 2026-03-06 22:40-23:00 = 247"),
    v("guest", "ferry harbour>island 2026-03-05 20:40-21:00 = 247"),
    v("guest", "ferry harbour>island 2026-03-08 20:40-21:00 = 247"),
    v("guest", "ferry harbour>north-bank 2026-03-06 20:40-21:00 = 250"),
    v("guest", "metro museum>harbour 2026-03-06 20:40-21:00 = 200"),
    # bus-card: 200 * 80 % = 160; of 305, 160 + 105 * 62.5 % = 225.625, added up, then rounded.
    v("adult", "bus 2026-03-02 08:00-08:20 line=1 metres=3000 media=card = 160 bus-card operator"),
    v("adult", "bus 2026-03-02 08:00-08:20 line=1 metres=9000 media=card = 226"),
    v("adult", "bus 2026-03-02 08:00-08:20 line=1 metres=9000 media=phone = 226"),
    v("adult", "bus 2026-03-02 08:00-08:20 line=1 metres=9000 media=qr = 305"),
    v("adult", "bus 2026-03-02 08:00-08:20 line=1 metres=9000 = 305"),
    v("guest", "bus 2026-03-02 08:00-08:20 line=1 metres=9000 media=card = 305"),
    v("adult", "tram 2026-03-02 08:00 media=card = 200"),
    # student-half: 247 / 2 = 123.5, to the even 124; 305 / 2 = 152.5, to the even 152.
    v(
        "student",
        "ferry harbour>island 2026-03-02 08:00-08:20 = 124 student-half payer:_City_of_Linhu",
    ),
    v("student", "bus 2026-03-02 08:00-08:20 line=1 metres=9000 = 152 student-half"),
    v("student", "metro harbour>museum 2026-03-02 08:00-08:20 = 100 student-half"),
    v("student", "tram 2026-03-02 08:00 = 200"),
    v("adult", "ferry harbour>island 2026-03-02 08:00-08:20 = 247"),
    # senior-free: twice in a month, on whatever.
    v(
        "senior",
        """
        tram 2026-03-02 08:00 = 0 senior-free payer:_City_of_Linhu
        minibus 2026-03-03 08:00 face=500 = 0 senior-free
        tram 2026-03-31 08:00 = 200
        tram 2026-04-01 04:29 = 200
        tram 2026-04-01 04:30 = 0 senior-free
        """,
    ),
    # Two that are for cards of other cities, on the bus alone: 70 % and 90 % of 200.
    v(
        "neighbour",
        "bus 2026-03-02 08:00-08:20 line=1 metres=3000 = 140 neighbour-bus payer:_Six_Counties",
    ),
    v("neighbour", "tram 2026-03-02 08:00 = 200"),
    v("visitor", "bus 2026-03-02 08:00-08:20 line=1 metres=3000 = 180 visitor-bus operator"),
    v("visitor", "tram 2026-03-02 08:00 = 200"),
    v("guest", "bus 2026-03-02 08:00-08:20 line=1 metres=3000 = 200"),
    # holiday-minibus: 500 * 90 % on a holiday; a Sunday is none.
    v("guest", "minibus 2026-10-01 08:00 face=500 = 450 holiday-minibus operator"),
    v("guest", "minibus 2026-03-01 08:00 face=500 = 500"),
    v("guest", "tram 2026-10-01 08:00 = 200"),
    # restday-bike: 50 off on a Sunday and on a holiday, not on a worked Saturday.
    v("guest", "bike 2026-03-01 08:00-08:30 = 50 restday-bike operator"),
    v("guest", "bike 2026-10-01 08:00-08:30 = 50 restday-bike"),
    v("guest", "bike 2026-10-10 08:00-08:30 = 100"),
    v("guest", "bike 2026-03-02 08:00-08:30 = 100"),
    # code: 20 off for who shows a code; each discount of what the one before
    # left: 500 * 90 % = 450, less 20. Were the best alone applied, it would be 450.
    v("guest", "tram 2026-03-02 08:00 media=qr = 180 code pro_rata"),
    v("guest", "minibus 2026-03-02 08:00 face=500 media=qr = 480 code"),
    v("guest", "tram 2026-03-02 08:00 media=card = 200"),
    v("guest", "bus 2026-03-02 08:00-08:20 line=1 metres=3000 media=qr = 200"),
    v("guest", "minibus 2026-10-01 08:00 face=500 media=qr = 430 code"),
]

TRANSFERS = [
    # bus-bus: within an hour of the begin of the ride before, on another line, 100 off.
    v(
        "guest",
        """
        bus 2026-03-02 08:00-08:30 line=1 metres=3000 = 200
        bus 2026-03-02 09:00-09:20 line=2 metres=3000 = 100 bus-bus pro_rata
        """,
    ),
    v(
        "guest",
        """
        bus 2026-03-02 08:00-08:30 line=1 metres=3000 = 200
        bus 2026-03-02 09:00:01-09:20 line=2 metres=3000 = 200
        """,
    ),
    v(
        "guest",
        """
        bus 2026-03-02 08:00-08:10 line=1 metres=3000 = 200
        bus 2026-03-02 08:20-08:30 line=1 metres=3000 = 200
        """,
    ),
    # Two in a row; the next one is a ride like the first.
    v(
        "guest",
        """
        bus 2026-03-02 08:00-08:10 line=1 metres=3000 = 200
        bus 2026-03-02 08:20-08:30 line=2 metres=3000 = 100
        bus 2026-03-02 08:40-08:50 line=1 metres=3000 = 100
        bus 2026-03-02 09:00-09:10 line=3 metres=3000 = 200
        bus 2026-03-02 09:20-09:30 line=1 metres=3000 = 100
        """,
    ),
    # Before the discount: (200 - 100) * 80 %.
    v(
        "adult",
        """
        bus 2026-03-02 08:00-08:10 line=1 metres=3000 media=card = 160
        bus 2026-03-02 08:20-08:30 line=2 metres=3000 media=card = 80
        """,
    ),
    # Neither from nor to what is no bus.
    v(
        "guest",
        """
        metro harbour>museum 2026-03-02 08:00-08:10 = 200
        bus 2026-03-02 08:20-08:30 line=1 metres=3000 = 200
        tram 2026-03-02 08:40 = 200
        """,
    ),
    # bus-metro: from line 1, within half an hour of its end, 200 * 33.3 % = 66.6, rounded up.
    v(
        "adult",
        """
        bus 2026-03-02 08:00-08:20 line=1 metres=3000 media=qr = 200
        metro harbour>museum 2026-03-02 08:50-09:00 = 67 bus-metro pro_rata
        """,
    ),
    v(
        "adult",
        """
        bus 2026-03-02 08:00-08:20 line=1 metres=3000 media=qr = 200
        metro harbour>museum 2026-03-02 08:50:01-09:00 = 200
        """,
    ),
    v(
        "adult",
        """
        bus 2026-03-02 08:00-08:20 line=2 metres=3000 media=qr = 200
        metro harbour>museum 2026-03-02 08:30-08:40 = 200
        """,
    ),
    v(
        "guest",
        """
        bus 2026-03-02 08:00-08:20 line=1 metres=3000 = 200
        metro harbour>museum 2026-03-02 08:30-08:40 = 200
        """,
    ),
    v(
        "adult",
        """
        minibus 2026-03-02 08:20 line=1 face=500 = 500
        metro harbour>museum 2026-03-02 08:30-08:40 = 200
        """,
    ),
    # After the discount: 200 is 100 early, and 100 * 33.3 % = 33.3, rounded up.
    v(
        "adult",
        """
        bus 2026-03-02 05:40-05:50 line=1 metres=3000 media=qr = 200
        metro harbour>museum 2026-03-02 06:00-06:20 = 34
        """,
    ),
    # To no other network: the tram costs what it costs.
    v(
        "adult",
        """
        bus 2026-03-02 08:00-08:20 line=1 metres=3000 media=qr = 200
        tram 2026-03-02 08:30 = 200
        """,
    ),
    # metro-bus: to line 2, within 20 minutes of the end, free.
    v(
        "guest",
        """
        metro harbour>museum 2026-03-02 08:00-08:30 = 200
        bus 2026-03-02 08:50-09:00 line=2 metres=3000 = 0 metro-bus payer:_City_of_Linhu
        """,
    ),
    v(
        "guest",
        """
        metro harbour>museum 2026-03-02 08:00-08:30 = 200
        bus 2026-03-02 08:50:01-09:00 line=2 metres=3000 = 200
        """,
    ),
    v(
        "guest",
        """
        metro harbour>museum 2026-03-02 08:00-08:30 = 200
        bus 2026-03-02 08:40-09:00 line=1 metres=3000 = 200
        """,
    ),
    v(
        "guest",
        """
        tram 2026-03-02 08:30 = 200
        bus 2026-03-02 08:40-09:00 line=2 metres=3000 = 200
        """,
    ),
    v(
        "guest",
        """
        metro harbour>museum 2026-03-02 08:00-08:30 = 200
        minibus 2026-03-02 08:40 line=2 face=500 = 500
        """,
    ),
    # ferry-tram: within 40 minutes of the end, 150 off; after the code's 20.
    v(
        "guest",
        """
        ferry harbour>island 2026-03-02 08:00-08:20 = 247
        tram 2026-03-02 09:00 = 50 ferry-tram payer:_Lake_Tourist_Board
        """,
    ),
    v(
        "guest",
        """
        ferry harbour>island 2026-03-02 08:00-08:20 = 247
        tram 2026-03-02 09:00:01 = 200
        """,
    ),
    v(
        "guest",
        """
        ferry harbour>island 2026-03-02 08:00-08:20 = 247
        minibus 2026-03-02 08:30 face=500 = 500
        """,
    ),
    v(
        "guest",
        """
        minibus 2026-03-02 08:20 face=500 = 500
        tram 2026-03-02 08:30 = 200
        """,
    ),
    # A ride that is free at its own station, and one without an exit, leave the bus before them
    # as it is.
    v(
        "adult",
        """
        bus 2026-03-02 08:00-08:20 line=1 metres=3000 media=qr = 200
        metro harbour>harbour 2026-03-02 08:25-08:30 = 0
        metro harbour> 2026-03-02 08:32 incomplete = 900
        metro harbour>museum 2026-03-02 08:40-08:50 = 67 bus-metro
        """,
    ),
]

COUNTED = [
    # rail-month, by what was paid: 500, 500 (1,000), 500 * 80 % = 400 (1,400). Of the fourth, room
    # 100 takes ceil(100 / 0.8) = 125, and 375 * 50 % = 187.5 is rounded up: 288. Then half; a new
    # month. Trams do not count, and have no share.
    v(
        "adult",
        """
        metro harbour>hill 2026-03-02 12:00-12:40 = 500
        metro harbour>hill 2026-03-03 12:00-12:40 = 500
        metro harbour>hill 2026-03-04 12:00-12:40 = 400 rail-month pro_rata
        tram 2026-03-04 14:00 = 200
        metro harbour>hill 2026-03-05 12:00-12:40 = 288
        metro harbour>hill 2026-03-06 12:00-12:40 = 250 rail-month
        metro harbour>hill 2026-04-01 12:00-12:40 = 500
        """,
    ),
    # The express counts too: 1,000 at the full share, 200 at 80 %; then 500 * 80 %, less than 340.
    v(
        "adult",
        """
        express hill>airport 2026-03-02 12:00-12:40 = 1160 rail-month
        metro harbour>museum 2026-03-03 12:00-12:20 = 160
        """,
    ),
    v(
        "guest",
        """
        metro harbour>hill 2026-03-02 12:00-12:40 = 500
        metro harbour>hill 2026-03-03 12:00-12:40 = 500
        metro harbour>hill 2026-03-04 12:00-12:40 = 500
        """,
    ),
    # What has no exit counts to no tier, and neither does overtime (500 + 150).
    v(
        "adult",
        """
        metro harbour> 2026-03-02 12:00 incomplete = 900
        metro harbour>hill 2026-03-02 13:00-15:00:01 = 650
        metro harbour>hill 2026-03-03 12:00-12:40 = 500
        metro harbour>hill 2026-03-04 12:00-12:40 = 400
        """,
    ),
    # bike-most: twelve hours are 200 + 22 * 150 = 3,500; a limit for two classes, and bikes alone.
    v("adult", "bike 2026-03-02 08:00-20:00 = 1200 bike-most"),
    v("student", "bike 2026-03-02 08:00-20:00 = 1200 bike-most"),
    v("guest", "bike 2026-03-02 08:00-20:00 = 3500"),
    v("adult", "minibus 2026-03-02 08:00 face=2000 = 2000"),
    # minibus-least: lifts 60 and not nothing; the 67 of a ride of the metro above are not lifted.
    v("guest", "minibus 2026-03-02 08:00 face=60 = 100 minibus-least"),
    v("guest", "minibus 2026-03-02 08:00 face=0 = 0"),
    # day: 700 of bus and tram, for adults; 04:29 is the day before, 04:30 the day.
    v(
        "adult",
        """
        tram 2026-03-02 19:00 = 200
        tram 2026-03-02 20:00 = 200
        tram 2026-03-02 21:00 = 200
        tram 2026-03-02 22:00 = 100 day pro_rata
        ferry harbour>island 2026-03-02 23:00-23:20 = 247
        tram 2026-03-03 04:29 = 0 day
        tram 2026-03-03 04:30 = 200
        """,
    ),
    v(
        "adult",
        """
        bus 2026-03-02 08:00-08:10 line=3 metres=9000 media=qr = 305
        bus 2026-03-02 10:00-10:10 line=3 metres=9000 media=qr = 305
        bus 2026-03-02 12:00-12:10 line=3 metres=9000 media=qr = 90
        tram 2026-03-02 14:00 = 0
        """,
    ),
    # week: 1,500 of trams, from Sunday on: 700 and 700 of the days before leave 100 for Tuesday.
    v(
        "adult",
        """
        tram 2026-03-01 08:00 = 200
        tram 2026-03-01 09:00 = 200
        tram 2026-03-01 10:00 = 200
        tram 2026-03-01 11:00 = 100
        tram 2026-03-02 08:00 = 200
        tram 2026-03-02 09:00 = 200
        tram 2026-03-02 10:00 = 200
        tram 2026-03-02 11:00 = 100
        tram 2026-03-03 08:00 = 100 week payer:_City_of_Linhu
        tram 2026-03-03 09:00 = 0
        bus 2026-03-03 12:00-12:10 line=3 metres=9000 media=qr = 305
        tram 2026-03-08 08:00 = 200
        """,
    ),
    # Neither cap is a guest's.
    v("guest", "\n".join(f"tram 2026-03-02 {hour:02}:00 = 200" for hour in range(8, 17))),
]

RIDERS = [
    # Nothing is said: an adult, who is the default.
    v("", "metro harbour>museum 2026-03-02 06:00-06:20 = 100 early"),
    # Proof ends with its last day of service: 03:00 is of that day, 04:30 is not.
    v("student until 2026-03-01", "metro harbour>museum 2026-03-02 03:00-03:20 = 100"),
    v("student until 2026-03-01", "metro harbour>museum 2026-03-02 04:30-04:50 = 200"),
    v("student until 2026-03-02", "metro harbour>museum 2026-03-02 04:30-04:50 = 100"),
    v("senior until 2026-03-01", "tram 2026-03-02 08:00 = 200"),
    v("guest until 2026-03-01", "metro harbour>museum 2026-03-02 06:00-06:20 = 200"),
    # Cards of other cities: a neighbour's 140, a visitor's 180, a guest's 200, or none at all.
    *(
        v(f"city {city}", f"bus {day} 08:00-08:20 line=1 metres=3000 media=card = {amount}")
        for city, day, amount in (
            (320282, "2026-03-02", "140"),
            (320481, "2026-03-02", "140"),
            (330522, "2026-03-02", "140"),
            (330523, "2026-03-02", "140"),
            (341821, "2026-03-02", "140"),
            (341822, "2026-03-02", "140"),
            (310000, "2026-03-02", "180"),
            (330100, "2026-03-02", "180"),
            (340100, "2026-03-31", "none"),
            (340100, "2026-04-01", "180"),
            (320100, "2026-03-31", "180"),
            (320100, "2026-12-31", "200"),
            (120000, "2026-06-30", "200"),
            (120000, "2026-07-01", "none"),
            (510100, "2026-06-30", "none"),
            (510100, "2026-07-01", "200"),
            (110000, "2026-03-02", "none"),
        )
    ),
]

LINHU = [*FARES, *STAYS, *DISCOUNTS, *TRANSFERS, *COUNTED, *RIDERS]
