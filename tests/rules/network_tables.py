"""Two networks in one ledger, each with its own fares, as tables; tests/rules/taptable.py says how
a line reads. M is a gate of the metro, network 0; X becomes a pier of the ferry, network 7.
"""

FERRY_AND_METRO = """
! terminal X mode=0 -29d
! terminal X network=7 -29d
X ENTRY C 0                 = TARIFF_UNKNOWN 0 0     -- the metro's fares are not the ferry's
X ENTRY C 0 offline         = ACCEPTED_SUSPENSE 0 0
! tariff -20d network=7 0 0 900 900 0
M ENTRY C 0                 = ACCEPTED 0 0
M EXIT C 0 place=2          = ACCEPTED 300 0         -- as before there was a ferry
X ENTRY C 0 place=1         = ACCEPTED 0 0
X EXIT C 0                  = ACCEPTED 900 0
M ENTRY C 0 place=3         = ACCEPTED 0 0           -- the ferry has two piers, the metro four
X ENTRY C 0 place=3         = FARE_UNKNOWN 0 0
X EXIT C 0                  = NO_OPEN_JOURNEY 0 0    -- none of the ferry is open
X EXIT C 0 offline          = ACCEPTED_SUSPENSE 0 0
X EXIT C 0 place=5          = NO_OPEN_JOURNEY 0 0
X EXIT C 0 at=-1h           = NO_OPEN_JOURNEY 0 0    -- before it is asked when it was opened
M EXIT C 0 place=1          = ACCEPTED 500 0         -- the metro's is still open
M EXIT C 0 place=1          = NO_OPEN_JOURNEY 0 0
M ENTRY P 0                 = ACCEPTED 0 1000
X ENTRY P 0                 = ACCEPTED 0 1000        -- replaces the metro's
M EXIT P 0 place=2          = NO_OPEN_JOURNEY 0 1000
X EXIT P 0 place=1          = ACCEPTED 900 100
X ENTRY P 0                 = ACCEPTED 0 100         -- the ferry asks for nothing to enter
M ENTRY P 0                 = FUNDS 0 100            -- and the metro for 300
"""

EACH_ITS_OWN_TIME = """
! terminal X network=7 -29d
X ENTRY C 0 at=-10d         = TARIFF_UNKNOWN 0 0
! tariff -5d network=7 0 0 900 900 0
! tariff -1d network=7 0 0 950 950 0
! tariff -2d network=8 0 0 1 1 0
X ENTRY C 0 at=-10d         = TARIFF_UNKNOWN 0 0     -- the metro had one, the ferry none
X ENTRY C 0 at=-6d          = TARIFF_UNKNOWN 0 0
M ENTRY C 0 at=-6d          = ACCEPTED 0 0
M EXIT C 0 at=-6d place=2   = ACCEPTED 300 0
X ENTRY C 0 at=-5d place=1  = ACCEPTED 0 0           -- from the microsecond on
X EXIT C 0                  = ACCEPTED 900 0         -- by the tariff of the entry
X ENTRY C 0 at=-86400000001us place=1 = ACCEPTED 0 0
X EXIT C 0                  = ACCEPTED 900 0
X ENTRY C 0 at=-1d place=1  = ACCEPTED 0 0
X EXIT C 0                  = ACCEPTED 950 0
! tariff -5d network=7 0 0 800 800 0
X ENTRY C 0 at=-4d place=1  = ACCEPTED 0 0
X EXIT C 0                  = ACCEPTED 800 0         -- of two with one start the later
! tariff -5d network=7 0 0 900 900 0
X ENTRY C 0 at=-4d place=1  = ACCEPTED 0 0
X EXIT C 0                  = ACCEPTED 900 0         -- said again, it is in force again
"""

A_GATE_THAT_MOVES = """
! tariff -20d network=7 0 0 900 900 0
M ENTRY C 0 at=-3h          = ACCEPTED 0 0
! terminal M network=7 -2h
M EXIT C 0 place=2          = NO_OPEN_JOURNEY 0 0    -- it is the ferry's now
M EXIT C 0 place=2 at=-150m = ACCEPTED 300 0         -- and was the metro's then
M ENTRY C 0 at=-3h          = ACCEPTED 0 0
M EXIT C 0 place=2 at=-121m = ACCEPTED 300 0
M ENTRY C 0 at=-2h          = ACCEPTED 0 0
! restart
M EXIT C 0 place=2          = ACCEPTED 900 0
M ENTRY C 0                 = ACCEPTED 0 0
! terminal M network=65535 -1h
M EXIT C 0 place=2          = NO_OPEN_JOURNEY 0 0    -- the journey stays of the network it began in
N EXIT C 0 place=2          = NO_OPEN_JOURNEY 0 0
! terminal N network=7 -1h
N EXIT C 0 place=2          = ACCEPTED 900 0
M ENTRY C 0                 = TARIFF_UNKNOWN 0 0
"""

REVERSED_ELSEWHERE = """
! tariff -20d network=7 0 0 900 900 0
e: M ENTRY P 0              = ACCEPTED 0 1000
! terminal M network=7
M REVERSAL P 0 voids=e      = ACCEPTED 0 1000        -- the journey goes with its entry
M EXIT P 0 place=2          = NO_OPEN_JOURNEY 0 1000
f: M ENTRY P 0              = ACCEPTED 0 1000
g: M EXIT P 0 place=2       = ACCEPTED 900 100
M REVERSAL P 0 voids=g      = ACCEPTED 900 1000
"""

A_JOURNEY_A_MODE = """
M ENTRY C 0                 = ACCEPTED 0 0           -- a mode that nobody said
X ENTRY C 0 place=1         = ACCEPTED 0 0           -- of mode 1, beside it
A ENTRY C 0 place=3         = ACCEPTED 0 0           -- and of mode 2
X ENTRY C 0 place=3         = ACCEPTED 0 0           -- replaces that of its mode alone
A EXIT C 0 place=1          = ACCEPTED 500 0
A EXIT C 0 place=2          = ACCEPTED 300 0         -- none of mode 2 any more: that of no mode
A EXIT C 0 place=2          = NO_OPEN_JOURNEY 0 0    -- mode 1's is another's
X EXIT C 0 place=2          = ACCEPTED 400 0
X EXIT C 0 place=2          = NO_OPEN_JOURNEY 0 0
x: X ENTRY P 0              = ACCEPTED 0 1000        -- the first of an account, of mode 1
m: M ENTRY P 0              = ACCEPTED 0 1000
a: A ENTRY P 0 place=1      = ACCEPTED 0 1000
! restart
X REVERSAL P 0 voids=x      = ACCEPTED 0 1000
X EXIT P 0 place=3          = ACCEPTED 500 500       -- of no mode again
M EXIT P 0 place=3          = NO_OPEN_JOURNEY 0 500  -- and none of that is left
A REVERSAL P 0 voids=a      = ACCEPTED 0 500
A EXIT P 0 place=2          = NO_OPEN_JOURNEY 0 500
M ENTRY P 0                 = ACCEPTED 0 500
A ENTRY P 0 place=1         = ACCEPTED 0 500
A EXIT P 0 place=4          = FARE_UNKNOWN 0 500     -- it stays open
A EXIT P 0 place=3 at=-1m   = EXIT_BEFORE_ENTRY 0 500
! restart
A EXIT P 0 place=3          = ACCEPTED 500 0
M EXIT P 0 place=2          = FUNDS 0 0              -- so does this one
M EXIT P 0 place=2 offline  = ACCEPTED_BELOW_FLOOR 300 -300
"""

THE_MODE_OF_ITS_TIME = """
M ENTRY C 0 at=-3h          = ACCEPTED 0 0
! terminal M mode=4 -2h
M ENTRY C 0 at=-1h place=3  = ACCEPTED 0 0           -- of mode 4
M EXIT C 0 at=-150m place=2 = ACCEPTED 300 0         -- when it had none
M EXIT C 0 at=-30m place=2  = ACCEPTED 400 0
M EXIT C 0 at=-30m place=2  = NO_OPEN_JOURNEY 0 0
M ENTRY C 0 at=-20m         = ACCEPTED 0 0
! terminal M mode=5 -10m
M EXIT C 0 place=2          = NO_OPEN_JOURNEY 0 0
M EXIT C 0 at=-11m place=2  = ACCEPTED 300 0
"""

BY_A_SCENES_FARES = """
! refused scene 5 name=Fair rated_by=7               -- it has no tariff
! tariff -20d network=7 0 0 900 900 0
! scene 5 name=Fair rated_by=7
! scene 6 name=Metro
! refused scene 5 rated_by=0                         -- for ever
! refused scene 6 rated_by=7
! scene 5 rated_by=7 most_fen=1                      -- the same again
M ENTRY C 0 scene=5         = ACCEPTED 0 0           -- at a gate of the metro
M EXIT C 0 place=2          = NO_OPEN_JOURNEY 0 0    -- none that the metro rates
M EXIT C 0 place=2 scene=6  = NO_OPEN_JOURNEY 0 0
M EXIT C 0 place=3 scene=5  = FARE_UNKNOWN 0 0       -- two places have a fare there, four here
! restart
M EXIT C 0 place=2 scene=5  = ACCEPTED 900 0
M ENTRY C 0 place=3 scene=5 = FARE_UNKNOWN 0 0
M ENTRY C 0 at=-21d scene=5 = TARIFF_UNKNOWN 0 0     -- the metro had one by then
M ENTRY C 0 scene=6         = ACCEPTED 0 0           -- that says nothing of it
M EXIT C 0 place=2 scene=5  = NO_OPEN_JOURNEY 0 0
M EXIT C 0 place=2          = ACCEPTED 300 0
! terminal X mode=0 -29d
! terminal X network=7 -29d
M ENTRY P 0 scene=5         = ACCEPTED 0 1000
X EXIT P 0 place=2          = ACCEPTED 900 100       -- the ferry's own gate
M ENTRY P 0                 = FUNDS 0 100            -- the metro asks for 300
e: M ENTRY P 0 scene=5      = ACCEPTED 0 100         -- the fair for nothing
M REVERSAL P 0 voids=e      = ACCEPTED 0 100
M EXIT P 0 place=2 scene=5  = NO_OPEN_JOURNEY 0 100
M RIDE P 2 scene=5          = AMOUNT_ABOVE_SCENE 0 100 -- what a terminal charges is no tariff's
! tariff -1d network=7 0 0 950 950 0
M ENTRY C 0 at=-2d scene=5  = ACCEPTED 0 0
M EXIT C 0 place=2 scene=5  = ACCEPTED 900 0         -- by the tariff of the entry
"""

TABLES = {
    "BY_A_SCENES_FARES": BY_A_SCENES_FARES,
    "A_JOURNEY_A_MODE": A_JOURNEY_A_MODE,
    "THE_MODE_OF_ITS_TIME": THE_MODE_OF_ITS_TIME,
    "FERRY_AND_METRO": FERRY_AND_METRO,
    "EACH_ITS_OWN_TIME": EACH_ITS_OWN_TIME,
    "A_GATE_THAT_MOVES": A_GATE_THAT_MOVES,
    "REVERSED_ELSEWHERE": REVERSED_ELSEWHERE,
}
