"""A small feed with every file of Fares v2, of which nothing is noticed, and rides rated by it.

North (area a) - Hub (a station of two platforms, area b) - South (c) by bus; Hub - East (d) by
train; South - East by a ferry that is in no network, on workdays at peak times. Money is PLN.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.gtfs.feed import compile_feed
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import Source
from onecard.ext.fare import shapes
from onecard.ext.fare.rate import FareSet, Rated, Ride, new_rider

Files = dict[str, str]
DAY = "2026-03-02"  # a Monday
WARSAW = ZoneInfo("Europe/Warsaw")

FEED: Files = {
    "agency.txt": """agency_id,agency_name,agency_url,agency_timezone
op,Operator,https://operator.example,Europe/Warsaw
""",
    "stops.txt": """stop_id,stop_name,location_type,parent_station,stop_timezone
north,North,,,
south,South,0,,
east,East,0,,
hub,Hub,1,,
hub1,Hub 1,0,hub,
hub2,Hub 2,0,hub,
""",
    "routes.txt": """route_id,agency_id,route_short_name,route_long_name,route_type
r1,op,1,North - South,3
r2,op,2,Hub - East,2
r3,op,,South - East,4
""",
    "trips.txt": """route_id,service_id,trip_id
r1,work,t1
r2,work,t2
r3,work,t3
""",
    "stop_times.txt": """trip_id,arrival_time,departure_time,stop_id,stop_sequence
t1,23:50:00,23:50:00,north,1
t1,24:10:00,24:10:00,hub1,2
t1,25:05:00,25:05:00,south,5
t2,7:00:00,7:00:00,hub2,1
t2,7:30:00,7:30:00,east,2
t3,,,south,1
t3,,,east,2
""",
    "calendar.txt": """service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,\
start_date,end_date
work,1,1,1,1,1,0,0,20260101,20261231
""",
    "calendar_dates.txt": """service_id,date,exception_type
work,20260501,2
work,20260502,1
""",
    "areas.txt": """area_id,area_name
a,North side
b,Centre
c,South side
d,East side
""",
    "stop_areas.txt": """area_id,stop_id
a,north
b,hub
c,south
d,east
""",
    "networks.txt": """network_id,network_name
bus,Buses
rail,Trains
""",
    "route_networks.txt": """network_id,route_id
bus,r1
rail,r2
""",
    "timeframes.txt": """timeframe_group_id,start_time,end_time,service_id
peak,07:00:00,09:00:00,work
peak,16:00:00,24:00:00,work
""",
    "rider_categories.txt": """rider_category_id,rider_category_name,is_default_fare_category
adult,Adult,1
child,Child,
""",
    "fare_media.txt": """fare_media_id,fare_media_name,fare_media_type
cash,,0
card,City card,2
""",
    "fare_products.txt": """fare_product_id,fare_product_name,rider_category_id,fare_media_id,\
amount,currency
short,Short ride,adult,,3.00,PLN
short,Short ride,child,,1.50,PLN
long,Long ride,,cash,4.00,PLN
long,Long ride,,card,3.60,PLN
train,Train,,,5.00,PLN
early,Ferry,,,6.00,PLN
change,Change,,,-1.00,PLN
""",
    "fare_leg_rules.txt": """leg_group_id,network_id,from_area_id,to_area_id,\
from_timeframe_group_id,to_timeframe_group_id,fare_product_id
bus,bus,a,b,,,short
bus,bus,b,a,,,short
bus,bus,a,,,,long
rail,rail,b,d,,,train
ferry,,c,d,peak,,early
""",
    "fare_leg_join_rules.txt": """from_network_id,to_network_id,from_stop_id,to_stop_id
rail,rail,,
""",
    "fare_transfer_rules.txt": """from_leg_group_id,to_leg_group_id,transfer_count,\
duration_limit,duration_limit_type,fare_transfer_type,fare_product_id
bus,rail,,,,1,change
bus,bus,2,3600,1,0,
""",
    "feed_info.txt": """feed_publisher_name,feed_publisher_url,feed_lang,feed_version,\
feed_start_date,feed_end_date
Publisher,https://publisher.example,en,7,20260101,20261231
""",
}


def change(files: Files, file: str, old: str, new: str) -> Files:
    """The feed with one piece of a file's text replaced. AssertionError unless it is there once."""
    assert files[file].count(old) == 1, (file, old)
    return {**files, file: files[file].replace(old, new)}


def add(files: Files, file: str, text: str) -> Files:
    """The feed with rows added to a file, or a file of this text where there was none."""
    return {**files, file: files.get(file, "") + text}


def without(files: Files, file: str) -> Files:
    return {name: text for name, text in files.items() if name != file}


def compiled(files: Files) -> tuple[Compiled | None, Notices]:
    notices = Notices()
    packed = {name: text.encode() for name, text in files.items()}
    return compile_feed(Source("small", None, packed), notices), notices


def sound(files: Files) -> Compiled:
    """A feed in which there is no error; warnings may be."""
    found, notices = compiled(files)
    assert found is not None and not notices.errors, [str(notice) for notice in notices.found]
    return found


class Rider:
    """Rides one after another by a feed, as `bus north hub1 08:00 08:20`."""

    def __init__(self, tariff: Compiled, rider_class: str = "", media: str = "") -> None:
        self.tariff = tariff
        self.fares = FareSet(tariff.arrays)
        ids = [word["id"] for word in self.tariff.words["classes"]]
        default = int(tariff.arrays["header"].view(shapes.TABLES["header"])[0, 0]["default_class"])
        self.row = new_rider(ids.index(rider_class) if rider_class else default)
        self.media = self.number("media", media) if media else 0

    def number(self, what: str, name: str) -> int:
        return [word["id"] for word in self.tariff.words[what]].index(name) + 1

    def ride(self, said: str) -> Rated:
        """A network `-` is that of routes in none; a time may follow a day: `2026-03-07T08:00`."""
        network, _, rest = said.partition(" ")
        number = self.number("networks", "" if network == "-" else network)
        rated = self.fares.rate(self.tapped(number, rest), self.row)
        self.row = rated.rider
        return rated

    def tapped(self, network: int, said: str) -> Ride:
        """A ride as `north hub1 08:00 08:20`."""
        begin, end, start, stop = said.split()
        return Ride(
            network,
            at_us(start),
            at_us(stop),
            self.number("places", begin),
            self.number("places", end),
            media=self.media,
        )

    def amounts(self, *rides: str) -> list[int | None]:
        """What each adds in minor units, None where no fare is defined."""
        found = [self.ride(said) for said in rides]
        return [rated.amount if rated.status == 0 else None for rated in found]


def at_us(text: str) -> int:
    """Microseconds of a time in Warsaw, of DAY where no day is said."""
    day, _, clock = text.rpartition("T")
    at = datetime.fromisoformat(f"{day or DAY}T{clock}").replace(tzinfo=WARSAW)
    return int(at.timestamp()) * 1_000_000
