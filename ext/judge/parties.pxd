"""Whose terminal and which account a tap refers to: as it was when it was tapped. Inlined, for every
tap comes by.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from onecard.ext.rule.original cimport is_target
from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry
from onecard.ext.shape.kinds cimport ABOUT_IDENTITY, rule_of
from onecard.ext.shape.numbers cimport Funding, Outcome, Status
from onecard.ext.shape.tables cimport CardPast, Credential, Terminal, TerminalPast
from onecard.ext.state.state cimport State, card_past, terminal_past
from onecard.ext.state.table cimport TERMINALS


cdef inline uint8_t at_terminal(State state, Tap* tap, uint32_t principal) noexcept nogil:
    """Rules 10 and 11: 0, or why the row is not taken. Fills whose the terminal was at the tap's time,
    its status, network and mode, and the place.
    """
    cdef const Terminal* terminal
    cdef const TerminalPast* past = NULL
    if tap.terminal == 0 or tap.terminal > state.total.terminals:
        return Outcome.TERMINAL_UNKNOWN
    check(tap.terminal < state.tables[TERMINALS].rows_max)
    terminal = &state.terminals[tap.terminal]
    if terminal.past != 0:
        past = terminal_past(state, terminal.past, tap.at_us)
    tap.operator_id = terminal.operator_id if past is NULL else past.operator_id
    tap.terminal_status = terminal.status if past is NULL else past.status
    tap.network = terminal.network if past is NULL else past.network
    tap.mode = terminal.mode if past is NULL else past.mode
    if tap.place == 0:
        tap.place = terminal.place if past is NULL else past.place
    if principal != 0 and (
        tap.operator_id != principal or tap.terminal_status == Status.INTERNAL
    ):
        return Outcome.TERMINAL_FOREIGN
    return 0


cdef inline bint had(State state, uint32_t terminal, uint32_t principal) noexcept nogil:
    """Returns True when a terminal is or was the participant's: only then can there be an answer on
    record that is for it, so that a stranger's rows cost no look-up. Of a virtual one, which is
    INTERNAL always or never, there is none: what is booked at it is no participant's tap.
    """
    cdef uint32_t row = state.terminals[terminal].past
    if state.terminals[terminal].status == Status.INTERNAL:
        return False
    if row != 0 and state.terminals[terminal].operator_id == principal:
        return True
    while row != 0:
        check(row <= state.total.terminal_pasts)
        if state.terminal_pasts[row].operator_id == principal:
            return True
        row = state.terminal_pasts[row].next
    return False


cdef inline void of_card(State state, Tap* tap, int64_t card) noexcept nogil:
    """What the card drew on at the tap's time, and who answers for it."""
    cdef const Credential* credential
    cdef const CardPast* past = NULL
    tap.card = card
    tap.owns = 0
    if card < 0:
        tap.account = NULL
        tap.account_id = 0
        tap.issuer = 0
        tap.funding = 0
        return
    credential = &state.credentials[card]
    if credential.past != 0:
        past = card_past(state, credential.past, tap.at_us)
    tap.account_id = credential.account if past is NULL else past.account
    tap.issuer = credential.issuer if past is NULL else past.issuer
    tap.funding = credential.funding if past is NULL else past.funding
    check(tap.account_id != 0)
    check(tap.account_id <= state.total.accounts)
    tap.account = &state.accounts[tap.account_id]
    if tap.funding == Funding.PREPAID:
        tap.issuer = tap.account.issuer


cdef inline void of_original(State state, Tap* tap, const Entry* original) noexcept nogil:
    """What gives back, finishes or corrects an entry of this card or its account moves that entry's
    account, whatever the card draws on by now.
    """
    if rule_of(tap.kind).about == ABOUT_IDENTITY and not is_target(tap, original):
        return
    if original.token != tap.token and (
        original.account == 0 or original.account != tap.account_id
    ):
        return
    tap.owns = 1
    if original.account == 0 or tap.card < 0:
        return
    check(original.account <= state.total.accounts)
    tap.account_id = original.account
    tap.account = &state.accounts[original.account]
    tap.issuer = original.issuer
    tap.funding = original.funding
