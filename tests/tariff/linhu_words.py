"""What Linhu's rules are called in a quote, and whom the money of its rides belongs to."""

NAMES = {
    "early": "Early ride",
    "ferry-evening": "Evening ferry",
    "bus-card": "Bus with a card",
    "student-half": "Half fare of students",
    "senior-free": "Free rides of seniors",
    "neighbour-bus": "Bus for neighbours",
    "visitor-bus": "Bus for visitors",
    "holiday-minibus": "Holiday minibus",
    "restday-bike": "Bike on a day off",
    "code": "Paid by code",
    "bus-bus": "Change of bus",
    "bus-metro": "From Lake Road to the metro",
    "metro-bus": "From the metro to Hill Road",
    "ferry-tram": "From ferry to tram",
    "rail-month": "Month of rail",
    "bike-most": "Most of a bike",
    "minibus-least": "Least of a minibus",
    "day": "Day cap",
    "week": "Week cap",
}

# Whom a ride's money belongs to: 500 * 33.33 % = 166.65 and 500 * 66.67 % = 333.35, of which one
# fen is left for the larger rest; 300 whole; what the table does not have is the network's
# operator's.
PARTS = (
    ("metro", "harbour", "hill", 500, (("Lake Line Company", 167), ("Hill Line Company", 333))),
    ("metro", "hill", "university", 300, (("Hill Line Company", 300),)),
    ("metro", "harbour", "museum", 200, (("Lake Line Company", 200),)),
    ("ferry", "harbour", "island", 247, (("Ferry Company", 247),)),
    ("express", "hill", "airport", 1200, (("Express Company", 1200),)),
    ("bus", "", "", 200, (("Bus Company", 200),)),
    ("tram", "", "", 200, (("Tram Company", 200),)),
    ("bike", "", "", 100, (("Bike Company", 100),)),
    ("minibus", "", "", 500, (("Minibus Company", 500),)),
)
