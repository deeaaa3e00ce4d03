"""Tables about the columns of a tap: which kinds use which, and that each is part of the body."""

CONFLICTS = """
a: M RIDE P 100 at=-1h                  = ACCEPTED 100 900
& same a amount=101                     = CONFLICT 0 0
same a amount=101                       = CONFLICT 0 0
same a amount=0                         = CONFLICT 0 0
same a card=Q                           = CONFLICT 0 0
same a card=U                           = CONFLICT 0 0
same a kind=PURCHASE                    = CONFLICT 0 0
same a offline                          = CONFLICT 0 0
same a place=1                          = CONFLICT 0 0 -- as sent: 0 is not 1
same a at=-59m                          = CONFLICT 0 0
same a tapped_at_us=0                   = CONFLICT 0 0
same a about=1                          = CONFLICT 0 0
same a about_epoch=1                    = CONFLICT 0 0
same a about_seq=1                      = CONFLICT 0 0
same a epoch=1                          = ACCEPTED 100 800 -- another identity
same a seq=900                          = ACCEPTED 100 700
same a terminal=3                       = ACCEPTED 100 600
! restart
same a amount=101                       = CONFLICT 0 0
same a amount=-1                        = AMOUNT_NEGATIVE 0 0 -- form comes first
same a                                  = ACCEPTED 100 900 again
"""

COLUMNS = """
a: M RIDE P 100                         = ACCEPTED 100 900
M RIDE P 1 about=a                      = COLUMN_UNEXPECTED 0 0 -- else it could steer the digest
M RIDE P 1 about_epoch=1                = COLUMN_UNEXPECTED 0 0
M RIDE P 1 about_seq=1                  = COLUMN_UNEXPECTED 0 0
M REFUND P 1 about=a about_seq=1        = COLUMN_UNEXPECTED 0 0
M REVERSAL P 0 voids=a about=1          = COLUMN_UNEXPECTED 0 0
M RELEASE P 0 about=a voids=a           = COLUMN_UNEXPECTED 0 0
M RIDE P 1 caused_by=1                  = COLUMN_UNEXPECTED 0 0
M RIDE P 1 scene=65536                  = COLUMN_UNEXPECTED 0 0
M RIDE P 1 scene=4294967295 offline     = COLUMN_UNEXPECTED 0 0 -- not softened
M RIDE P 1 face_fen=-1                  = COLUMN_UNEXPECTED 0 0
M PURCHASE P 1 line=1                   = COLUMN_UNEXPECTED 0 0
M CHECK P 0 rider_class=1               = COLUMN_UNEXPECTED 0 0
M CHECK P 0 face_fen=1                  = COLUMN_UNEXPECTED 0 0
A TOP_UP P 1 face_fen=1                 = COLUMN_UNEXPECTED 0 0
M HOLD P 1 chip_counter=1               = COLUMN_UNEXPECTED 0 0
M REVERSAL P 0 voids=a chip_loads=1     = COLUMN_UNEXPECTED 0 0
M RELEASE P 0 about=a chip_before_fen=1 = COLUMN_UNEXPECTED 0 0
Z RIDE P 1 caused_by=1                  = COLUMN_UNEXPECTED 0 0 -- before TERMINAL_BLOCKED
M RIDE P 1 caused_by=1 by=bus           = TERMINAL_FOREIGN 0 0
same a about=1                          = CONFLICT 0 0          -- what is bound stays bound
same a caused_by=1                      = CONFLICT 0 0
same a scene=65536                      = CONFLICT 0 0
same a                                  = ACCEPTED 100 900 again
b: M RIDE P 1 line=7 scene=65535 rider_class=3 media=2 face_fen=5 chip_before_fen=9 chip_counter=8 \
    chip_loads=4 place=2                = ACCEPTED 1 899
same b                                  = ACCEPTED 1 899 again
same b line=0                           = CONFLICT 0 0
same b line=8                           = CONFLICT 0 0
same b scene=0                          = CONFLICT 0 0
same b scene=1                          = CONFLICT 0 0
same b rider_class=2                    = CONFLICT 0 0
same b media=1                          = CONFLICT 0 0
same b face_fen=6                       = CONFLICT 0 0
same b face_fen=-5                      = CONFLICT 0 0
same b chip_before_fen=8                = CONFLICT 0 0
same b chip_counter=9                   = CONFLICT 0 0
same b chip_before_fen=8 chip_counter=9 = CONFLICT 0 0
same b chip_loads=5                     = CONFLICT 0 0
same b caused_by=1                      = CONFLICT 0 0
! restart
same b                                  = ACCEPTED 1 899 again
same b media=1                          = CONFLICT 0 0
M ENTRY P 0 line=2 rider_class=1 face_fen=1 chip_counter=1 = ACCEPTED 0 899
M EXIT P 0 place=2 line=2 rider_class=1 face_fen=1 chip_counter=1 = ACCEPTED 300 599
X PURCHASE P 9 scene=2 media=1 face_fen=10 chip_loads=1 = ACCEPTED 9 590
A TOP_UP P 10 scene=3 media=255 chip_before_fen=4294967295 = ACCEPTED 10 600
M REFUND P 1 about=a chip_counter=1 scene=1 media=1 = ACCEPTED 1 601
M CHECK P 0 chip_before_fen=1 scene=1 media=1 = ACCEPTED 0 601
h: M HOLD P 1 scene=1 media=1           = ACCEPTED 1 600
M RELEASE P 0 about=h scene=1 media=1 place=3 = ACCEPTED 1 601
M REVERSAL P 0 voids=b scene=1 media=1  = ACCEPTED 1 602
g: M CHECK P 0 media=1                  = ACCEPTED 0 602 -- alone of all columns
same g media=2                          = CONFLICT 0 0
same g media=0                          = CONFLICT 0 0
"""
