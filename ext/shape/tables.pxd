"""The rows of the state's tables: a pure function of the journal, kept in memory and in checkpoints.

Pages of PAGE_BYTES are what a checkpoint saves; a row never crosses the end of one.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from onecard.ext.shape.numbers cimport OWNER_KINDS


cdef packed struct Credential "onecard_credential":  # what every tap reads comes first
    uint64_t token
    uint32_t account
    uint32_t past  # row of what it drew on before or of a spell, in card_pasts; 0 = there is none
    uint16_t issuer
    uint8_t funding
    uint8_t status
    uint8_t denied
    uint8_t bank_status  # of its second function, 0 = as the status
    uint8_t generation  # of the card that carries it
    uint8_t unused
    uint64_t deny_version  # sequence of the last change of `denied`
    int64_t since_us  # of the status
    int32_t expires_day  # days since 1970-01-01, 0 = never said
    uint16_t key_version  # of the key that made its token
    uint8_t unused_2[2]


cdef packed struct Account "onecard_account":
    int64_t posted_fen
    int64_t held_fen
    int64_t floor_fen
    uint64_t last  # sequence of its newest entry
    uint32_t entries
    uint32_t travel  # row of its travel, 0 = it never began a journey
    uint16_t issuer  # its home: the party of its legs, whoever issues the cards on it
    uint32_t purse  # row of its purse, 0 = it never had a lot
    uint8_t unused[2]


cdef packed struct Terminal "onecard_terminal":
    uint64_t seen  # highest epoch << 32 | terminal_seq
    uint64_t taken  # identities bound
    uint32_t terminal
    uint32_t place
    uint16_t operator_id
    uint8_t mode
    uint8_t status
    uint8_t counterless
    uint8_t number_bytes
    uint8_t number[26]
    uint16_t network
    uint8_t unused[2]
    uint32_t past  # row of what it was before, in terminal_pasts; 0 = it was never otherwise


cdef packed struct Journey "onecard_journey":  # one that is open; a row that is free is all 0
    uint64_t key  # account << 8 | mode
    uint64_t sequence  # of the entry tap
    int64_t at_us
    uint32_t place
    uint16_t network
    uint8_t unused[2]


cdef packed struct Travel "onecard_travel":  # of an account that ever began a journey
    uint64_t key  # as a Journey: the first one that is open, all 0 = it is over
    uint64_t sequence
    int64_t at_us
    uint32_t place
    uint16_t network
    uint8_t unused[2]
    uint64_t boarded  # the newest entry that began a journey
    int64_t boarded_at_us
    int64_t latest_us  # the latest time at which a journey was begun or ended
    uint32_t boarded_line
    uint16_t boarded_network
    uint8_t rider_class  # as the terminal saw it there
    uint8_t unused_2


cdef packed struct Participant "onecard_participant":
    int64_t balance_fen[OWNER_KINDS]  # by owner kind
    int64_t window_in_fen
    int64_t window_out_fen
    uint64_t window_legs
    uint16_t participant
    uint8_t kind
    uint8_t status
    uint32_t name_bytes
    uint8_t name[88]
    uint8_t unused[8]


cdef packed struct Window "onecard_window":
    uint64_t first
    uint64_t cut
    uint64_t record  # sequence of its first WindowRecord
    int64_t closed_at_us
    uint32_t window
    int32_t business_day


cdef packed struct PolicyRow "onecard_policy_row":  # of any kind; what another kind says is 0
    uint64_t record  # sequence of its record; arrays that are large stay in the journal
    int64_t effective_from_us
    uint32_t version
    uint32_t stations  # of OD_FARES, whose fares are in State.fares
    int32_t entry_min_fen
    uint32_t life_s  # of HOLDS: for how long a hold can be captured; 0 = for ever
    uint16_t network
    uint8_t policy  # Policy: what is decided by it
    uint8_t fundings  # of HOLDS: 1 << Funding of each that may hold
    uint8_t partial  # of HOLDS: 1 = captures may take a part each
    uint8_t unused[3]


# Whose a card was and what it drew on; or, where it has a status, a spell in which it was not ACTIVE.
cdef packed struct CardPast "onecard_card_past":
    int64_t until_us  # true of taps before it
    int64_t from_us  # of a spell: and of taps after it
    uint32_t account
    uint32_t next  # row of what was before this, 0 = nothing was
    uint16_t issuer
    uint8_t funding
    uint8_t status  # that a spell ended; 0 = this is what it drew on
    uint8_t unused[4]


cdef packed struct TerminalPast "onecard_terminal_past":  # whose a terminal was, and where
    int64_t until_us  # true of taps before it
    uint32_t next  # row of what was before this, 0 = nothing was
    uint32_t place
    uint16_t operator_id
    uint16_t network
    uint8_t status
    uint8_t mode
    uint8_t unused[2]


cdef packed struct Actor "onecard_actor":
    uint64_t record  # sequence of its newest ActorRecord
    int64_t from_us
    uint8_t secret[32]  # SHA-256 of what it signs in with
    uint32_t roles
    uint16_t actor
    uint16_t participant
    uint8_t status
    uint8_t four_eyes  # of row 0, which is nobody: what holds for all
    uint8_t name_bytes
    uint8_t name[64]
    uint8_t unused[5]


cdef packed struct Scene "onecard_scene":  # its row number is its code; what taps read comes first
    int64_t most_fen  # of one tap; 0 = what the ledger takes
    int64_t closed_us  # since when it is CLOSED; 0 = it is not
    uint16_t code  # 0: none of this code was loaded
    uint16_t payee
    uint16_t mcc
    uint16_t rated_by
    uint8_t status
    uint8_t purse_count
    uint8_t purses[8]
    uint8_t name_bytes
    uint8_t unused[13]
    uint64_t record  # sequence of its newest SceneRecord
    int64_t from_us
    uint8_t name[64]


cdef packed struct CalendarDay "onecard_calendar_day":  # its row number is 1 + its days since 2000-01-01
    uint64_t record  # sequence of its newest CalendarRecord
    int32_t day  # days since 1970-01-01
    uint8_t day_class  # DayClass; 0: none of this day was loaded
    uint8_t unused[3]


cdef packed struct OpenHold "onecard_open_hold":  # one that has an end; a row that is free is all 0
    uint64_t sequence  # of its entry
    int64_t expires_us  # from when on it can be captured no more
    uint64_t token
    int64_t amount_fen  # as it was held: what was captured of it since is its claim's


# The links of both follow from the other columns, and are made anew from them at a start: a page that
# is ahead of another would lead to rows that are another's (ext/state/lots.pyx).
cdef packed struct Purse "onecard_purse":  # of an account that had a lot
    uint32_t account
    uint32_t first  # row of the lot that ends first, 0 = it has none now


cdef packed struct Lot "onecard_lot":  # a row that is free is all 0
    uint64_t lot  # its number, for ever
    int64_t left_fen
    int64_t ends_us  # it pays for what is tapped before; 0 = it has no end
    uint32_t account
    uint32_t next  # row of the account's lot that ends next, 0 = none does
    uint32_t programme  # 0 = none said
    uint16_t sponsor  # nothing unused after it: two million are to stay below 0.1 GiB


# What was taken back of an entry or corrected, for ever. It is in no table of the state: see
# ext/identity/claims.pyx.
cdef packed struct Claim:
    uint64_t sequence  # of the original
    uint64_t taken_by  # the last entry that took something back of it, 0 = none that is known
    uint64_t corrected_by  # the last one that adjusted it, likewise
    int64_t used_fen
    int64_t adjusted_fen  # the sum of its adjustments, with their signs
    uint32_t closed
    uint32_t known  # a bit a half: whether what stands above, or none, is the last there was


cdef packed struct Totals:  # one row: what is not a table
    uint64_t last  # last sequence applied
    uint64_t credentials
    uint64_t accounts
    uint64_t terminals
    uint64_t participants
    uint64_t windows
    uint64_t policies
    uint64_t card_pasts
    uint64_t terminal_pasts
    uint64_t actors
    uint64_t scenes  # the highest code
    uint64_t calendar_days  # the row of the last day
    uint64_t open_holds  # the highest row that was ever used
    uint64_t purses
    uint64_t lots  # the highest row that was ever used
    uint64_t granted  # lots that there ever were: the highest number
    uint64_t travels
    uint64_t journeys  # the highest row that was ever used
    uint64_t window_first
    int64_t booked_at_us
    int64_t go_live_us
    int64_t age_max_us
    int64_t ahead_max_us
    int64_t amount_max_fen
    int64_t zone_offset_us
    uint32_t window  # the open one
    uint32_t unused


# Rows a page, by the size of the struct itself. The structs above have names in C for this alone:
# Cython takes no sizeof into a constant, and without a constant each tap would divide.
cdef extern from *:
    """
    #define ONECARD_PAGE_BYTES 65536
    #define ONECARD_ROWS(row) (ONECARD_PAGE_BYTES / sizeof(struct row))
    """
    enum:
        PAGE_BYTES "ONECARD_PAGE_BYTES"
        ACCOUNT_ROWS "ONECARD_ROWS(onecard_account)"
        CREDENTIAL_ROWS "ONECARD_ROWS(onecard_credential)"
        TERMINAL_ROWS "ONECARD_ROWS(onecard_terminal)"
        PARTICIPANT_ROWS "ONECARD_ROWS(onecard_participant)"
        WINDOW_ROWS "ONECARD_ROWS(onecard_window)"
        POLICY_ROWS "ONECARD_ROWS(onecard_policy_row)"
        CARD_PAST_ROWS "ONECARD_ROWS(onecard_card_past)"
        TERMINAL_PAST_ROWS "ONECARD_ROWS(onecard_terminal_past)"
        ACTOR_ROWS "ONECARD_ROWS(onecard_actor)"
        SCENE_ROWS "ONECARD_ROWS(onecard_scene)"
        CALENDAR_DAY_ROWS "ONECARD_ROWS(onecard_calendar_day)"
        OPEN_HOLD_ROWS "ONECARD_ROWS(onecard_open_hold)"
        PURSE_ROWS "ONECARD_ROWS(onecard_purse)"
        LOT_ROWS "ONECARD_ROWS(onecard_lot)"
        TRAVEL_ROWS "ONECARD_ROWS(onecard_travel)"
        JOURNEY_ROWS "ONECARD_ROWS(onecard_journey)"
