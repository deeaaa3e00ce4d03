"""What a tap's scene decides: unknown, closed, and how much of one tap it takes."""

SCENE_UNKNOWN = """
M RIDE P 1 scene=9                      = ACCEPTED 1 999        -- none was loaded: any is taken
M RIDE P 1 scene=65535                  = ACCEPTED 1 998
! refused scene 9
! refused scene 0 name=Nothing
! refused scene 65536 name=Beyond
M RIDE P 1 scene=9                      = ACCEPTED 1 997        -- still none
! scene 9 name=Canteen
M RIDE P 1 scene=9                      = ACCEPTED 1 996
M RIDE P 1                              = ACCEPTED 1 995        -- that says nothing of it
a: M RIDE P 1 scene=8                   = SCENE_UNKNOWN 0 995   -- a lower code, never loaded
same a                                  = SCENE_UNKNOWN 0 995 again
M RIDE P 1 scene=10                     = SCENE_UNKNOWN 0 995
M RIDE P 1 scene=65535                  = SCENE_UNKNOWN 0 995
M RIDE P 1 scene=65536                  = COLUMN_UNEXPECTED 0 0
M RIDE U 1 scene=8                      = CARD_UNKNOWN 0 0
M RIDE B 1 scene=8                      = CARD_BLOCKED 0 1000
M RIDE P 9999 scene=8                   = SCENE_UNKNOWN 0 995   -- before FUNDS
M RIDE P 1 scene=8 at=-61d              = TIME_TOO_OLD 0 995
M CHECK P 0 scene=8                     = SCENE_UNKNOWN 0 995
M TOP_UP P 1 scene=8                    = SCENE_UNKNOWN 0 995
M ENTRY P 0 scene=8                     = SCENE_UNKNOWN 0 995
M EXIT P 0 scene=8                      = SCENE_UNKNOWN 0 995
M EXIT P 0 scene=8 offline              = ACCEPTED_SUSPENSE 0 995
s: M RIDE P 5 scene=8 offline           = ACCEPTED_SUSPENSE 5 995
! scene 8 name=Bus
same a                                  = SCENE_UNKNOWN 0 995 again -- what was answered stays
M RIDE P 1 scene=8                      = ACCEPTED 1 994
! restart
M RIDE P 1 scene=8                      = ACCEPTED 1 993
M RIDE P 1 scene=7                      = SCENE_UNKNOWN 0 993
! scene 65535 name=Last
! restart
M RIDE P 1 scene=65535                  = ACCEPTED 1 992
M RIDE P 1 scene=65534                  = SCENE_UNKNOWN 0 992
"""

SCENE_GIVES_BACK = """
x: M RIDE P 100 scene=6                 = ACCEPTED 100 900
y: M RIDE P 100 scene=6                 = ACCEPTED 100 800
h: M HOLD P 50 scene=6                  = ACCEPTED 50 750
k: M HOLD P 50 scene=6                  = ACCEPTED 50 700
! scene 7 name=Canteen
M REFUND P 10 about=x scene=6           = ACCEPTED 10 710       -- what gives back is never held up
M REVERSAL P 0 voids=y scene=6          = ACCEPTED 100 810
M CAPTURE P 30 about=h scene=6          = ACCEPTED 30 830
M RELEASE P 0 about=k scene=6           = ACCEPTED 50 880
I ADJUST P 5 about=x scene=6            = ACCEPTED 5 875
M REVERSAL P 0 voids=4000 scene=6       = TOMBSTONED 0 875
"""

SCENE_CLOSED = """
! scene 7 name=Canteen
! scene 8 name=Library
o: M RIDE P 1 scene=7                   = ACCEPTED 1 999
! clock 1h
! scene 7 status=3
M RIDE P 1 scene=7                      = SCENE_CLOSED 0 999
M RIDE P 1 scene=8                      = ACCEPTED 1 998
M CHECK P 0 scene=7                     = SCENE_CLOSED 0 998
M RIDE P 1 scene=7 at=-1m               = ACCEPTED 1 997        -- of before it closed
M RIDE P 2 scene=7 at=-1m offline       = ACCEPTED 2 995
M RIDE P 3 scene=7 offline              = ACCEPTED_SUSPENSE 3 995
M REFUND P 1 about=o scene=7            = ACCEPTED 1 996
! clock 1h
! scene 7 name=Mensa status=3
M RIDE P 1 scene=7 at=-59m              = SCENE_CLOSED 0 996    -- closed again, since when it was
M RIDE P 1 scene=7 at=-61m              = ACCEPTED 1 995
! restart
M RIDE P 1 scene=7                      = SCENE_CLOSED 0 995
! refused scene 7 status=2
! refused scene 7 status=4
! scene 7 status=1
M RIDE P 1 scene=7                      = ACCEPTED 1 994
M RIDE P 1 scene=7 at=-30m              = ACCEPTED 1 993        -- open again, it forgot
! scene 9 name=Never status=3
M RIDE P 1 scene=9                      = SCENE_CLOSED 0 993
M RIDE P 1 scene=9 at=-1h               = ACCEPTED 1 992
"""

AMOUNT_ABOVE_SCENE = """
! scene 7 name=Canteen most_fen=100
! scene 8 name=Open most_fen=0
M RIDE P 100 scene=7                    = ACCEPTED 100 900
M RIDE P 101 scene=7                    = AMOUNT_ABOVE_SCENE 0 900
M PURCHASE P 101 scene=7                = AMOUNT_ABOVE_SCENE 0 900
M PURCHASE P 100 scene=7                = ACCEPTED 100 800
M HOLD P 101 scene=7                    = AMOUNT_ABOVE_SCENE 0 800
h: M HOLD P 100 scene=7                 = ACCEPTED 100 700
M CAPTURE P 100 about=h scene=7         = ACCEPTED 100 700
M TOP_UP P 300 scene=7                  = ACCEPTED 300 1000     -- no payment of the scene
M RIDE P 500 scene=8                    = ACCEPTED 500 500
M RIDE P 501                            = FUNDS 0 500
M RIDE P 501 scene=7                    = AMOUNT_ABOVE_SCENE 0 500 -- before FUNDS
M RIDE P 101 scene=7 offline            = ACCEPTED_SUSPENSE 101 500
M RIDE C 101 scene=7                    = AMOUNT_ABOVE_SCENE 0 0
M ENTRY P 0 scene=7 place=1             = ACCEPTED 0 500
M EXIT P 0 scene=7 place=3              = ACCEPTED 500 0        -- a fare is the tariff's
M TOP_UP P 100                          = ACCEPTED 100 100
! scene 7 most_fen=50
M RIDE P 51 scene=7 at=-1h              = AMOUNT_ABOVE_SCENE 0 100 -- what it says now
! scene 7 most_fen=0 status=3
M RIDE P 51 scene=7                     = SCENE_CLOSED 0 100
! refused scene 7 most_fen=-1
! refused scene 7 mcc=10000
! refused scene 7 rated_by=1
! refused scene 9 name=Fair rated_by=1 -- a network without a tariff
! scene 7 mcc=5812 status=1
M RIDE P 51 scene=7                     = ACCEPTED 51 49
"""

TABLES = {
    "SCENE_UNKNOWN": SCENE_UNKNOWN,
    "SCENE_GIVES_BACK": SCENE_GIVES_BACK,
    "SCENE_CLOSED": SCENE_CLOSED,
    "AMOUNT_ABOVE_SCENE": AMOUNT_ABOVE_SCENE,
}
