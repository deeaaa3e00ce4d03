"""What an EVENT is answered: it moves no money, and means nothing without its scene."""

EVENT = """
door: M EVENT P 0 scene=7               = ACCEPTED 0 1000
same door                               = ACCEPTED 0 1000 again
same door scene=8                       = CONFLICT 0 0
M EVENT P 0                             = SCENE_MISSING 0 0
M EVENT P 0 tapped_at_us=1              = SCENE_MISSING 0 0    -- before TIME_IMPOSSIBLE
M EVENT P 1                             = AMOUNT_UNEXPECTED 0 0
M EVENT P 0 scene=65536                 = COLUMN_UNEXPECTED 0 0
M EVENT P 0 scene=7 line=1              = COLUMN_UNEXPECTED 0 0
M EVENT P 0 scene=7 chip_counter=1      = ACCEPTED 0 1000
M EVENT B 0 scene=7                     = CARD_BLOCKED 0 1000
M EVENT U 0 scene=7                     = CARD_UNKNOWN 0 0
M EVENT U 0 scene=7 offline             = ACCEPTED_SUSPENSE 0 0
M EVENT C 0 scene=7                     = ACCEPTED 0 0
M EVENT K 0 scene=7                     = ACCEPTED 0 0
M RIDE P 1500 offline                   = ACCEPTED_BELOW_FLOOR 1500 -500
M CHECK P 0                             = CARD_DENIED 0 -500
M EVENT P 0 scene=7                     = ACCEPTED 0 -500      -- it is no payment
M REFUND P 1 about=door                 = NOT_REFUNDABLE 0 -500
M CAPTURE P 1 about=door                = NOT_A_HOLD 0 -500
M REVERSAL P 0 voids=door               = ACCEPTED 0 -500
"""
