"""An EXIT that its gate rated itself: charged as sent, whatever is known of its journey.

How a line reads is said in tests/rules/taptable.py. From M to place 2 the tariff asks 300, to
place 3 500, from M to itself 0, and to place 4 it has no fare. What the entries say is in
test_gate_rated.py.
"""

GATE_RATED = """
M ENTRY P 0                                 = ACCEPTED 0 1000
same: M EXIT P 300 place=2 gate_rated       = ACCEPTED 300 700    -- as the tariff says
same same                                   = ACCEPTED 300 700 again
same same flags=0 amount=0                  = CONFLICT 0 0        -- the flag is of the body
same same amount=301                        = CONFLICT 0 0
M EXIT P 0 place=2                          = NO_OPEN_JOURNEY 0 700
M ENTRY P 0                                 = ACCEPTED 0 700
other: M EXIT P 250 place=2 gate_rated      = ACCEPTED 250 450    -- another amount
M EXIT P 0 place=2                          = NO_OPEN_JOURNEY 0 450
none: M EXIT P 120 place=2 gate_rated       = ACCEPTED 120 330    -- no journey
M ENTRY P 0                                 = ACCEPTED 0 330
nofare: M EXIT P 10 place=4 gate_rated      = ACCEPTED 10 320     -- closed, with nothing to compare
M EXIT P 0 place=1                          = NO_OPEN_JOURNEY 0 320
M ENTRY P 0                                 = ACCEPTED 0 320
beyond: M EXIT P 10 place=9 gate_rated      = ACCEPTED 10 310     -- no station of the tariff
M ENTRY P 0                                 = ACCEPTED 0 310
free: M EXIT P 0 place=2 gate_rated         = ACCEPTED 0 310      -- the gate took nothing
M EXIT P 0 place=2                          = NO_OPEN_JOURNEY 0 310
M ENTRY P 0                                 = ACCEPTED 0 310
both: M EXIT P 0 place=1 gate_rated         = ACCEPTED 0 310      -- and neither does the tariff
M ENTRY P 0 at=-1h                          = ACCEPTED 0 310
early: M EXIT P 5 at=-2h place=2 gate_rated = ACCEPTED 5 305      -- before its entry: not its exit
M EXIT P 0 at=-1h place=1                   = ACCEPTED 0 305      -- so that one is open still
M ENTRY P 0 at=-1h                          = ACCEPTED 0 305
at: M EXIT P 300 at=-1h place=2 gate_rated  = ACCEPTED 300 5      -- at the very time of its entry
M EXIT P 0 place=1                          = NO_OPEN_JOURNEY 0 5
X EXIT P 1 gate_rated                       = ACCEPTED 1 4        -- at the place of its terminal
"""

GATE_RATED_FUNDS = """
M ENTRY P 0                                 = ACCEPTED 0 1000
short: M EXIT P 1001 place=2 gate_rated     = FUNDS 0 1000        -- online, and the journey is open
M EXIT P 1001 gate_rated                    = FUNDS 0 1000
M EXIT P 300 place=2 gate_rated             = ACCEPTED 300 700
M EXIT P 701 place=2 gate_rated             = FUNDS 0 700         -- and where there is none, too
M ENTRY P 0                                 = ACCEPTED 0 700
below: M EXIT P 900 place=3 flags=3         = ACCEPTED_BELOW_FLOOR 900 -200
M EXIT P 0 place=3                          = NO_OPEN_JOURNEY 0 -200
M EXIT P 0 place=3 gate_rated               = ACCEPTED 0 -200     -- denied is asked of no exit
M EXIT P 1 place=3 gate_rated               = FUNDS 0 -200
M CHECK P 0                                 = CARD_DENIED 0 -200
M ENTRY C 0                                 = ACCEPTED 0 0
chip: M EXIT C 270 place=2 gate_rated       = ACCEPTED 270 0      -- it left the chip at the gate
M EXIT C 0 place=2                          = NO_OPEN_JOURNEY 0 0
M ENTRY C 0                                 = ACCEPTED 0 0
late: M EXIT C 300 place=2 flags=3          = ACCEPTED 300 0
alone: M EXIT C 999999 flags=3              = ACCEPTED 999999 0
M ENTRY K 0                                 = ACCEPTED 0 0
code: M EXIT K 500 place=3 gate_rated       = ACCEPTED 500 0
M EXIT K 1000000 gate_rated                 = ACCEPTED 1000000 0
M EXIT K 1000001 gate_rated                 = AMOUNT_BEYOND_LIMIT 0 0
M EXIT K 1000001 flags=3                    = AMOUNT_BEYOND_LIMIT 0 0
"""

GATE_RATED_FORM = """
M EXIT P 1                                  = AMOUNT_UNEXPECTED 0 0
M EXIT P 1 offline                          = AMOUNT_UNEXPECTED 0 0
M EXIT P -1 gate_rated                      = AMOUNT_NEGATIVE 0 0
M EXIT P -1 flags=3                         = AMOUNT_NEGATIVE 0 0
M EXIT P 1 flags=6                          = FLAG_UNKNOWN 0 0
M EXIT P 1 flags=130                        = FLAG_UNKNOWN 0 0
M RIDE P 1 gate_rated                       = FLAG_NOT_ALLOWED 0 0
M RIDE P 1 flags=3                          = FLAG_NOT_ALLOWED 0 0
M RIDE P 1 kind=0 gate_rated                = FLAG_NOT_ALLOWED 0 0
M ENTRY P 0 gate_rated                      = FLAG_NOT_ALLOWED 0 0
M ENTRY P 1 gate_rated                      = FLAG_NOT_ALLOWED 0 0
M PURCHASE P 1 gate_rated                   = FLAG_NOT_ALLOWED 0 0
M REFUND P 1 about=1 gate_rated             = FLAG_NOT_ALLOWED 0 0
M REFUND P 1 about=1 flags=3                = OFFLINE_NOT_ALLOWED 0 0
M REVERSAL P 0 about_seq=1 gate_rated       = FLAG_NOT_ALLOWED 0 0
A TOP_UP P 1 gate_rated                     = FLAG_NOT_ALLOWED 0 0
M HOLD P 1 gate_rated                       = FLAG_NOT_ALLOWED 0 0
M CAPTURE P 1 about=1 gate_rated            = FLAG_NOT_ALLOWED 0 0
M RELEASE P 0 about=1 gate_rated            = FLAG_NOT_ALLOWED 0 0
M CHECK P 0 gate_rated                      = FLAG_NOT_ALLOWED 0 0
I ADJUST P 1 about=1 gate_rated             = FLAG_NOT_ALLOWED 0 0
I GRANT P 1 sponsor=1 gate_rated            = FLAG_NOT_ALLOWED 0 0
M EXIT P 1 about=1 gate_rated               = COLUMN_UNEXPECTED 0 0
M EXIT P 1 line=7 face_fen=9 rider_class=2 chip_counter=4 gate_rated = ACCEPTED 1 999
Z EXIT P 1 gate_rated                       = TERMINAL_BLOCKED 0 0
I EXIT P 1 place=1 gate_rated               = KIND_NOT_ALLOWED 0 0
! scene 7 name=Metro most_fen=1
M EXIT P 2 scene=7 gate_rated               = ACCEPTED 2 997      -- no most is asked of an exit
M EXIT P 2 scene=8 gate_rated               = SCENE_UNKNOWN 0 997
"""

GATE_RATED_SUSPENSE = """
unknown: M EXIT U 40 place=2 flags=3        = ACCEPTED_SUSPENSE 40 0
M EXIT U 40 place=2 gate_rated              = CARD_UNKNOWN 0 0
blocked: M EXIT B 40 place=2 flags=3        = ACCEPTED_SUSPENSE 40 1000
M EXIT B 40 place=2 gate_rated              = CARD_BLOCKED 0 1000
M EXIT B 40 at=-3h place=2 flags=3          = ACCEPTED 40 960     -- before it was lost
M ENTRY C 0                                 = ACCEPTED 0 0
nowhere: N EXIT C 40 flags=3                = ACCEPTED_SUSPENSE 40 0
N EXIT C 40 gate_rated                      = PLACE_UNKNOWN 0 0
old: M EXIT C 40 at=-61d place=2 flags=3    = ACCEPTED_SUSPENSE 40 0
zero: M EXIT U 0 place=2 flags=3            = ACCEPTED_SUSPENSE 0 0
M EXIT C 0 place=2                          = ACCEPTED 300 0      -- in suspense they closed nothing
mended: N REVERSAL C 0 voids=nowhere         = ACCEPTED 40 0
"""

GATE_RATED_ELSEWHERE = """
! tariff -20d network=7 0 0 900 900 0
! terminal X network=7 -29d
! terminal X mode=0 -29d
M ENTRY C 0                                 = ACCEPTED 0 0
ferry: X EXIT C 900 place=2 gate_rated      = ACCEPTED 900 0      -- the journey is the metro's
M EXIT C 0 place=2                          = ACCEPTED 300 0
X ENTRY C 0 place=1                         = ACCEPTED 0 0
own: X EXIT C 900 place=2 gate_rated        = ACCEPTED 900 0
! terminal X mode=2
M ENTRY C 0                                 = ACCEPTED 0 0
X ENTRY C 0 place=1                         = ACCEPTED 0 0        -- of a mode of its own, apart
apart: X EXIT C 800 place=2 gate_rated      = ACCEPTED 800 0
X EXIT C 1 place=2 gate_rated               = ACCEPTED 1 0        -- that of no mode is the metro's
! scene 5 name=Shuttle rated_by=7
M ENTRY C 0 place=1 scene=5                 = ACCEPTED 0 0        -- replaces the metro's
scene: M EXIT C 900 place=2 scene=5 gate_rated = ACCEPTED 900 0
M ENTRY K 0 at=-2h                          = ACCEPTED 0 0
! tariff -1h 0 0 7 7 0
when: M EXIT K 300 place=2 gate_rated       = ACCEPTED 300 0      -- by the tariff of then
"""

GATE_RATED_GIVEN_BACK = """
M ENTRY P 0                                 = ACCEPTED 0 1000
a: M EXIT P 250 place=2 gate_rated          = ACCEPTED 250 750
M REFUND P 251 about=a                      = AMOUNT_EXCEEDS_ORIGINAL 0 750
r: M REFUND P 50 about=a                    = ACCEPTED 50 800
M REVERSAL P 0 voids=a                      = ORIGINAL_CLOSED 0 800
c: I ADJUST P 50 about=a caused_by=a        = ACCEPTED 50 750     -- what it differed by
M ENTRY P 0                                 = ACCEPTED 0 750
b: M EXIT P 350 place=2 gate_rated          = ACCEPTED 350 400
d: I ADJUST P -50 about=b                   = ACCEPTED -50 450
v: M REVERSAL P 0 voids=b                   = ACCEPTED 300 750
M REFUND P 1 about=b                        = ORIGINAL_CLOSED 0 750
M EXIT P 0 place=2                          = NO_OPEN_JOURNEY 0 750 -- that is over
x: M EXIT C 70 gate_rated                   = ACCEPTED 70 0
w: M REVERSAL C 0 voids=x                   = ACCEPTED 70 0
t: M REVERSAL C 0 voids=400                 = TOMBSTONED 0 0
M EXIT C 70 seq=400 gate_rated              = VOIDED 0 0 again
y: X EXIT C 60 gate_rated                   = ACCEPTED 60 0
M REFUND C 1 about=y                        = ORIGINAL_FOREIGN 0 0
X REFUND C 60 about=y                       = ACCEPTED 60 0
! restart
same a                                      = ACCEPTED 250 750 again
same x                                      = ACCEPTED 70 0 again
"""

GATE_RATED_EDGE = """
! amount_max 4611686018427387904
M ENTRY C 0                                 = ACCEPTED 0 0
M RIDE C 4611686018427387904                = ACCEPTED 4611686018427387904 0
full: M EXIT C 4611686018427387904 place=2 gate_rated = BALANCE_OVERFLOW 0 0
M EXIT C 4611686018427387904 place=2 flags=3 = BALANCE_OVERFLOW 0 0
M EXIT C 300 place=2 gate_rated             = ACCEPTED 300 0      -- its journey was open still
"""

TABLES = {name: table for name, table in vars().items() if name.startswith("GATE_RATED")}
