"""Holds by policy, as tables: who may hold, captures in parts, an end, and the row that one takes.

How a line reads is said in tests/rules/taptable.py. `! holds SINCE by=FUNDINGS taken=parts
life=SPAN network=N` loads by which terms it is held from then on; I is a virtual terminal.
"""

TERMS = """
h: M HOLD P 100             = ACCEPTED 100 900
M HOLD C 10                 = HOLD_NOT_ALLOWED 0 0
! holds -1h by=CHIP+CREDIT
M HOLD P 10                 = HOLD_NOT_ALLOWED 0 900 -- not even prepaid, where it is not named
c: M HOLD C 5000            = ACCEPTED 5000 0        -- a promise of the issuer
k: M HOLD K 5000            = ACCEPTED 5000 0
M HOLD P 10 at=-61m         = ACCEPTED 10 890        -- as it was then
M HOLD P 10 at=-60m         = HOLD_NOT_ALLOWED 0 890
M CAPTURE P 40 about=h      = ACCEPTED 40 950        -- finished by what it was held by
X CAPTURE C 10 about=c      = ORIGINAL_FOREIGN 0 0
M CAPTURE C 5001 about=c    = AMOUNT_EXCEEDS_ORIGINAL 0 0
M CAPTURE C 4000 about=c    = ACCEPTED 4000 0
M CAPTURE C 1 about=c       = ORIGINAL_CLOSED 0 0    -- one capture closes it
M RELEASE K 0 about=k       = ACCEPTED 5000 0
M RELEASE K 0 about=k       = ORIGINAL_CLOSED 0 0
! terminal N network=7
N HOLD P 10                 = ACCEPTED 10 940        -- no terms in that network: as without any
N HOLD C 10                 = HOLD_NOT_ALLOWED 0 0
! holds -1h by=PREPAID+CHIP network=7
n: N HOLD C 10              = ACCEPTED 10 0
N HOLD K 10                 = HOLD_NOT_ALLOWED 0 0
! holds -1h by=PREPAID network=7
M CAPTURE C 10 about=n      = ACCEPTED 10 0
! restart
N HOLD C 10                 = HOLD_NOT_ALLOWED 0 0
! bank C union CREDIT
! holds -1h by=CHIP
M HOLD C 10                 = HOLD_NOT_ALLOWED 0 0
M HOLD C 10 at=-1m          = ACCEPTED 10 0          -- a chip then
"""

PARTS = """
! holds -1h by=PREPAID+CHIP+CREDIT taken=parts
h: M HOLD P 100             = ACCEPTED 100 900
a: M CAPTURE P 40 about=h   = ACCEPTED 40 900
M CAPTURE P 61 about=h      = AMOUNT_EXCEEDS_ORIGINAL 0 900
M REVERSAL P 0 voids=h      = ORIGINAL_CLOSED 0 900  -- captured in part
b: M CAPTURE P 60 about=h   = ACCEPTED 60 900        -- all that was left
M CAPTURE P 1 about=h       = ORIGINAL_CLOSED 0 900
M RELEASE P 0 about=h       = ORIGINAL_CLOSED 0 900
M REFUND P 40 about=a       = ACCEPTED 40 940        -- each capture is a charge of its own
M REFUND P 1 about=a        = AMOUNT_EXCEEDS_ORIGINAL 0 940
I ADJUST P -10 about=b      = ACCEPTED -10 950
M REFUND P 51 about=b       = AMOUNT_EXCEEDS_ORIGINAL 0 950
M REFUND P 50 about=b       = ACCEPTED 50 1000
k: M HOLD K 1000            = ACCEPTED 1000 0
M CAPTURE K 1 about=k       = ACCEPTED 1 0
! holds -1h by=PREPAID
M CAPTURE K 2 about=k       = ACCEPTED 2 0           -- in parts still
! restart
M CAPTURE K 998 about=k     = AMOUNT_EXCEEDS_ORIGINAL 0 0
r: M RELEASE K 0 about=k    = ACCEPTED 997 0         -- what is left of it
M CAPTURE K 1 about=k       = ORIGINAL_CLOSED 0 0
h: M HOLD P 100             = ACCEPTED 100 900
M CAPTURE P 40 about=h      = ACCEPTED 40 960        -- at once, and the rest is given back
M CAPTURE P 1 about=h       = ORIGINAL_CLOSED 0 960
"""

LIFE = """
! holds -10d by=PREPAID+CREDIT taken=parts life=1h
h: M HOLD P 100 at=0s       = ACCEPTED 100 900
M CAPTURE P 10 about=h at=59m = ACCEPTED 10 900
M CAPTURE P 10 about=h at=3599999999us = ACCEPTED 10 900
x: M CAPTURE P 10 about=h at=60m = HOLD_EXPIRED 0 900
M CAPTURE P 999 about=h at=60m = HOLD_EXPIRED 0 900  -- whatever the amount
M CAPTURE Q 10 about=h at=60m = CARD_MISMATCH 0 0
same x                      = HOLD_EXPIRED 0 900 again
! clock 2h
M CAPTURE P 10 about=h      = HOLD_EXPIRED 0 900
M CAPTURE P 10 about=h at=-61m = ACCEPTED 10 900     -- within its life, and sent late
! holds -10d by=PREPAID
M CAPTURE P 10 about=h      = HOLD_EXPIRED 0 900     -- it ends as it was held
M RELEASE P 0 about=h       = ACCEPTED 70 970        -- the operator's own, after the end
M CAPTURE P 10 about=h      = ORIGINAL_CLOSED 0 970  -- closed comes before expired
h: M HOLD P 100 at=0s       = ACCEPTED 100 870
! clock 10d
M CAPTURE P 10 about=h      = ACCEPTED 10 960        -- of terms that give it no end
! holds -11d by=PREPAID life=400d
h: M HOLD P 100 at=0s       = ACCEPTED 100 860
! holds -1m by=PREPAID life=1m
k: M HOLD P 100 at=0s       = ACCEPTED 100 760
! clock 59s
M CAPTURE P 10 about=k      = ACCEPTED 10 850
k: M HOLD P 100 at=0s       = ACCEPTED 100 750
! clock 1m
M CAPTURE P 10 about=k      = HOLD_EXPIRED 0 750
M REVERSAL P 0 voids=k      = ACCEPTED 100 850       -- undone after the end
M RELEASE P 0 about=k       = ORIGINAL_CLOSED 0 850
"""

SWEPT = """
! holds -10d by=PREPAID+CHIP taken=parts life=1h
h: M HOLD P 100 at=0s       = ACCEPTED 100 900
e: I RELEASE P 0 about=h    = HOLD_NOT_EXPIRED 0 0
M CAPTURE P 30 about=h      = ACCEPTED 30 900
! clock 3599s
same e                      = HOLD_NOT_EXPIRED 0 0   -- not taken, so nothing is bound
! clock 1s
I RELEASE Q 0 about=h       = CARD_MISMATCH 0 0
I RELEASE P 0 about=h at=-1s = HOLD_NOT_EXPIRED 0 0
same e                      = ACCEPTED 70 970
same e                      = ACCEPTED 70 970 again
I RELEASE P 0 about=h       = ORIGINAL_CLOSED 0 970
M CAPTURE P 1 about=h       = ORIGINAL_CLOSED 0 970
c: M HOLD C 100 at=0s       = ACCEPTED 100 0
! clock 1h
M CAPTURE C 10 about=c at=-1m = ACCEPTED 10 0
I RELEASE C 0 about=c       = ACCEPTED 90 0
I RELEASE C 0 about=999999  = ORIGINAL_UNKNOWN 0 0
r: M RIDE P 10              = ACCEPTED 10 960
I RELEASE P 0 about=r       = NOT_A_HOLD 0 960
d: M HOLD P 961             = FUNDS 0 960
I RELEASE P 0 about=d       = NOT_A_HOLD 0 960
M RELEASE P 0 about=h by=metro = ORIGINAL_CLOSED 0 960
! holds -10d by=PREPAID
h: M HOLD P 100 at=0s       = ACCEPTED 100 860
! clock 400d
I RELEASE P 0 about=h       = HOLD_NOT_EXPIRED 0 0   -- it has no end
M RELEASE P 0 about=h       = ACCEPTED 100 960
! block P
! holds -10d by=PREPAID life=1m
k: M HOLD P 100             = CARD_BLOCKED 0 960
! unblock P
k: M HOLD P 100 at=0s       = ACCEPTED 100 860
! block P
! close_card P
! clock 1m
I RELEASE P 0 about=k       = ACCEPTED 100 960       -- whatever became of the card
"""

# What became of a card between its hold and the hold's end; the sweep's tap names that card.
SWEPT_CARDS = """
! holds -10d by=PREPAID+CHIP+CREDIT taken=parts life=1h
b: M HOLD P 100 at=0s       = ACCEPTED 100 900
! block P -1h                                        -- lost before it was held
M HOLD P 1                  = CARD_BLOCKED 0 900
M CAPTURE P 30 about=b      = ACCEPTED 30 900
! clock 1h
M CAPTURE P 1 about=b       = HOLD_EXPIRED 0 900     -- as of any card
b1: I RELEASE P 0 about=b   = ACCEPTED 70 970
I RELEASE P 0 about=b       = ORIGINAL_CLOSED 0 970
! unblock P
! clock 1s
c: M HOLD P 100 at=0s       = ACCEPTED 100 870
! close_card P now
! clock 1h
I RELEASE P 0 about=c       = ACCEPTED 100 970
! unblock P
! clock 1s
s: M HOLD P 100 at=0s       = ACCEPTED 100 870
! block P now
! clock 59m
! unblock P now                                      -- lost, and found before the end
! clock 1m
I RELEASE P 0 about=s       = ACCEPTED 100 970
m: M HOLD P 100 at=0s       = ACCEPTED 100 870
! swap P Q
M HOLD P 1                  = FUNDS 0 0              -- it draws on Q's account now
! clock 1h
m1: I RELEASE P 0 about=m   = ACCEPTED 100 970       -- and this is of the account it held on
M RIDE P 1                  = FUNDS 0 0
t: A TOP_UP P 100           = ACCEPTED 100 100
q: M HOLD P 40 at=0s        = ACCEPTED 40 60         -- held on Q's
! swap P P
! clock 1h
q1: I RELEASE P 0 about=q   = ACCEPTED 40 100
M CHECK P 0                 = ACCEPTED 0 970
i: M HOLD P 100 at=0s       = ACCEPTED 100 870
! bank P union PREPAID
! clock 1h
i1: I RELEASE P 0 about=i   = ACCEPTED 100 970       -- its account keeps its home
f: M HOLD P 100 at=0s       = ACCEPTED 100 870
! bank P union CHIP
! clock 1h
f1: I RELEASE P 0 about=f   = ACCEPTED 100 970       -- money that was here, of a chip by now
M CHECK P 0                 = ACCEPTED 0 0
g: M HOLD C 100 at=0s       = ACCEPTED 100 0
k: M HOLD K 100 at=0s       = ACCEPTED 100 0
! bank C bank PREPAID
! bank K union CREDIT
! clock 1h
g1: I RELEASE C 0 about=g   = ACCEPTED 100 0         -- the promise of who gave it
k1: I RELEASE K 0 about=k   = ACCEPTED 100 0
M CHECK C 0                 = ACCEPTED 0 0
"""

SWEPT_DENIED = """
! holds -10d by=PREPAID life=1h
h: M HOLD P 900 at=0s       = ACCEPTED 900 100
M RIDE P 130 offline        = ACCEPTED_BELOW_FLOOR 130 -30
M RIDE P 1                  = CARD_DENIED 0 -30
! block P
! clock 1h
I RELEASE P 0 about=h       = ACCEPTED 900 870       -- there is money again
! unblock P
! clock 1s
M RIDE P 1                  = ACCEPTED 1 869
h: M HOLD P 800 at=0s       = ACCEPTED 800 69
M RIDE P 99 offline         = ACCEPTED_BELOW_FLOOR 99 -30
! swap P Q
! clock 1h
I RELEASE P 0 about=h       = ACCEPTED 800 770       -- but not where it draws on now
M RIDE P 0                  = CARD_DENIED 0 0
A TOP_UP P 1                = ACCEPTED 1 1
M RIDE P 1                  = ACCEPTED 1 0
"""

SWEPT_GATES = """
! scene 5 name=Pier payee=2
! holds -10d by=PREPAID life=1h
h: M HOLD P 100 at=0s scene=5 = ACCEPTED 100 900
k: N HOLD P 100 at=0s       = ACCEPTED 100 800
! scene 5 status=3
! terminal M operator=bus
! terminal M status=2
! terminal N network=7
! clock 1h
h1: I RELEASE P 0 about=h   = ACCEPTED 100 900       -- of the operator it was held for
k1: I RELEASE P 0 about=k   = ACCEPTED 100 1000
"""

FULL = """
! holds -1h by=PREPAID+CHIP+CREDIT life=1h           -- there is room for three
a: M HOLD P 10              = ACCEPTED 10 990
b: M HOLD C 10              = ACCEPTED 10 0
c: M HOLD K 10              = ACCEPTED 10 0
f: M HOLD P 10              = HOLDS_FULL 0 0
M HOLD P 9999               = HOLDS_FULL 0 0         -- though funds would decline it
M HOLD U 10                 = HOLDS_FULL 0 0
M HOLD P 10 at=-2h          = ACCEPTED 10 980        -- without an end it needs none
Z HOLD P 10                 = TERMINAL_BLOCKED 0 0
! amount_max 9
M HOLD P 10                 = AMOUNT_BEYOND_LIMIT 0 0
! amount_max 1000000
M CAPTURE C 4 about=b       = ACCEPTED 4 0
& f: same f                 = ACCEPTED 10 970        -- in one group: the row is free at once
& same f                    = ACCEPTED 10 970 again
& M HOLD P 10               = HOLDS_FULL 0 0
M REVERSAL P 0 voids=a      = ACCEPTED 10 980
! restart
g: M HOLD P 11              = ACCEPTED 11 969
M RELEASE K 0 about=c       = ACCEPTED 10 0
i: M HOLD P 12              = ACCEPTED 12 957
M HOLD P 12                 = HOLDS_FULL 0 0
! clock 2h
I RELEASE P 0 about=g       = ACCEPTED 11 968
& I RELEASE P 0 about=f     = ACCEPTED 10 978
& M HOLD C 1                = ACCEPTED 1 0
& M HOLD C 1                = ACCEPTED 1 0
& M HOLD C 1                = HOLDS_FULL 0 0
! holds -1m by=PREPAID
M HOLD P 10                 = ACCEPTED 10 968        -- nor is one asked for by terms without an end
"""

HELD_LEGS = """
! holds -1h by=PREPAID+CHIP+CREDIT taken=parts life=1h
c: M HOLD C 100 at=0s       = ACCEPTED 100 0
c1: M CAPTURE C 30 about=c  = ACCEPTED 30 0
c2: M CAPTURE C 20 about=c  = ACCEPTED 20 0
! clock 1h
c3: I RELEASE C 0 about=c   = ACCEPTED 50 0
k: M HOLD K 100             = ACCEPTED 100 0
k1: M CAPTURE K 100 about=k = ACCEPTED 100 0
p: M HOLD P 100             = ACCEPTED 100 900
p1: M REVERSAL P 0 voids=p  = ACCEPTED 100 1000
! scene 5 name=Pier payee=2
s: M HOLD K 100 scene=5     = ACCEPTED 100 0
s1: M CAPTURE K 40 about=s  = ACCEPTED 40 0
! holds -1h by=CREDIT
o: M HOLD K 100             = ACCEPTED 100 0
o1: M CAPTURE K 40 about=o  = ACCEPTED 40 0
"""

TABLES = {"TERMS": TERMS, "PARTS": PARTS, "LIFE": LIFE, "SWEPT": SWEPT, "FULL": FULL}
TABLES |= {"SWEPT_CARDS": SWEPT_CARDS, "SWEPT_DENIED": SWEPT_DENIED, "SWEPT_GATES": SWEPT_GATES}
