"""What a GRANT is answered, which opens a lot, and its reversal, while that is whole."""

GRANTS = """
g: I GRANT P 500 sponsor=1 programme=7                  = ACCEPTED 500 1000
same g                                                  = ACCEPTED 500 1000 again
same g programme=8                                      = CONFLICT 0 0
same g sponsor=2                                        = CONFLICT 0 0
same g ends_us=4000000000000000                         = CONFLICT 0 0
M GRANT P 500 sponsor=1                                 = KIND_NOT_ALLOWED 0 0
X GRANT P 500 sponsor=1                                 = KIND_NOT_ALLOWED 0 0  -- a device
Z GRANT P 500 sponsor=1                                 = TERMINAL_BLOCKED 0 0
I GRANT P 500 sponsor=1 by=agent                        = TERMINAL_FOREIGN 0 0
I GRANT P 500 sponsor=1 offline                         = OFFLINE_NOT_ALLOWED 0 0
I GRANT P 0 sponsor=1                                   = AMOUNT_ZERO 0 0
I GRANT P -1 sponsor=1                                  = AMOUNT_NEGATIVE 0 0
I GRANT P 1000001 sponsor=1                             = AMOUNT_BEYOND_LIMIT 0 0
I GRANT P 1 sponsor=1 about=g                           = COLUMN_UNEXPECTED 0 0
I GRANT P 1 sponsor=1 chip_loads=1                      = COLUMN_UNEXPECTED 0 0
I GRANT P 1 sponsor=1 ends_us=-1                        = COLUMN_UNEXPECTED 0 0
I GRANT P 1 sponsor=1 ends_us=946684799999999           = COLUMN_UNEXPECTED 0 0
I GRANT P 1 sponsor=1 ends_us=4102444800000000          = COLUMN_UNEXPECTED 0 0
M RIDE P 1 sponsor=1                                    = COLUMN_UNEXPECTED 0 0
M TOP_UP P 1 programme=1                                = COLUMN_UNEXPECTED 0 0
M CHECK P 0 ends_us=4000000000000000                    = COLUMN_UNEXPECTED 0 0
I ADJUST P 1 about=g sponsor=1                          = COLUMN_UNEXPECTED 0 0
I GRANT U 1 sponsor=1                                   = CARD_UNKNOWN 0 0
I GRANT B 1 sponsor=1                                   = CARD_BLOCKED 0 1000
I GRANT C 1 sponsor=1                                   = GRANT_NOT_ALLOWED 0 0
I GRANT K 1 sponsor=9 = GRANT_NOT_ALLOWED 0 0 -- before the sponsor
I GRANT P 1                                             = SPONSOR_UNKNOWN 0 1000
I GRANT P 1 sponsor=6                                   = SPONSOR_UNKNOWN 0 1000
I GRANT P 1 sponsor=4294967295                          = SPONSOR_UNKNOWN 0 1000
I GRANT P 1 sponsor=1 ends_us=946684800000000           = LOT_ENDED 0 1000
I GRANT P 1 sponsor=9 ends_us=946684800000000           = SPONSOR_UNKNOWN 0 1000
e: I GRANT P 5 sponsor=1 at=-1h ends_us=1780300799999999 = ACCEPTED 5 1000  -- not at its time
I GRANT P 5 sponsor=1 at=-1us ends_us=1780300799999999 = LOT_ENDED 0 1000  -- and ends with its end
h: I GRANT P 300 sponsor=2 ends_us=1790000000000000     = ACCEPTED 300 1000
i: I GRANT Q 300 sponsor=5 ends_us=1790000000000000     = ACCEPTED 300 0
j: I GRANT P 200 sponsor=2 ends_us=1785000000000000     = ACCEPTED 200 1000
M REFUND P 1 about=g                                    = NOT_REFUNDABLE 0 1000
I ADJUST P 1 about=g                                    = NOT_REFUNDABLE 0 1000
M CAPTURE P 1 about=g                                   = NOT_A_HOLD 0 1000
M REVERSAL P 0 voids=77                                 = TOMBSTONED 0 1000
I REVERSAL P 0 voids=999                                = TOMBSTONED 0 1000
I GRANT P 1 sponsor=1 seq=999                           = VOIDED 0 0 again
I REVERSAL Q 0 voids=g                                  = CARD_MISMATCH 0 0
I REVERSAL P 0 voids=g by=agent                         = TERMINAL_FOREIGN 0 0
k: I REVERSAL P 0 voids=g                               = ACCEPTED 500 1000
I REVERSAL P 0 voids=g                                  = ORIGINAL_CLOSED 0 1000
I REVERSAL P 0 voids=k                                  = NOT_REVERSIBLE 0 1000
same k                                                  = ACCEPTED 500 1000 again
same g                                                  = ACCEPTED 500 1000 again
l: I GRANT Q 1 sponsor=1                                = ACCEPTED 1 0          -- in the row of g
! restart
same k                                                  = ACCEPTED 500 1000 again
I REVERSAL P 0 voids=g                                  = ORIGINAL_CLOSED 0 1000
I REVERSAL P 0 voids=j                                  = ACCEPTED 200 1000
& I REVERSAL P 0 voids=h                                = ACCEPTED 300 1000
& I GRANT P 1 sponsor=1                                 = ACCEPTED 1 1000
! block P -1h
I REVERSAL P 0 voids=e                                  = ACCEPTED 5 1000  -- a card that is lost
! close 0d
m: I GRANT F 4 sponsor=3                                = ACCEPTED 4 0
! terminal I operator=metro
I REVERSAL F 0 voids=m = ACCEPTED 4 0  -- it is that one's operator's
"""

# Of one account, so many; 256 of all, in the ledgers of these tests.
LOTS_FULL = "\n".join(
    [
        *(f"I GRANT P 1 sponsor=1 seq={1000 + at} = ACCEPTED 1 1000" for at in range(239)),
        "one: I GRANT P 1 sponsor=1 = ACCEPTED 1 1000",
        "I GRANT P 1 sponsor=1 = LOTS_TOO_MANY 0 1000",
        "I REVERSAL P 0 voids=one = ACCEPTED 1 1000",
        "last: I GRANT P 1 sponsor=1 = ACCEPTED 1 1000",
        *(f"I GRANT Q 1 sponsor=1 seq={2000 + at} = ACCEPTED 1 0" for at in range(16)),
        "full: I GRANT Q 1 sponsor=1 = LOTS_FULL 0 0",
        "I GRANT P 1 sponsor=1 = LOTS_FULL 0 0",
        "I GRANT K 1 sponsor=1 = LOTS_FULL 0 0",
        "same full = LOTS_FULL 0 0",
        "! restart",
        "same full = LOTS_FULL 0 0",
        "I REVERSAL P 0 voids=last = ACCEPTED 1 1000",
        "same full = ACCEPTED 1 0  -- nothing was bound",
        "same full = ACCEPTED 1 0 again",
        "I GRANT Q 1 sponsor=1 = LOTS_FULL 0 0",
    ]
)
