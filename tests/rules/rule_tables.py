"""Every kind and every outcome of docs/ledger.md, as tables: one line a tap.

How a line reads is said in tests/rules/taptable.py. P and B hold 1000 fen, B is blocked since two
hours ago; F may go 500 below zero; C is a chip, K a bank credential, U is not registered.
"""

from tests.rules.column_tables import COLUMNS, CONFLICTS

PAYING = """
M RIDE P 200                = ACCEPTED 200 800
M RIDE P 0                  = ACCEPTED 0 800
M RIDE P 200 kind=0         = ACCEPTED 200 600   -- 0 is a ride
X PURCHASE P 600            = ACCEPTED 600 0
M RIDE P 1                  = FUNDS 0 0
M RIDE P 0                  = ACCEPTED 0 0       -- nothing to pay is always accepted
M RIDE F 500                = ACCEPTED 500 -500  -- down to its floor
M RIDE F 1                  = FUNDS 0 -500
M RIDE C 700                = ACCEPTED 700 0     -- never declined for funds
X PURCHASE K 900            = ACCEPTED 900 0
M RIDE U 100                = CARD_UNKNOWN 0 0
M CHECK P 0                 = ACCEPTED 0 0
M CHECK U 0                 = CARD_UNKNOWN 0 0
M CHECK C 0                 = ACCEPTED 0 0
"""

JOURNEYS = """
M EXIT P 0                  = NO_OPEN_JOURNEY 0 1000
M ENTRY P 0                 = ACCEPTED 0 1000
M EXIT P 0 place=3          = ACCEPTED 500 500
M EXIT P 0 place=3          = NO_OPEN_JOURNEY 0 500
M ENTRY P 0                 = ACCEPTED 0 500
M EXIT P 0 place=4          = FARE_UNKNOWN 0 500     -- the table has a hole there
M EXIT P 0 place=5          = FARE_UNKNOWN 0 500     -- beyond its stations
M EXIT P 0 place=1          = ACCEPTED 0 500         -- same station, no fare
M ENTRY P 0 place=5         = FARE_UNKNOWN 0 500
M ENTRY P 0                 = ACCEPTED 0 500
M ENTRY P 0 place=2         = ACCEPTED 0 500         -- replaces the open one
X EXIT P 0 place=1          = ACCEPTED 300 200       -- another operator's gate earns the fare
M ENTRY P 0                 = FUNDS 0 200            -- 300 must be available to enter
M ENTRY F 0                 = ACCEPTED 0 0           -- its floor is 500 lower
M EXIT F 0 place=3          = ACCEPTED 500 -500
M ENTRY C 0                 = ACCEPTED 0 0
M EXIT C 0 place=2          = ACCEPTED 300 0
N ENTRY C 0                 = PLACE_UNKNOWN 0 0
N ENTRY C 0 place=3         = ACCEPTED 0 0
N EXIT C 0                  = PLACE_UNKNOWN 0 0
N EXIT C 0 at=-1s place=1   = EXIT_BEFORE_ENTRY 0 0
N EXIT C 0 place=1          = ACCEPTED 500 0
M ENTRY K 0 at=-31d         = TARIFF_UNKNOWN 0 0     -- before the first tariff
M ENTRY K 0 at=-5d          = ACCEPTED 0 0
! tariff -1d 0 0 7 7 0
M EXIT K 0 at=-4h place=2   = ACCEPTED 300 0         -- rated by the tariff of the journey's time
M ENTRY K 0                 = ACCEPTED 0 0
M EXIT K 0 place=2          = ACCEPTED 7 0
M ENTRY K 0 place=3         = FARE_UNKNOWN 0 0       -- the newer tariff has two stations
! tariff -1d 0 0 9 9 0
M ENTRY K 0                 = ACCEPTED 0 0
M EXIT K 0 place=2          = ACCEPTED 9 0           -- of two with one date the later
M ENTRY P 0                 = ACCEPTED 0 200
! tariff -1us 0 0 8 8 0
M EXIT P 0 place=2          = ACCEPTED 8 192         -- the latest date not after the entry
"""

TO_THE_MICROSECOND = """
! clock 1h
M RIDE C 1 at=-60d          = ACCEPTED 1 0           -- as old as it may be
! clock 1h
M RIDE C 1 at=-5184000000001us = TIME_TOO_OLD 0 0
! clock 1h
M RIDE C 1 at=1h            = ACCEPTED 1 0
! clock 1h
M RIDE C 1 at=3600000001us  = TIME_IN_FUTURE 0 0
"""

SUMS_THAT_DO_NOT_FIT = """
a: M RIDE C 300             = ACCEPTED 300 0
M ENTRY C 0                 = ACCEPTED 0 0
! amount_max 4611686018427387904
M RIDE F 4611686018427387904 offline = ACCEPTED_BELOW_FLOOR 4611686018427387904 -4611686018427387904
X RIDE F 4611686018427387602 offline = ACCEPTED_BELOW_FLOOR 4611686018427387602 -9223372036854775506
M RIDE F 303 offline        = BALANCE_OVERFLOW 0 -9223372036854775506 -- and not to suspense
M EXIT C 0 place=2          = BALANCE_OVERFLOW 0 0   -- what its issuer owes; the journey stays open
I ADJUST C 5 about=a        = BALANCE_OVERFLOW 0 0
M RIDE U 4611686018427387904 offline = BALANCE_OVERFLOW 0 0
M EXIT C 0 place=1          = ACCEPTED 0 0
M REFUND C 300 about=a      = ACCEPTED 300 0         -- adjusted by nothing
"""

SMALLER_TARIFF = """
M ENTRY K 0 place=4 at=-4h  = ACCEPTED 0 0           -- the last of its stations
M EXIT K 0 place=4 at=-4h   = ACCEPTED 0 0           -- at the very time of its entry
M ENTRY K 0 place=3 at=-4h  = ACCEPTED 0 0
! tariff -5h 0 0 7 7 0
M EXIT K 0 place=2          = FARE_UNKNOWN 0 0       -- the tariff of that time has two stations now
M ENTRY K 0 place=2 at=-4h  = ACCEPTED 0 0
M EXIT K 0 place=1          = ACCEPTED 7 0
"""

STAYS_OPEN = """
M RIDE P 600                = ACCEPTED 600 400
M ENTRY P 0                 = ACCEPTED 0 400
M EXIT P 0 place=3          = FUNDS 0 400            -- declined, and the journey stays open
A TOP_UP P 100              = ACCEPTED 100 500
M EXIT P 0 place=3          = ACCEPTED 500 0
"""

REFUNDS = """
a: M RIDE P 300             = ACCEPTED 300 700
r: M REFUND P 100 about=a   = ACCEPTED 100 800
M REFUND P 201 about=a      = AMOUNT_EXCEEDS_ORIGINAL 0 800
M REFUND P 200 about=a      = ACCEPTED 200 1000
M REFUND P 1 about=a        = AMOUNT_EXCEEDS_ORIGINAL 0 1000
M REFUND P 1 about=r        = NOT_REFUNDABLE 0 1000
M REFUND P 1 about=999999   = ORIGINAL_UNKNOWN 0 1000
M REFUND P 1 about=2        = ORIGINAL_UNKNOWN 0 1000 -- a record, and not an entry
b: X PURCHASE P 50          = ACCEPTED 50 950
M REFUND P 10 about=b       = ORIGINAL_FOREIGN 0 950
X REFUND Q 10 about=b       = CARD_MISMATCH 0 0
X REFUND P 10 about=b       = ACCEPTED 10 960
N ENTRY P 0 place=1         = ACCEPTED 0 960
e: N EXIT P 0 place=2       = ACCEPTED 300 660
N REFUND P 300 about=e      = ACCEPTED 300 960
t: A TOP_UP P 40            = ACCEPTED 40 1000
A REFUND P 40 about=t       = NOT_REFUNDABLE 0 1000
f: M RIDE Q 10              = FUNDS 0 0
M REFUND Q 10 about=f       = NOT_REFUNDABLE 0 0
s: M RIDE U 10 offline      = ACCEPTED_SUSPENSE 10 0
! register U PREPAID
M REFUND U 10 about=s       = NOT_REFUNDABLE 0 0
c: M RIDE C 80              = ACCEPTED 80 0
M REFUND C 80 about=c       = ACCEPTED 80 0
k: M RIDE K 80              = ACCEPTED 80 0
M REFUND K 30 about=k       = ACCEPTED 30 0
v: M RIDE P 100             = ACCEPTED 100 900
M REVERSAL P 0 voids=v      = ACCEPTED 100 1000
M REFUND P 10 about=v       = ORIGINAL_CLOSED 0 1000
o: M RIDE F 20 offline      = ACCEPTED 20 -20
p: M RIDE F 500 offline     = ACCEPTED_BELOW_FLOOR 500 -520
M REFUND F 500 about=p      = ACCEPTED 500 -20
"""

REVERSALS = """
a: M RIDE P 300             = ACCEPTED 300 700
b: M REVERSAL P 0 voids=a   = ACCEPTED 300 1000
M REVERSAL P 0 voids=a      = ORIGINAL_CLOSED 0 1000
M REVERSAL P 0 voids=b      = NOT_REVERSIBLE 0 1000
same a                      = ACCEPTED 300 700 again -- what was answered then
t: A TOP_UP P 500           = ACCEPTED 500 1500
M RIDE P 1200               = ACCEPTED 1200 300
A REVERSAL P 0 voids=t      = FUNDS 0 300
A TOP_UP P 200              = ACCEPTED 200 500
A REVERSAL P 0 voids=t      = ACCEPTED 500 0
h: M HOLD P 1               = FUNDS 0 0
M REVERSAL P 0 voids=h      = ACCEPTED 0 0           -- declined: there is nothing to move
M REVERSAL P 0 voids=h      = ACCEPTED 0 0
A TOP_UP P 900              = ACCEPTED 900 900
h: M HOLD P 400             = ACCEPTED 400 500
M REVERSAL Q 0 voids=h      = CARD_MISMATCH 0 0
M REVERSAL P 0 voids=h      = ACCEPTED 400 900
e: M ENTRY P 0              = ACCEPTED 0 900
M REVERSAL P 0 voids=e      = ACCEPTED 0 900
M EXIT P 0 place=2          = NO_OPEN_JOURNEY 0 900  -- the journey went with its entry
e: M ENTRY P 0              = ACCEPTED 0 900
x: M EXIT P 0 place=2       = ACCEPTED 300 600
M REVERSAL P 0 voids=e      = ACCEPTED 0 600         -- that journey had ended
M REVERSAL P 0 voids=x      = ACCEPTED 300 900
M EXIT P 0 place=2          = NO_OPEN_JOURNEY 0 900
g: X PURCHASE P 100         = ACCEPTED 100 800
r: X REFUND P 10 about=g    = ACCEPTED 10 810
X REVERSAL P 0 voids=g      = ORIGINAL_CLOSED 0 810  -- refunded in part
X REVERSAL P 0 voids=r      = NOT_REVERSIBLE 0 810
h: M HOLD P 100             = ACCEPTED 100 710
c: M CAPTURE P 100 about=h  = ACCEPTED 100 710
M REVERSAL P 0 voids=h      = ORIGINAL_CLOSED 0 710
M REVERSAL P 0 voids=c      = NOT_REVERSIBLE 0 710
s: M RIDE U 70 offline      = ACCEPTED_SUSPENSE 70 0
M REVERSAL U 0 voids=s      = CARD_UNKNOWN 0 0
! register U PREPAID
M REVERSAL U 0 voids=s      = ACCEPTED 70 0
k: A CHECK K 0              = ACCEPTED 0 0
A REVERSAL K 0 voids=k      = ACCEPTED 0 0
t: A TOP_UP C 60            = ACCEPTED 60 0
A REVERSAL C 0 voids=t      = ACCEPTED 60 0
q: A TOP_UP P 60            = ACCEPTED 60 770
M REVERSAL P 0 voids=q      = ORIGINAL_CLOSED 0 770  -- M's own tap 4: identity is per terminal
"""

TOMBSTONES = """
v: M REVERSAL P 0 voids=77  = TOMBSTONED 0 1000
M REVERSAL P 0 voids=77     = ORIGINAL_CLOSED 0 1000
M RIDE P 200 seq=77         = VOIDED 0 0 again
M RIDE C 999 seq=77         = VOIDED 0 0 again       -- no body is known, so none is compared
M REVERSAL P 0 voids=v      = NOT_REVERSIBLE 0 1000
X RIDE P 200 seq=77         = ACCEPTED 200 800       -- another terminal's 77
M RIDE P 200 seq=77 epoch=1 = ACCEPTED 200 600       -- another epoch's 77
! restart
M RIDE P 200 seq=77         = VOIDED 0 0 again
M REVERSAL P 0 voids=78     = TOMBSTONED 0 600
& M RIDE P 200 seq=78       = VOIDED 0 0 again       -- in the same message
& M REVERSAL P 0 voids=78   = ORIGINAL_CLOSED 0 600
M REVERSAL P 0 voids=0      = TOMBSTONED 0 600       -- 0 is a number like any other
M REVERSAL U 0 voids=79     = CARD_UNKNOWN 0 0
M RIDE P 5 seq=79           = ACCEPTED 5 595         -- a declined reversal binds no target
"""

TOP_UPS = """
A TOP_UP P 500              = ACCEPTED 500 1500
A TOP_UP C 500              = ACCEPTED 500 0
A TOP_UP K 500              = TOP_UP_NOT_ALLOWED 0 0
A TOP_UP B 500              = CARD_BLOCKED 0 1000
A TOP_UP U 500              = CARD_UNKNOWN 0 0
"""

HOLDS = """
h: M HOLD P 400             = ACCEPTED 400 600
M HOLD P 601                = FUNDS 0 600
M HOLD C 10                 = HOLD_NOT_ALLOWED 0 0
M HOLD K 10                 = HOLD_NOT_ALLOWED 0 0
M CAPTURE P 401 about=h     = AMOUNT_EXCEEDS_ORIGINAL 0 600
X CAPTURE P 100 about=h     = ORIGINAL_FOREIGN 0 600
N CAPTURE P 100 about=h     = ACCEPTED 100 900       -- any terminal of that operator
M CAPTURE P 100 about=h     = ORIGINAL_CLOSED 0 900
M RELEASE P 0 about=h       = ORIGINAL_CLOSED 0 900
M REFUND P 1 about=h        = NOT_REFUNDABLE 0 900
h: M HOLD P 900             = ACCEPTED 900 0
c: M CAPTURE P 900 about=h  = ACCEPTED 900 0
M REFUND P 100 about=c      = ACCEPTED 100 100
h: M HOLD P 100             = ACCEPTED 100 0
X RELEASE P 0 about=h       = ORIGINAL_FOREIGN 0 0
M RELEASE Q 0 about=h       = CARD_MISMATCH 0 0
r: M RELEASE P 0 about=h    = ACCEPTED 100 100
M RELEASE P 0 about=h       = ORIGINAL_CLOSED 0 100
M RELEASE P 0 about=c       = NOT_A_HOLD 0 100
M CAPTURE P 5 about=r       = NOT_A_HOLD 0 100
M CAPTURE P 5 about=999999  = ORIGINAL_UNKNOWN 0 100
d: M HOLD P 101             = FUNDS 0 100
M RELEASE P 0 about=d       = NOT_A_HOLD 0 100
h: M HOLD P 60              = ACCEPTED 60 40
! block P
M HOLD P 1                  = CARD_BLOCKED 0 40
M CAPTURE P 50 about=h      = ACCEPTED 50 50         -- what was begun is finished
"""

CARD_STATES = """
M RIDE B 100                = CARD_BLOCKED 0 1000
M RIDE B 100 at=-3h         = CARD_BLOCKED 0 1000    -- online, the device's time is no excuse
M RIDE B 100 at=-3h offline = ACCEPTED 100 900       -- taken before it was blocked
M RIDE B 100 at=-2h offline = ACCEPTED 100 800       -- at the very moment
s: M RIDE B 100 at=-1h offline = ACCEPTED_SUSPENSE 100 800
M REVERSAL B 0 voids=s      = ACCEPTED 100 800       -- giving back is never blocked
M ENTRY B 0                 = CARD_BLOCKED 0 800
M CHECK B 0                 = CARD_BLOCKED 0 800
! unblock B
M RIDE B 100                = ACCEPTED 100 700
! close_card B
M RIDE B 100                = CARD_BLOCKED 0 700
! block C -1h
M RIDE C 100                = CARD_BLOCKED 0 0
M RIDE C 100 at=-2h offline = ACCEPTED 100 0
M RIDE C 100 offline        = ACCEPTED_SUSPENSE 100 0
"""

TIME_OF_LOSS = """
! block P -3h
! close_card P -1h
M RIDE P 1 at=-2h offline   = ACCEPTED_SUSPENSE 1 1000 -- lost when it was blocked, not when closed
M RIDE P 1 at=-4h offline   = ACCEPTED 1 999
! close_card P now
M RIDE P 1 at=-2h offline   = ACCEPTED_SUSPENSE 1 999  -- said again, and later: lost all the same
! block P now
M RIDE P 1 at=-2h offline   = ACCEPTED_SUSPENSE 1 999
! close_card P -5h
M RIDE P 1 at=-4h offline   = ACCEPTED_SUSPENSE 1 999  -- an earlier time is taken
! block P -2h
M RIDE P 1 at=-4h offline   = ACCEPTED_SUSPENSE 1 999
! unblock P
M RIDE P 1 at=-4h offline   = ACCEPTED_SUSPENSE 1 999  -- good again, and lost it was
! clock 3h
! block P -1h
M RIDE P 1 at=-2h offline   = ACCEPTED 1 998           -- and lost anew
M RIDE P 1 at=-59m offline  = ACCEPTED_SUSPENSE 1 998
! refused block Q 1s
! refused block Q 3650d
M RIDE Q 0                  = ACCEPTED 0 0             -- nobody knows of a loss to come
"""

DENY_LIST = """
d: M RIDE P 1500 offline    = ACCEPTED_BELOW_FLOOR 1500 -500
M RIDE P 0                  = CARD_DENIED 0 -500
M ENTRY P 0                 = CARD_DENIED 0 -500
X PURCHASE P 1              = CARD_DENIED 0 -500
M HOLD P 1                  = CARD_DENIED 0 -500
M CHECK P 0                 = CARD_DENIED 0 -500
e: M RIDE P 100 offline     = ACCEPTED_BELOW_FLOOR 100 -600 -- again, with a newer version
M RIDE P 0 offline          = ACCEPTED 0 -600
M ENTRY P 0 offline         = ACCEPTED 0 -600
M EXIT P 0 place=2 offline  = ACCEPTED_BELOW_FLOOR 300 -900
a: A TOP_UP P 800           = ACCEPTED 800 -100
M CHECK P 0                 = CARD_DENIED 0 -100     -- not mended yet
b: A TOP_UP P 100           = ACCEPTED 100 0
M CHECK P 0                 = ACCEPTED 0 0
M RIDE P 10 offline         = ACCEPTED_BELOW_FLOOR 10 -10
M REFUND P 100 about=e      = ACCEPTED 100 90
M CHECK P 0                 = ACCEPTED 0 90          -- a refund mends it as well
M ENTRY P 0 offline         = ACCEPTED 0 90
f: M EXIT P 0 offline place=3 = ACCEPTED_BELOW_FLOOR 500 -410
M REVERSAL P 0 voids=f      = ACCEPTED 500 90
M CHECK P 0                 = ACCEPTED 0 90          -- and so does a reversal
! share P2 P
g: M RIDE P 100 offline     = ACCEPTED_BELOW_FLOOR 100 -10
M CHECK P2 0                = ACCEPTED 0 -10         -- the list names cards, not accounts
A TOP_UP P2 10              = ACCEPTED 10 0
M CHECK P 0                 = CARD_DENIED 0 0        -- only an entry of that card clears it
A TOP_UP P 1                = ACCEPTED 1 1
M CHECK P 0                 = ACCEPTED 0 1
"""

OFFLINE = """
M RIDE U 100 offline                    = ACCEPTED_SUSPENSE 100 0 -- card unknown
M ENTRY U 0 offline                     = ACCEPTED_SUSPENSE 0 0
M CHECK U 0 offline                     = ACCEPTED_SUSPENSE 0 0
M RIDE P 100 at=-61d offline            = ACCEPTED_SUSPENSE 100 1000 -- too old
M RIDE P 100 at=61m offline             = ACCEPTED_SUSPENSE 100 1000 -- ahead of time
N ENTRY P 0 offline                     = ACCEPTED_SUSPENSE 0 1000 -- no place
M ENTRY P 0 at=-31d offline             = ACCEPTED_SUSPENSE 0 1000 -- no tariff
M EXIT P 0 offline                      = ACCEPTED_SUSPENSE 0 1000 -- no journey
M ENTRY P 0 offline                     = ACCEPTED 0 1000
M EXIT P 0 place=4 offline              = ACCEPTED_SUSPENSE 0 1000 -- no fare
M EXIT P 0 at=-1s place=2 offline       = ACCEPTED_SUSPENSE 0 1000 -- before its entry
M EXIT P 0 place=2 offline              = ACCEPTED 300 700 -- the journey was open still
M RIDE P 1 amount=-1 offline            = AMOUNT_NEGATIVE 0 0 -- form is not softened
Z RIDE P 1 offline                      = TERMINAL_BLOCKED 0 0
M REFUND P 1 about=1 offline            = OFFLINE_NOT_ALLOWED 0 0
M REVERSAL P 0 offline                  = OFFLINE_NOT_ALLOWED 0 0
A TOP_UP P 1 offline                    = OFFLINE_NOT_ALLOWED 0 0
M HOLD P 1 offline                      = OFFLINE_NOT_ALLOWED 0 0
M CAPTURE P 1 about=1 offline           = OFFLINE_NOT_ALLOWED 0 0
M RELEASE P 0 about=1 offline           = OFFLINE_NOT_ALLOWED 0 0
"""

FORM = """
M RIDE P 1 kind=15                      = KIND_UNKNOWN 0 0
M RIDE P 1 kind=255                     = KIND_UNKNOWN 0 0
M RIDE 0 1                              = CARD_ZERO 0 0
M RIDE 0 1 kind=99                      = KIND_UNKNOWN 0 0 -- the first rule that applies
M RIDE P 1 flags=4                      = FLAG_UNKNOWN 0 0
M RIDE P 1 flags=129                    = FLAG_UNKNOWN 0 0
M ENTRY P 1                             = AMOUNT_UNEXPECTED 0 0
M EXIT P 1                              = AMOUNT_UNEXPECTED 0 0
M REVERSAL P 1                          = AMOUNT_UNEXPECTED 0 0
M RELEASE P 1 about=1                   = AMOUNT_UNEXPECTED 0 0
M CHECK P 1                             = AMOUNT_UNEXPECTED 0 0
M REFUND P 0 about=1                    = AMOUNT_ZERO 0 0
A TOP_UP P 0                            = AMOUNT_ZERO 0 0
M HOLD P 0                              = AMOUNT_ZERO 0 0
M CAPTURE P 0 about=1                   = AMOUNT_ZERO 0 0
M REFUND P 1                            = ABOUT_MISSING 0 0
M CAPTURE P 1                           = ABOUT_MISSING 0 0
M RELEASE P 0                           = ABOUT_MISSING 0 0
M REVERSAL P 0 seq=500 voids=500        = ABOUT_MISSING 0 0 -- itself
M REVERSAL P 0 seq=501 epoch=1 voids=501 = TOMBSTONED 0 1000 -- that is another epoch
M RIDE P 1 tapped_at_us=946684799999999 = TIME_IMPOSSIBLE 0 0
M RIDE P 1 tapped_at_us=946684800000000 = TIME_TOO_OLD 0 1000
M RIDE P 1 tapped_at_us=4102444800000000 = TIME_IMPOSSIBLE 0 0
M RIDE P 1 tapped_at_us=4102444799999999 = TIME_IN_FUTURE 0 1000
M RIDE P 1 tapped_at_us=-1              = TIME_IMPOSSIBLE 0 0
"""

TERMINALS = """
M RIDE P 1 terminal=7                   = TERMINAL_UNKNOWN 0 0
M RIDE P 1 terminal=0                   = TERMINAL_UNKNOWN 0 0
M RIDE P 1 terminal=4294967295          = TERMINAL_UNKNOWN 0 0
Z RIDE P 1                              = TERMINAL_BLOCKED 0 0
Z RIDE P 1 by=bus                       = TERMINAL_FOREIGN 0 0
M RIDE P 1 by=bus                       = TERMINAL_FOREIGN 0 0
M RIDE P 1 by=metro                     = ACCEPTED 1 999
a: X RIDE P 1 by=bus                    = ACCEPTED 1 998
same a by=metro                         = TERMINAL_FOREIGN 0 0 -- not even a repeat is told
! terminal X status=2
same a                                  = ACCEPTED 1 998 again
! terminal X status=1
same a                                  = ACCEPTED 1 998 again
! terminal X operator=metro
same a by=metro                         = ACCEPTED 1 998 again
X REFUND P 1 about=a                    = ORIGINAL_FOREIGN 0 998
"""

TIMES = """
M RIDE P 1 at=-60d                      = TIME_TOO_OLD 0 1000 -- booked some microseconds later
M RIDE P 1 at=-1439h                    = ACCEPTED 1 999
M RIDE P 1 at=1h                        = ACCEPTED 1 998
M RIDE P 1 at=61m                       = TIME_IN_FUTURE 0 998
! go_live -2d
M RIDE P 1 at=-2d                       = ACCEPTED 1 997
M RIDE P 1 at=-49h                      = TIME_TOO_OLD 0 997
! go_live 1d
M RIDE P 1                              = TIME_TOO_OLD 0 997 -- the ledger is not live yet
M RIDE P 1 at=30m                       = TIME_TOO_OLD 0 997
"""

AMOUNTS = """
M RIDE P 1000001                        = AMOUNT_BEYOND_LIMIT 0 0
& M RIDE P 9223372036854775807          = AMOUNT_BEYOND_LIMIT 0 0
& M RIDE P -9223372036854775808         = AMOUNT_NEGATIVE 0 0
& M RIDE P -1                           = AMOUNT_NEGATIVE 0 0
& M RIDE P 0                            = ACCEPTED 0 1000
& M RIDE P 1000000                      = FUNDS 0 1000
& M RIDE C 1000000                      = ACCEPTED 1000000 0
& M RIDE P 1                            = ACCEPTED 1 999 -- the batch went on
! amount_max 4611686018427387904
X RIDE C 4611686018427387904            = ACCEPTED 4611686018427387904 0
X RIDE C 4611686018426387903            = ACCEPTED 4611686018426387903 0
X RIDE C 1                              = BALANCE_OVERFLOW 0 0 -- the float is at -(2^63 - 1)
X RIDE C 1 offline                      = BALANCE_OVERFLOW 0 0 -- not mendable
X RIDE U 1 offline                      = ACCEPTED_SUSPENSE 1 0
X RIDE K 999999                         = ACCEPTED 999999 0
X RIDE U 1 offline                      = BALANCE_OVERFLOW 0 0 -- X's window is at 2^63 - 1
X RIDE P 1                              = BALANCE_OVERFLOW 0 999
X RIDE P 0                              = ACCEPTED 0 999
A TOP_UP Q 4611686018427387904          = ACCEPTED 4611686018427387904 4611686018427387904
A TOP_UP Q 4611686018427385903          = ACCEPTED 4611686018427385903 9223372036854773807
A TOP_UP Q 2                            = BALANCE_OVERFLOW 0 9223372036854773807
M RIDE Q 4611686018427387905            = AMOUNT_BEYOND_LIMIT 0 0
M RIDE P 5                              = ACCEPTED 5 994
"""

DUPLICATES = """
a: M RIDE P 100                         = ACCEPTED 100 900
& same a                                = ACCEPTED 100 900 again -- in the same message
& M RIDE P 50                           = ACCEPTED 50 850
& same a                                = ACCEPTED 100 900 again
same a                                  = ACCEPTED 100 900 again -- in a later one
same a by=metro                         = ACCEPTED 100 900 again -- on another stream
same a kind=0                           = ACCEPTED 100 900 again -- 0 is another way to say RIDE
d: M RIDE Q 100                         = FUNDS 0 0
A TOP_UP Q 100                          = ACCEPTED 100 100
same d                                  = FUNDS 0 0 again -- the first final outcome binds
! restart
same a                                  = ACCEPTED 100 900 again
& same d                                = FUNDS 0 0 again
! clock 30d
! close
same a                                  = ACCEPTED 100 900 again -- after thirty days
! clock 300d
same a                                  = ACCEPTED 100 900 again -- and when it would be too old
n: Z RIDE P 100                         = TERMINAL_BLOCKED 0 0
! terminal Z status=1
same n                                  = ACCEPTED 100 750 -- not taken then, so it may come again
"""

CLOCK_STEPS = """
a: M RIDE P 1                           = ACCEPTED 1 999
! clock -1h
b: M RIDE P 1                           = ACCEPTED 1 998
c: M RIDE P 1                           = ACCEPTED 1 997
! restart
d: M RIDE P 1                           = ACCEPTED 1 996
! clock 1d
e: M RIDE P 1                           = ACCEPTED 1 995
! close
! clock -1d
f: M RIDE P 1                           = ACCEPTED 1 994
"""

BUSINESS_DAYS = """
! refused close 16d                                         -- too far from the day it is booked
! refused close -16d
! close -15d
! refused close -16d                                        -- backwards
! refused close 1d                                          -- sixteen days further
! close -15d                                                -- two windows of one day
! close
! refused close -1d
! refused close 365d                                        -- a year that was mistyped
! close 15d
! refused close
! close force
! close 365d force
! clock 60d
! refused close                                             -- the window before is of next year
"""

SEQUENCE_ZERO = """
X RIDE P 1 seq=5                        = ACCEPTED 1 999
& X RIDE P 1 seq=0                      = ACCEPTED 1 998 -- a number like any other
& X REVERSAL P 0 seq=6 voids=0          = ACCEPTED 1 999
N REVERSAL P 0 seq=1 voids=0            = TOMBSTONED 0 999
"""

STATUS_KEEPS_ITS_TIME = """
! floor B -700
M RIDE B 100 at=-1h offline             = ACCEPTED_SUSPENSE 100 1000 -- blocked since two hours
M RIDE B 100 at=-3h offline             = ACCEPTED 100 900
"""

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, str)
} | {"COLUMNS": COLUMNS, "CONFLICTS": CONFLICTS}
