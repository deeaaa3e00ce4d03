"""What an ENTRY is answered where no row is left for a journey that would stand apart.

How a line reads is said in tests/rules/taptable.py. M is of mode 0, X of 1, A of 2, N
comes to be of 3.
"""

CARDS = 6  # that there is room for; so all of them are there, and so many journeys may stand apart

JOURNEYS_FULL = """
M ENTRY P 0                 = ACCEPTED 0 1000        -- in the travel row, as the first of each card
X ENTRY P 0                 = ACCEPTED 0 1000        -- apart, and so on
A ENTRY P 0 place=1         = ACCEPTED 0 1000
X ENTRY C 0                 = ACCEPTED 0 0
M ENTRY C 0                 = ACCEPTED 0 0
A ENTRY C 0 place=1         = ACCEPTED 0 0
X ENTRY K 0                 = ACCEPTED 0 0
M ENTRY K 0                 = ACCEPTED 0 0
k: A ENTRY K 0 place=1      = ACCEPTED 0 0           -- the sixth
! terminal N mode=3
M ENTRY F 0                 = ACCEPTED 0 0           -- in the travel row it needs none
f: X ENTRY F 0              = JOURNEYS_FULL 0 0
same f                      = JOURNEYS_FULL 0 0      -- not taken, so nothing is bound
X ENTRY F 0 offline         = JOURNEYS_FULL 0 0
X ENTRY F 0 at=-61d         = JOURNEYS_FULL 0 0      -- though its time would decline it
X ENTRY F 0 at=2h           = JOURNEYS_FULL 0 0
X ENTRY F 0 place=9         = JOURNEYS_FULL 0 0      -- or its place
N ENTRY F 0                 = JOURNEYS_FULL 0 0
N ENTRY F 0 at=-1h place=1  = ACCEPTED 0 0           -- of mode 0 then: the one of M is replaced
Z ENTRY F 0                 = TERMINAL_BLOCKED 0 0
X ENTRY F 1                 = AMOUNT_UNEXPECTED 0 0
X ENTRY F 0 about=k         = COLUMN_UNEXPECTED 0 0
X ENTRY U 0                 = CARD_UNKNOWN 0 0       -- it has no journey
X ENTRY B 0                 = CARD_BLOCKED 0 1000    -- and this one none that is open
M ENTRY Q 0                 = FUNDS 0 0
X EXIT F 0 place=4          = FARE_UNKNOWN 0 0       -- what ends one is never full
X CHECK F 0                 = ACCEPTED 0 0
X ENTRY P 0                 = ACCEPTED 0 1000        -- the one of its mode is replaced
M ENTRY P 0                 = ACCEPTED 0 1000
! block C -1h
N ENTRY C 0 place=1         = JOURNEYS_FULL 0 0      -- though it is blocked
M ENTRY C 0                 = CARD_BLOCKED 0 0
! restart
same f                      = JOURNEYS_FULL 0 0
X EXIT K 0 place=1          = ACCEPTED 300 0         -- that of its travel row
same f                      = JOURNEYS_FULL 0 0
N ENTRY K 0 place=1         = ACCEPTED 0 0           -- there is room there
M EXIT K 0 place=2          = ACCEPTED 300 0
& same f                    = ACCEPTED 0 0           -- in one group: the row is free at once
& same f                    = ACCEPTED 0 0 again
& A ENTRY F 0 place=1       = JOURNEYS_FULL 0 0
A REVERSAL K 0 voids=k      = ACCEPTED 0 0
A ENTRY F 0 place=1         = ACCEPTED 0 0
M ENTRY K 0                 = JOURNEYS_FULL 0 0
"""
