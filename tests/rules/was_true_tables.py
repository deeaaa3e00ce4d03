"""Terminals and cards that change hands or are lost, as tables: what was true when it was tapped.

How a line reads is said in tests/rules/taptable.py; the cards are those of rule_tables.py.
"""

SWAPPED_CARD = """
a: M RIDE P 100                         = ACCEPTED 100 900
t: A TOP_UP P 200                       = ACCEPTED 200 1100
M REVERSAL P 0 voids=900                = TOMBSTONED 0 1100
! share P2 P
M RIDE P2 1100                          = ACCEPTED 1100 0
A TOP_UP Q 700                          = ACCEPTED 700 700
! swap P Q
M RIDE P 1                              = ACCEPTED 1 699 -- it draws on the other account now
M REVERSAL P 0 voids=900                = ORIGINAL_CLOSED 0 699 -- a tombstone is no original
M REFUND P 50 about=a                   = ACCEPTED 50 50 -- what was paid goes back where it was
M REFUND P2 50 about=a                  = ACCEPTED 50 100 -- by whoever is on that account too
M REFUND Q 1 about=a                    = CARD_MISMATCH 0 699 -- of another card and account
I ADJUST P 10 about=a                   = ACCEPTED 10 90 -- it is corrected where it was charged
I ADJUST P2 -10 about=a                 = ACCEPTED -10 100
I ADJUST Q 1 about=a                    = CARD_MISMATCH 0 699
M REVERSAL P 0 voids=a                  = ORIGINAL_CLOSED 0 100
A REVERSAL P 0 voids=t                  = FUNDS 0 100 -- that account would go below 0
M RIDE P 1                              = ACCEPTED 1 698
M RIDE P 1 at=-1h offline               = ACCEPTED 1 99 -- tapped when it drew on the account before
M RIDE P 1 at=-1h                       = ACCEPTED 1 98 -- online as well
! refused swap P P -1h
! swap P P
M RIDE P 1                              = ACCEPTED 1 97
"""

# A card is off the deny list again only by money for what it draws on now.
DENIED_AND_SWAPPED = """
p: M RIDE P 100                         = ACCEPTED 100 900
! swap P Q
M RIDE P 100 offline                    = ACCEPTED_BELOW_FLOOR 100 -100
M CHECK P 0                             = CARD_DENIED 0 -100
M REFUND P 100 about=p                  = ACCEPTED 100 1000 -- to the account of before
M CHECK P 0                             = CARD_DENIED 0 -100
A TOP_UP P 100                          = ACCEPTED 100 0
M CHECK P 0                             = ACCEPTED 0 0
"""

# A card that changes its bank and what it draws on: its account keeps its money and its home.
OTHER_BANK = """
r: M RIDE P 100                         = ACCEPTED 100 900
h: M HOLD P 200                         = ACCEPTED 200 700
e: M ENTRY P 0                          = ACCEPTED 0 700
! bank P union CREDIT
w: M RIDE P 9999                        = ACCEPTED 9999 0 -- the other bank owes it
M RIDE P 100 at=-1m offline             = ACCEPTED 100 600
M HOLD P 1                              = HOLD_NOT_ALLOWED 0 0
M CAPTURE P 50 about=h                  = ACCEPTED 50 750
M REFUND P 100 about=r                  = ACCEPTED 100 850
I ADJUST P 50 about=r                   = ACCEPTED 50 800 -- the account's
I ADJUST P -50 about=r                  = ACCEPTED -50 850
I ADJUST P -99 about=w                  = ACCEPTED -99 0 -- the other bank's
M EXIT P 0 place=3                      = ACCEPTED 500 0 -- the account's journey; the bank pays
M REVERSAL P 0 voids=e                  = ACCEPTED 0 850
! bank P bank PREPAID
M RIDE P 50                             = ACCEPTED 50 800
"""

MOVED_TERMINAL = """
a: M RIDE P 1 by=metro                  = ACCEPTED 1 999
! terminal M operator=bus -1h
same a by=metro                         = ACCEPTED 1 999 again -- what was answered is so for ever
same a by=metro amount=2                = CONFLICT 0 0
same a by=bus                           = ACCEPTED 1 999 again -- and it is at its time too
same a by=agent                         = TERMINAL_FOREIGN 0 0 -- a stranger hears nothing
b: M RIDE P 2 at=-2h offline by=metro   = ACCEPTED 2 997 -- tapped when it was Metro's, sent since
M RIDE P 2 at=-2h offline by=bus        = TERMINAL_FOREIGN 0 0
c: M RIDE P 4 at=-30m offline by=bus    = ACCEPTED 4 993
M RIDE P 4 at=-30m offline by=metro     = TERMINAL_FOREIGN 0 0
same c by=metro                         = TERMINAL_FOREIGN 0 0 -- on record, and not for Metro
M REVERSAL P 0 voids=b at=-2h by=metro  = ACCEPTED 2 995 -- its own, within its time
M REVERSAL P 0 voids=c at=-2h by=metro  = ORIGINAL_FOREIGN 0 995
M REVERSAL P 0 voids=a by=bus           = ORIGINAL_FOREIGN 0 995
M REVERSAL P 0 voids=400 at=-2h by=metro = TOMBSTONED 0 995
M RIDE P 1 seq=400 by=metro             = VOIDED 0 0 again
M RIDE P 1 seq=400 by=agent             = TERMINAL_FOREIGN 0 0
! restart
same a by=metro                         = ACCEPTED 1 999 again
same b by=metro                         = ACCEPTED 2 997 again
! refused terminal M operator=metro -61m                    -- before it was Bus's
! terminal M operator=metro -30m
M RIDE P 1 at=-45m offline by=bus       = ACCEPTED 1 994 -- between the two it was Bus's
M RIDE P 1 at=-15m offline by=metro     = ACCEPTED 1 993
! terminal M status=2 -10m
M RIDE P 1 at=-11m offline              = ACCEPTED 1 992 -- it was good then
M RIDE P 1 at=-10m offline              = TERMINAL_BLOCKED 0 0
M RIDE P 1                              = TERMINAL_BLOCKED 0 0
M ADJUST P 1 about=a                    = TERMINAL_BLOCKED 0 0
M ADJUST P 1 about=a at=-11m            = KIND_NOT_ALLOWED 0 0 -- a device, which was good then
! terminal M status=1
M RIDE P 1                              = ACCEPTED 1 991
M RIDE P 1 at=-9m offline               = TERMINAL_BLOCKED 0 0 -- of the time it was blocked
! refused terminal M status=2 1m                            -- nobody knows of what is to come
"""

THIRD_HANDS = """
a: M RIDE P 1 by=metro                  = ACCEPTED 1 999
! terminal M operator=bus
! terminal M operator=agent
same a by=metro                         = ACCEPTED 1 999 again -- however often it moved since
same a by=bus                           = TERMINAL_FOREIGN 0 0 -- on record, and not for Bus
"""

PLACES = """
M ENTRY C 0 at=-20m                     = ACCEPTED 0 0
! terminal M place=2 -10m
M EXIT C 0 at=-15m                      = ACCEPTED 0 0 -- it stood at place 1 still
M ENTRY C 0 at=-15m                     = ACCEPTED 0 0
M EXIT C 0                              = ACCEPTED 300 0
"""

# A card that was lost and found again: what was tapped while it was lost is of a lost card,
# whenever it is sent.
LOST_AND_FOUND = """
! block P -3h
M RIDE P 1 at=-2h offline               = ACCEPTED_SUSPENSE 1 1000
! unblock P -1h
M RIDE P 1 at=-2h offline               = ACCEPTED_SUSPENSE 1 1000 -- seen: it was honoured
M RIDE P 1 at=-2h                       = CARD_BLOCKED 0 1000 -- online as well
A TOP_UP P 1 at=-2h                     = CARD_BLOCKED 0 1000
r: M RIDE P 1 at=-4h offline            = ACCEPTED 1 999 -- before it was lost
M RIDE P 1 at=-10800000000us offline    = ACCEPTED 1 998 -- at the very moment
M RIDE P 1 at=-10799999999us offline    = ACCEPTED_SUSPENSE 1 998
M RIDE P 1 at=-3600000001us offline     = ACCEPTED_SUSPENSE 1 998
M RIDE P 1 at=-1h offline               = ACCEPTED 1 997 -- from then on it is good again
M RIDE P 1                              = ACCEPTED 1 996
M REVERSAL P 0 voids=r at=-2h           = ACCEPTED 1 997 -- giving back is never blocked
r: M RIDE P 9                           = ACCEPTED 9 988
M REFUND P 5 about=r at=-2h             = ACCEPTED 5 993
I ADJUST P 1 about=r at=-2h             = ACCEPTED 1 992
! restart
M RIDE P 1 at=-2h offline               = ACCEPTED_SUSPENSE 1 992
! clock 1d
M RIDE P 1 at=-26h offline              = ACCEPTED_SUSPENSE 1 992 -- for ever
M RIDE P 1 at=-24h offline              = ACCEPTED 1 991
"""

LOST_TWICE = """
! block P -9h
! close_card P -8h
! unblock P -7h
! block P -4h
! unblock P -3h
! block P -1h
M RIDE P 1 at=-10h offline              = ACCEPTED 1 999
M RIDE P 1 at=-8h offline               = ACCEPTED_SUSPENSE 1 999
M RIDE P 1 at=-6h offline               = ACCEPTED 1 998
M RIDE P 1 at=-210m offline             = ACCEPTED_SUSPENSE 1 998
M RIDE P 1 at=-2h offline               = ACCEPTED 1 997
M RIDE P 1 at=-30m offline              = ACCEPTED_SUSPENSE 1 997 -- it is lost now
M RIDE P 1 at=-2h                       = CARD_BLOCKED 0 997
! unblock P
! block P -6h                                             -- before the spell that was said last
! unblock P -5h
M RIDE P 1 at=-330m offline             = ACCEPTED_SUSPENSE 1 997
M RIDE P 1 at=-8h offline               = ACCEPTED_SUSPENSE 1 997
M RIDE P 1 at=-30m offline              = ACCEPTED_SUSPENSE 1 997
M RIDE P 1 at=-270m offline             = ACCEPTED 1 996
"""

# What was put too early is mended while it lasts: the spell is empty, and nothing is kept of it.
LOSS_MENDED = """
! block P -5h
M RIDE P 1 at=-4h offline               = ACCEPTED_SUSPENSE 1 1000
! unblock P -5h
M RIDE P 1 at=-4h offline               = ACCEPTED 1 999
! block P -2h
M RIDE P 1 at=-4h offline               = ACCEPTED 1 998
M RIDE P 1 at=-1h offline               = ACCEPTED_SUSPENSE 1 998
! unblock P -3h                                           -- before its loss: empty as well
M RIDE P 1 at=-1h offline               = ACCEPTED 1 997
! unblock P                                               -- ACTIVE it was: no spell
M RIDE P 1 at=-1h offline               = ACCEPTED 1 996
"""

# As docs/suspense.md says: of a card that is still blocked, and of one that is good again.
PAID_OUT_OF_SUSPENSE = """
! block P -5h
s: M RIDE P 7 at=-4h offline            = ACCEPTED_SUSPENSE 7 1000
! unblock P -5h
M REVERSAL P 0 voids=s                  = ACCEPTED 7 1000
M RIDE P 7 at=-4h offline               = ACCEPTED 7 993
! block P -5h
s: M RIDE P 7 at=-4h offline            = ACCEPTED_SUSPENSE 7 993
! unblock P
M REVERSAL P 0 voids=s                  = ACCEPTED 7 993
M RIDE P 7 at=-4h offline               = ACCEPTED_SUSPENSE 7 993
M RIDE P 7 offline                      = ACCEPTED 7 986
"""

# Found again on another account: each of the two is of its own time.
FOUND_ON_ANOTHER = """
A TOP_UP Q 500                          = ACCEPTED 500 500
! block P -3h
! swap P Q -1h
M RIDE P 1 at=-4h offline               = ACCEPTED 1 999
M RIDE P 1 at=-2h offline               = ACCEPTED_SUSPENSE 1 999 -- lost, and of the account before
M RIDE P 1 at=-30m offline              = ACCEPTED 1 499
! block P -20m
! unblock P
! swap P P -25m                                           -- a spell is no period: none began since
M RIDE P 1 at=-10m offline              = ACCEPTED_SUSPENSE 1 999
M RIDE P 1 at=-22m offline              = ACCEPTED 1 998
M RIDE P 1 at=-30m offline              = ACCEPTED 1 498
M RIDE P 1 at=-4h offline               = ACCEPTED 1 997
! refused swap P Q -61m
"""

# It comes before the deny list, and after the time.
LOST_AND_DENIED = """
! block Q -3h
! unblock Q -1h
M RIDE Q 5 offline                      = ACCEPTED_BELOW_FLOOR 5 -5
M CHECK Q 0 at=-2h                      = CARD_BLOCKED 0 -5
M CHECK Q 0                             = CARD_DENIED 0 -5
! go_live -90m
M CHECK Q 0 at=-2h                      = TIME_TOO_OLD 0 -5
"""

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, str)
}
