"""Adjustments and the virtual terminals they come from, as tables: one line a tap.

How a line reads is said in tests/rules/taptable.py; I is the virtual terminal, run by the agent.
"""

ADJUSTMENTS = """
a: M RIDE P 300             = ACCEPTED 300 700
d: I ADJUST P 50 about=a    = ACCEPTED 50 650
M REFUND P 351 about=a      = AMOUNT_EXCEEDS_ORIGINAL 0 650
M REFUND P 340 about=a      = ACCEPTED 340 990
I ADJUST P -11 about=a      = AMOUNT_EXCEEDS_ORIGINAL 0 990
I ADJUST P -10 about=a      = ACCEPTED -10 1000      -- all that is left of it
M REFUND P 1 about=a        = AMOUNT_EXCEEDS_ORIGINAL 0 1000
M REVERSAL P 0 voids=a      = ORIGINAL_CLOSED 0 1000 -- refunded in part
I ADJUST P 20 about=a       = ACCEPTED 20 980
M REFUND P 20 about=a       = ACCEPTED 20 1000
I ADJUST P 5 about=d        = NOT_REFUNDABLE 0 1000  -- what is corrected is the charge
M REFUND P 5 about=d        = NOT_REFUNDABLE 0 1000
I ADJUST P 5 about=999999   = ORIGINAL_UNKNOWN 0 1000
I ADJUST P 5 about=2        = ORIGINAL_UNKNOWN 0 1000 -- a record, and not an entry
I ADJUST P 5 about=a caused_by=999999 = ORIGINAL_UNKNOWN 0 1000
I ADJUST Q 5 about=a        = CARD_MISMATCH 0 0
w: M CHECK P 0              = ACCEPTED 0 1000
y: I ADJUST P 5 about=a caused_by=w = ACCEPTED 5 995  -- a tap that changed what is fair
same y caused_by=a          = CONFLICT 0 0
I ADJUST P -5 about=a caused_by=2 = ACCEPTED -5 1000  -- or a record that was given out
same d                      = ACCEPTED 50 650 again
same d amount=51            = CONFLICT 0 0
b: X PURCHASE P 100         = ACCEPTED 100 900
I ADJUST P -40 about=b      = ACCEPTED -40 940
X REVERSAL P 0 voids=b      = ACCEPTED 60 1000       -- adjusted alone, so it is reversed
I ADJUST P 1 about=b        = ORIGINAL_CLOSED 0 1000
z: M RIDE P 0               = ACCEPTED 0 1000
I ADJUST P 30 about=z       = ACCEPTED 30 970        -- no free ride after all
M REVERSAL P 0 voids=z      = ACCEPTED 30 1000
n: M RIDE P 100             = ACCEPTED 100 900
I ADJUST P 20 about=n       = ACCEPTED 20 880
I ADJUST P -20 about=n      = ACCEPTED -20 900
M REVERSAL P 0 voids=n      = ACCEPTED 100 1000
n: M RIDE P 100             = ACCEPTED 100 900
I ADJUST P -101 about=n     = AMOUNT_EXCEEDS_ORIGINAL 0 900
I ADJUST P -100 about=n     = ACCEPTED -100 1000     -- free, and still not reversed
M REVERSAL P 0 voids=n      = ACCEPTED 0 1000
M ENTRY P 0                 = ACCEPTED 0 1000
e: M EXIT P 0 place=3       = ACCEPTED 500 500
! restart
I ADJUST P -200 about=e     = ACCEPTED -200 700
M REVERSAL P 0 voids=e      = ACCEPTED 300 1000
h: M HOLD P 400             = ACCEPTED 400 600
I ADJUST P 5 about=h        = NOT_REFUNDABLE 0 600
c: M CAPTURE P 300 about=h  = ACCEPTED 300 700
I ADJUST P 50 about=c       = ACCEPTED 50 650
M REFUND P 350 about=c      = ACCEPTED 350 1000
M REVERSAL P 0 voids=c      = NOT_REVERSIBLE 0 1000
t: A TOP_UP P 10            = ACCEPTED 10 1010
I ADJUST P 5 about=t        = NOT_REFUNDABLE 0 1010
s: M RIDE U 10 offline      = ACCEPTED_SUSPENSE 10 0
I ADJUST U 5 about=s        = CARD_UNKNOWN 0 0
! register U PREPAID
I ADJUST U 5 about=s        = NOT_REFUNDABLE 0 0
f: M RIDE Q 10              = FUNDS 0 0
I ADJUST Q 5 about=f        = NOT_REFUNDABLE 0 0
x: X RIDE C 80              = ACCEPTED 80 0
! terminal X operator=metro
I ADJUST C 700 about=x      = ACCEPTED 700 0         -- a chip, of whoever made the charge
X REFUND C 1 about=x        = ORIGINAL_FOREIGN 0 0
k: M RIDE K 80              = ACCEPTED 80 0
! block K
I ADJUST K -80 about=k      = ACCEPTED -80 0         -- a correction is never blocked
! clock 61d
I ADJUST K 5 about=k        = ACCEPTED 5 0           -- however old the charge is
I ADJUST K 5 about=k at=-61d = TIME_TOO_OLD 0 0
"""

ADJUSTED_BELOW_FLOOR = """
a: M RIDE P 900             = ACCEPTED 900 100
d: I ADJUST P 100 about=a   = ACCEPTED 100 0         -- down to the floor
g: I ADJUST P 500 about=a   = ACCEPTED_BELOW_FLOOR 500 -500
M CHECK P 0                 = CARD_DENIED 0 -500     -- as after an offline charge
I ADJUST P 1 about=a        = ACCEPTED_BELOW_FLOOR 1 -501
I ADJUST P -401 about=a     = ACCEPTED -401 -100     -- less of it is no new debt
M CHECK P 0                 = CARD_DENIED 0 -100
m: I ADJUST P -100 about=a  = ACCEPTED -100 0
M CHECK P 0                 = ACCEPTED 0 0
f: M RIDE F 400             = ACCEPTED 400 -400
I ADJUST F 100 about=f      = ACCEPTED 100 -500      -- its floor is 500 lower
I ADJUST F 1 about=f        = ACCEPTED_BELOW_FLOOR 1 -501
M REVERSAL F 0 voids=f      = ACCEPTED 501 0
M CHECK F 0                 = ACCEPTED 0 0
"""

VIRTUAL_TERMINALS = """
a: M RIDE P 100             = ACCEPTED 100 900
I RIDE P 1                  = KIND_NOT_ALLOWED 0 0
I RIDE P 1 kind=0           = KIND_NOT_ALLOWED 0 0
I RIDE P 1 offline          = KIND_NOT_ALLOWED 0 0   -- nor is it booked to suspense
I ENTRY P 0                 = KIND_NOT_ALLOWED 0 0
I EXIT P 0                  = KIND_NOT_ALLOWED 0 0
I PURCHASE P 1              = KIND_NOT_ALLOWED 0 0
I REFUND P 1 about=a        = KIND_NOT_ALLOWED 0 0
I TOP_UP P 1                = KIND_NOT_ALLOWED 0 0
I HOLD P 1                  = KIND_NOT_ALLOWED 0 0
I CAPTURE P 1 about=a       = KIND_NOT_ALLOWED 0 0
I RELEASE P 0 about=a       = NOT_A_HOLD 0 900       -- of a hold it may be
I CHECK P 0                 = KIND_NOT_ALLOWED 0 0
d: I ADJUST P 1 about=a     = ACCEPTED 1 899
I REVERSAL P 0 voids=d      = NOT_REVERSIBLE 0 899       -- it may, and an adjustment has none
I RIDE P 1 seq=999          = KIND_NOT_ALLOWED 0 0
I ADJUST P 1 about=a seq=999 = ACCEPTED 1 898        -- what is not taken binds nothing
M ADJUST P 1 about=a        = KIND_NOT_ALLOWED 0 0
X ADJUST P 1 about=a        = KIND_NOT_ALLOWED 0 0   -- counterless, and a device
Z ADJUST P 1 about=a        = TERMINAL_BLOCKED 0 0
I ADJUST P 1 about=a by=metro = TERMINAL_FOREIGN 0 0
I ADJUST P 1 about=a by=agent = TERMINAL_FOREIGN 0 0 -- not even whose it is
same d by=agent             = TERMINAL_FOREIGN 0 0
same d kind=1               = CONFLICT 0 0           -- the identity comes first
I ADJUST P 1000001 about=a  = AMOUNT_BEYOND_LIMIT 0 0
I ADJUST P 1                = ABOUT_MISSING 0 0
I ADJUST P 0 about=a        = AMOUNT_ZERO 0 0
I ADJUST P 1 about=a offline = OFFLINE_NOT_ALLOWED 0 0
I ADJUST P -1000001 about=a = AMOUNT_BEYOND_LIMIT 0 0
I RIDE P 1000001            = KIND_NOT_ALLOWED 0 0
I ADJUST P -9223372036854775808 about=a = AMOUNT_BEYOND_LIMIT 0 0
! refused terminal M status=4
! refused terminal I status=1
! refused terminal I status=2
! refused terminal I counterless=0
! terminal I place=3
I ADJUST P 1 about=a        = ACCEPTED 1 897
! terminal I operator=metro
same d by=metro             = TERMINAL_FOREIGN 0 0   -- though both the charge and the terminal are
I ADJUST P 1 about=a by=metro = TERMINAL_FOREIGN 0 0
same d by=agent             = TERMINAL_FOREIGN 0 0   -- nor whose it was
same d                      = ACCEPTED 1 899 again
! amount_max 4611686018427387904
x: X RIDE C 4611686018427387904           = ACCEPTED 4611686018427387904 0
I ADJUST C 4611686018427387904 about=x    = BALANCE_OVERFLOW 0 0
I ADJUST C 4611686018427387903 about=x    = ACCEPTED 4611686018427387903 0
I ADJUST C 1 about=x                      = BALANCE_OVERFLOW 0 0
I ADJUST C -4611686018427387904 about=x   = ACCEPTED -4611686018427387904 0
I ADJUST C -9223372036854775808 about=x   = AMOUNT_BEYOND_LIMIT 0 0
"""

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, str)
}
