"""Rows at the very edge of a rule: what the mutation run found that nobody had asked.

How a line reads is said in tests/rules/taptable.py.
"""

TAKEN_OFFLINE = """
M CHECK P 0 offline                     = ACCEPTED 0 1000 -- softened is a refusal, and nothing else
M CHECK C 0 offline                     = ACCEPTED 0 0
"""

VOIDED_BY_EPOCH = """
a: M RIDE P 10 epoch=3 seq=500          = ACCEPTED 10 990
b: M RIDE P 20 epoch=4 seq=500          = ACCEPTED 20 970
M REVERSAL P 0 voids=a                  = ACCEPTED 10 980
M REVERSAL P 0 voids=a                  = ORIGINAL_CLOSED 0 980
v: M REVERSAL P 0 about_epoch=5 about_seq=500 = TOMBSTONED 0 980
M REVERSAL P 0 about_epoch=5 about_seq=500 = ORIGINAL_CLOSED 0 980
M RIDE P 10 epoch=5 seq=500             = VOIDED 0 0 again
M REVERSAL P 0 voids=b                  = ACCEPTED 20 1000
"""

OWED_TWICE = """
! amount_max 4611686018427387904
k: M RIDE K 4611686018427387904         = ACCEPTED 4611686018427387904 0
M REFUND K 4611686018427387904 about=k  = ACCEPTED 4611686018427387904 0
! close 0d
I ADJUST K 4611686018427387904 about=k  = BALANCE_OVERFLOW 0 0 -- its legs fit
I ADJUST K 4611686018427387903 about=k  = ACCEPTED 4611686018427387903 0
"""

CLOSED_AT = """
! scene 7 name=Canteen
! clock 1h
! scene 7 status=3
M RIDE P 1 scene=7 at=1us               = SCENE_CLOSED 0 1000 -- its row was booked after who did it
M RIDE P 1 scene=7 at=0us               = ACCEPTED 1 999
"""

DECLINED_APART = """
M ENTRY P 0                             = ACCEPTED 0 1000
X ENTRY P 0 place=1                     = ACCEPTED 0 1000 -- of mode 1, in a row of its own
M RIDE P 800                            = ACCEPTED 800 200
X EXIT P 0 place=3                      = FUNDS 0 200     -- which it keeps: it stays open
! restart
A TOP_UP P 300                          = ACCEPTED 300 500
X EXIT P 0 place=3                      = ACCEPTED 500 0
M EXIT P 0 place=1                      = ACCEPTED 0 0
"""

THE_LEAST_SCENE = """
! tariff -20d network=7 0 0 900 900 0
! scene 1 name=First rated_by=7
M RIDE P 1 scene=2                      = SCENE_UNKNOWN 0 1000
M ENTRY P 0 scene=1                     = ACCEPTED 0 1000
M EXIT P 0 place=2 scene=1              = ACCEPTED 900 100
"""

RATED_BY_NO_SCENE = """
! tariff -20d network=7 0 0 900 900 0
! terminal X network=7
! scene 3 name=Pier
X ENTRY C 0 place=1 scene=3             = ACCEPTED 0 0    -- the scene says none: the terminal's
X EXIT C 0 place=2 scene=3              = ACCEPTED 900 0
"""

BELOW_THE_LEAST_SCENE = """
! scene 2 name=Second
M RIDE P 1 scene=1                      = SCENE_UNKNOWN 0 1000
M RIDE P 1 scene=2                      = ACCEPTED 1 999
"""

TABLES = {
    name: table
    for name, table in list(globals().items())
    if name.isupper() and isinstance(table, str)
}
