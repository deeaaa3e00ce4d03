"""The state tables: flat arrays that are a pure function of the journal.

An entry changes them by `post` (its legs, all or none), `settle` (what else it moves) and
`image` (its images), whether it is being judged or replayed: there is one way in. A row whose
page was saved after a record leaves that record alone (`as_of`); outside a replay `as_of` is 0.
"""

import hashlib

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset

import numpy as np

from onecard.ext.shape import dtypes
from onecard.ext.shape.check cimport check
from onecard.ext.shape.fen cimport add_overflows, sub_overflows
from onecard.ext.shape.journal cimport AfterImage, Entry, Leg
from onecard.ext.shape.memory cimport address, reserve
from onecard.ext.shape.numbers cimport OWNER_KINDS, Effect, Image, OwnerKind, Purse
from onecard.ext.shape.tables cimport (
    ACCOUNT_ROWS,
    CREDENTIAL_ROWS,
    OPEN_HOLD_ROWS,
    PAGE_BYTES,
    PARTICIPANT_ROWS,
    TERMINAL_ROWS,
    Account,
    CardPast,
    Credential,
    OpenHold,
    Participant,
    PolicyRow,
    Scene,
    Terminal,
    TerminalPast,
    Totals,
    Window,
)
from onecard.ext.state import table as tables
from onecard.ext.state.holds cimport Holds
from onecard.ext.state.travels cimport Travels
from onecard.ext.state.index cimport Index
from onecard.ext.state.lots cimport Lots
from onecard.ext.state.policies cimport Policies
from onecard.ext.state.table cimport (
    ACCOUNTS,
    ACTORS,
    CARD_PASTS,
    CREDENTIALS,
    OPEN_HOLDS,
    LOTS,
    PARTICIPANTS,
    POLICIES,
    POLICIES_MAX,
    SCENES,
    TABLE_COUNT,
    TERMINAL_PASTS,
    TERMINALS,
    WINDOWS,
    Table,
    is_full,
    is_newer,
    touch,
)


@cython.final
cdef class State:
    """All tables of one ledger; one thread changes them."""

    def __cinit__(
        self,
        uint64_t cards_max=1 << 24,
        uint64_t terminals_max=1 << 20,
        uint64_t holds_max=1 << 20,
        uint64_t lots_max=1 << 21,
    ):
        settings = {
            "cards": cards_max, "terminals": terminals_max, "holds": holds_max, "lots": lots_max,
        }
        self.cards_max = cards_max
        self.terminals_max = terminals_max
        self.holds_max = holds_max
        self.lots_max = lots_max
        self.numbers = {name: number for number, name in enumerate(tables.TABLES)}
        self.arrays = []
        self.lookups = []
        self.kept = [reserve(sizeof(Totals))]
        self.totals = np.frombuffer(self.kept[0], dtypes.TOTALS, 1)
        self.total = <Totals*>address(self.kept[0])
        for shape in tables.SHAPES:
            named = shape.room in settings
            self._lay(shape, shape.rows_for(settings[shape.room]) if named else shape.room)
        self.participants = <Participant*>self.tables[PARTICIPANTS].rows
        self.terminals = <Terminal*>self.tables[TERMINALS].rows
        self.accounts = <Account*>self.tables[ACCOUNTS].rows
        self.credentials = <Credential*>self.tables[CREDENTIALS].rows
        self.windows = <Window*>self.tables[WINDOWS].rows
        self.policies = <PolicyRow*>self.tables[POLICIES].rows
        fares = reserve(POLICIES_MAX * sizeof(Fares))
        self.fares = <Fares*>address(fares)
        self.kept.append(fares)
        self.in_force = Policies(POLICIES_MAX)
        self.card_pasts = <CardPast*>self.tables[CARD_PASTS].rows
        self.terminal_pasts = <TerminalPast*>self.tables[TERMINAL_PASTS].rows
        self.scenes = <Scene*>self.tables[SCENES].rows
        self.open_holds = <OpenHold*>self.tables[OPEN_HOLDS].rows
        self.holds = Holds(<uintptr_t>self.open_holds, self.tables[OPEN_HOLDS].rows_max)
        self.lots = Lots(<uintptr_t>&self.tables[0], <uintptr_t>self.total, self.lookups[LOTS])
        self.travels = Travels(<uintptr_t>&self.tables[0], <uintptr_t>self.total)
        self.by_name = self.lookups[PARTICIPANTS]
        self.by_number = self.lookups[TERMINALS]
        self.by_actor = self.lookups[ACTORS]
        self.by_token = self.lookups[CREDENTIALS]
        self.total.window = 1
        self.total.window_first = 1

    cdef int _lay(self, shape, uint64_t room) except -1:
        """Lay out a table of SHAPES with `room` rows besides those that are nobody."""
        cdef Table* table = &self.tables[<int>shape.number]
        table.first = shape.first
        table.row_bytes = shape.dtype.itemsize
        table.rows_max = table.first + room
        table.rows_a_page = <uint64_t>PAGE_BYTES // table.row_bytes
        table.pages = table.rows_max // table.rows_a_page + 1
        memory = reserve(table.rows_max * table.row_bytes)
        rows = np.frombuffer(memory, shape.dtype, table.rows_max)
        dirty = np.zeros(table.pages, np.uint8)
        as_of = np.zeros(table.pages, np.uint64)
        table.rows = address(memory)
        table.dirty = <uint8_t*><uintptr_t>dirty.ctypes.data
        table.as_of = <uint64_t*><uintptr_t>as_of.ctypes.data
        table.used = <uint64_t*>(<uint8_t*>self.total + <size_t>dtypes.TOTALS.fields[shape.name][1])
        self.kept.append(memory)
        self.arrays.append((rows, dirty, as_of))
        if shape.key is None:
            self.lookups.append(None)
        elif shape.dtype[shape.key].kind == "S":
            self.lookups.append({})
        else:
            self.lookups.append(Index(<uintptr_t>table.rows, table.row_bytes, table.rows_max))
        return 0

    # ---- looking in -------------------------------------------------------------------------

    def table(self, name):
        """All rows there is room for, live."""
        return self.arrays[self.numbers[name]][0]

    def rows(self, name):
        """The rows in use, live; where SHAPES begins a table at row 1, row 0 is nobody."""
        return self.table(name)[: self.count(name)]

    def count(self, name) -> int:
        """Rows in use, row 0 of those tables among them."""
        cdef Table* table = &self.tables[<int>self.numbers[name]]
        return table.first + table.used[0]

    def dirty(self, name):
        """A byte a page of PAGE_BYTES // itemsize rows, set whenever a row of it changes."""
        return self.arrays[self.numbers[name]][1]

    def as_of(self, name):
        """A sequence a page: `apply` leaves rows of records up to it alone."""
        return self.arrays[self.numbers[name]][2]

    def credential(self, uint64_t token):
        """The credential's row number, or -1."""
        return self.by_token.find(token)

    def credentials_of(self, tokens):
        """The credential's row of each token (uint64), -1 where there is none; int64."""
        cdef const uint64_t[::1] keys = np.ascontiguousarray(tokens, np.uint64)
        cdef Py_ssize_t i
        found = np.empty(keys.shape[0], np.int64)
        cdef int64_t[::1] rows = found
        with nogil:
            for i in range(keys.shape[0]):
                rows[i] = self.by_token.find(keys[i])
        return found

    def digest(self) -> bytes:
        """SHA-256 of all rows in use, as docs/ledger.md orders them. On the thread that changes them."""
        self.lots.free_row()  # their links are in it
        total = hashlib.sha256()
        for name in tables.TABLES:
            rows = self.rows(name)
            total.update(len(rows).to_bytes(8, "little"))
            total.update(rows.view(np.uint8).data)
        total.update(self.totals.tobytes())
        return total.digest()

    # ---- after rows were loaded -------------------------------------------------------------

    def reindex(self) -> None:
        """Rebuild the look-up tables from the rows in use."""
        self.in_force.rebuild(self.rows("policies"))
        self.holds.forget()
        self.lots.forget()
        self.travels.forget()
        for shape in tables.SHAPES:
            lookup = self.lookups[shape.number]
            if lookup is not None:
                lookup.clear()
            if type(lookup) is Index:
                self._index(<int>shape.number, lookup)
            elif lookup is not None:
                rows = self.rows(shape.name)[shape.first :]
                # A number that was never given leaves a row of zeros, which no key leads to.
                keys = rows[shape.key].tolist()
                given = rows.view(np.uint8).reshape(len(rows), shape.dtype.itemsize).any(axis=1).tolist()
                for row, (key, is_given) in enumerate(zip(keys, given), shape.first):
                    if is_given:
                        lookup[key] = row

    cdef int _index(self, int number, Index index) except -1:
        """Every row in use of a table, by the key at its start."""
        cdef const Table* table = &self.tables[number]
        cdef uint64_t row
        cdef uint64_t key = 0
        with nogil:
            for row in range(table.first, table.first + table.used[0]):
                memcpy(&key, table.rows + row * table.row_bytes, sizeof(key))
                if key != 0:  # a row of a pool that is free, else
                    index.insert(key, <uint32_t>row)
        return 0

    def load_fares(self, uint64_t row, fares_fen) -> None:
        """Give tariff `row` its fares: stations * stations int32, row = from."""
        fares = np.ascontiguousarray(fares_fen, np.int32).reshape(-1)
        stations = int(self.table("policies")[row]["stations"])
        if len(fares) != stations * stations:
            raise ValueError(f"{stations} stations need {stations**2} fares, found {len(fares)}")
        self.kept.append(fares)
        self.fares[row].fen = <const int32_t*><uintptr_t>fares.ctypes.data
        self.fares[row].stations = stations

    def fares_of(self, uint64_t row):
        """A copy of tariff `row`'s fares: stations * stations int32; empty before `load_fares`."""
        cdef Py_ssize_t size = <Py_ssize_t>self.fares[row].stations * self.fares[row].stations
        if size == 0:
            return np.empty(0, np.int32)
        return np.asarray(<const int32_t[:size]>self.fares[row].fen).copy()

    def has_fares(self, uint64_t row) -> bool:
        """Returns True when `load_fares` was called for it."""
        return self.fares[row].fen is not NULL

    def policy_in_force(self, uint16_t policy, uint16_t network, int64_t at_us) -> int:
        """The row of the policy of a kind (Policy) that is in force in a network at a time, -1 where
        there is none."""
        return self.policy_at(policy, network, at_us)

    def gather_holds(self) -> None:
        """Learn the order of open holds from their rows, once a replay is through; on the thread that
        changes the state."""
        self.free_hold()

    def holds_open(self) -> int:
        """How many holds that have an end are open, as of `gather_holds` and what came since."""
        return self.holds.open

    def holds_due(self, int64_t at_us, Py_ssize_t most):
        """OPEN_HOLD rows (copies) of open holds whose `expires_us` is `at_us` or before, the first to
        end first, of several at once the oldest; at most so many. On the thread that changes the
        state; its work is of those it gives, not of those that are open."""
        self.free_hold()
        return self.table("open_holds")[self.holds.due(at_us, most)]

    def lots_of(self, uint32_t account):
        """LOT rows (copies) of an account, in the order in which they are spent. On the thread that
        changes the state, the first time after rows were loaded."""
        return self.table("lots")[self.lots.rows_of(account)]

    # ---- posting ----------------------------------------------------------------------------

    cdef bint post(self, const Leg* legs, int count, uint64_t sequence) noexcept nogil:
        """Post all legs of an entry. Returns True when a sum does not fit: none is posted then."""
        cdef int i, back
        for i in range(count):
            if self.post_leg(&legs[i], 1, sequence):
                for back in range(i):
                    self.post_leg(&legs[back], -1, sequence)
                return True
        return False

    cdef bint post_leg(self, const Leg* leg, int64_t sign, uint64_t sequence) noexcept nogil:
        """Post one leg, or take it back with sign -1. Returns True when it does not fit.

        Taking back restores a state that did fit, so it cannot fail.
        """
        cdef int64_t amount = leg.amount_fen * sign
        cdef Participant* party = &self.participants[leg.party]
        cdef int64_t balance = 0
        cdef int64_t turnover = 0
        cdef uint64_t page = leg.party // PARTICIPANT_ROWS
        cdef bint counts = is_newer(&self.tables[PARTICIPANTS], page, sequence)
        check(leg.party < self.tables[PARTICIPANTS].rows_max)
        check(leg.owner_kind < OWNER_KINDS)
        check(leg.amount_fen != 0)
        # A page that is ahead of the record holds sums this amount is in already.
        if counts:
            if add_overflows(party.balance_fen[leg.owner_kind], amount, &balance):
                return True
            if leg.amount_fen > 0:
                if add_overflows(party.window_in_fen, amount, &turnover):
                    return True
            elif sub_overflows(party.window_out_fen, amount, &turnover):
                return True
        if leg.owner_kind == OwnerKind.ACCOUNT:
            if self.post_account(leg, amount, sequence):
                return True
        elif leg.owner_kind == OwnerKind.LOT and self.lots.post(leg, amount, sequence):
            return True
        if counts:
            party.balance_fen[leg.owner_kind] = balance
            if leg.amount_fen > 0:
                party.window_in_fen = turnover
            else:
                party.window_out_fen = turnover
            party.window_legs += <uint64_t>sign
            touch(&self.tables[PARTICIPANTS], page)
        return False

    cdef bint post_account(self, const Leg* leg, int64_t amount, uint64_t sequence) noexcept nogil:
        """The account's side of a leg. Returns True when it does not fit."""
        cdef Account* account = &self.accounts[leg.owner]
        cdef uint64_t page = leg.owner // ACCOUNT_ROWS
        cdef int64_t posted = 0
        cdef int64_t available = 0
        cdef int64_t held = account.held_fen
        check(leg.owner < self.tables[ACCOUNTS].rows_max)
        if not is_newer(&self.tables[ACCOUNTS], page, sequence):
            return False
        if add_overflows(account.posted_fen, amount, &posted):
            return True
        if leg.purse == Purse.HELD and add_overflows(account.held_fen, amount, &held):
            return True
        if sub_overflows(posted, held, &available):
            return True
        account.posted_fen = posted
        account.held_fen = held
        touch(&self.tables[ACCOUNTS], page)
        return False

    cdef void settle(self, const Entry* entry, int64_t card) noexcept nogil:
        """What an entry changes besides its legs; `card` is its credential's row or -1."""
        cdef Account* account
        cdef uint64_t page = entry.account // ACCOUNT_ROWS
        check(entry.account < self.tables[ACCOUNTS].rows_max)
        check(entry.terminal < self.tables[TERMINALS].rows_max)
        check(card < <int64_t>self.tables[CREDENTIALS].rows_max)
        if entry.account != 0 and is_newer(&self.tables[ACCOUNTS], page, entry.sequence):
            account = &self.accounts[entry.account]
            account.last = entry.sequence
            account.entries += 1
            touch(&self.tables[ACCOUNTS], page)
        if entry.effects & (Effect.JOURNEY_OPENED | Effect.JOURNEY_CLOSED) and entry.account != 0:
            self.travels.settle(
                entry,
                self.network_of(entry.tariff) if entry.effects & Effect.JOURNEY_OPENED else 0,
            )
        if card >= 0 and entry.effects & (Effect.DENIED | Effect.UNDENIED):
            page = <uint64_t>card // CREDENTIAL_ROWS
            if is_newer(&self.tables[CREDENTIALS], page, entry.sequence):
                self.credentials[card].denied = 1 if entry.effects & Effect.DENIED else 0
                self.credentials[card].deny_version = entry.sequence
                touch(&self.tables[CREDENTIALS], page)
        page = entry.terminal // TERMINAL_ROWS
        if is_newer(&self.tables[TERMINALS], page, entry.sequence):
            self.terminals[entry.terminal].taken += 1
        self.see(
            entry.terminal,
            (<uint64_t>entry.epoch << 32) | entry.terminal_seq,
            entry.sequence,
        )

    cdef void image(self, const AfterImage* change, const Entry* entry) noexcept nogil:
        """An after-image of an entry: a tombstoned identity, the row of a hold, a lot or a journey. What was
        taken back of another is in no table (ext/identity/claims.pyx)."""
        if change.what == Image.VOIDED_IDENTITY:
            self.see(entry.terminal, change.key, entry.sequence)
        elif change.what == Image.HOLD_OPENED:
            self.open_hold(change, entry)
        elif change.what == Image.HOLD_CLOSED:
            self.close_hold(change, entry)
        elif change.what == Image.LOT_OPENED:
            self.lots.open(change, entry)
        elif change.what == Image.LOT_SPENT:
            self.lots.end(change, entry)
        elif change.what == Image.JOURNEY_PLACED:
            self.travels.open(change, entry, self.network_of(entry.tariff))
        elif change.what == Image.JOURNEY_LEFT:
            self.travels.end(change, entry)

    cdef void open_hold(self, const AfterImage* change, const Entry* entry) noexcept nogil:
        """A hold takes the row that its entry says."""
        cdef OpenHold* row = &self.open_holds[change.key]
        cdef uint64_t page = change.key // OPEN_HOLD_ROWS
        check(change.key > 0)
        check(change.key < self.tables[OPEN_HOLDS].rows_max)
        self.total.open_holds = max(self.total.open_holds, change.key)
        if is_newer(&self.tables[OPEN_HOLDS], page, entry.sequence):
            row.sequence = entry.sequence
            row.expires_us = change.value
            row.token = entry.token
            row.amount_fen = entry.amount_fen
            touch(&self.tables[OPEN_HOLDS], page)
            self.holds.opened(<uint32_t>change.key)

    cdef void close_hold(self, const AfterImage* change, const Entry* entry) noexcept nogil:
        """The row of a hold is free again."""
        cdef uint64_t page = change.key // OPEN_HOLD_ROWS
        check(change.key > 0)
        check(change.key < self.tables[OPEN_HOLDS].rows_max)
        if is_newer(&self.tables[OPEN_HOLDS], page, entry.sequence):
            self.holds.closed(<uint32_t>change.key)
            memset(&self.open_holds[change.key], 0, sizeof(OpenHold))
            touch(&self.tables[OPEN_HOLDS], page)

    cdef bint fits(self, const AfterImage* change, const Entry* entry) noexcept nogil:
        """Returns True when an image leads to a row that there is, and that is free or the hold's own
        as the image says; of a page that is ahead of the entry, the row may be anybody's."""
        cdef const Table* table = &self.tables[OPEN_HOLDS]
        if change.what == Image.JOURNEY_PLACED or change.what == Image.JOURNEY_LEFT:
            return self.travels.fits(change, entry)
        if change.what != Image.HOLD_OPENED and change.what != Image.HOLD_CLOSED:
            return self.lots.fits(change, entry)
        if change.key == 0 or change.key >= table.rows_max:
            return False
        if change.what == Image.HOLD_CLOSED and <uint64_t>change.value != entry.about:
            return False
        if not is_newer(table, change.key // OPEN_HOLD_ROWS, entry.sequence):
            return True
        if change.what == Image.HOLD_OPENED:
            return self.open_holds[change.key].sequence == 0
        return self.open_holds[change.key].sequence == <uint64_t>change.value

    cdef uint32_t free_hold(self) noexcept nogil:
        """The lowest row of open_holds that is free, 0 where none is."""
        if not self.holds.known:
            self.holds.gather(self.total.open_holds)
        return self.holds.free_row()

    cdef uint32_t row_of_hold(self, uint64_t sequence) noexcept nogil:
        """The row of an open hold that has an end, 0 where it has none or is closed."""
        cdef int64_t row
        if not self.holds.known:
            self.holds.gather(self.total.open_holds)
        row = self.holds.by_sequence.find(sequence)
        return 0 if row < 0 else <uint32_t>row

    cdef int64_t policy_at(self, uint16_t policy, uint16_t network, int64_t at_us) noexcept nogil:
        """The row of the policy of a kind in force in a network at a time, -1 where there is none."""
        return self.in_force.find(policy, network, at_us)

    cdef uint16_t network_of(self, uint32_t version) noexcept nogil:
        """The network of a policy, by its version; 0 where that is none. It never changes, so that a
        replay finds it whatever page is ahead of it, as it would not of a terminal."""
        if version == 0:
            return 0
        check(version <= self.total.policies)
        return self.policies[version - 1].network

    cdef void see(self, uint32_t terminal, uint64_t key, uint64_t sequence) noexcept nogil:
        """A key was bound on this terminal."""
        cdef uint64_t page = terminal // TERMINAL_ROWS
        check(terminal < self.tables[TERMINALS].rows_max)
        if is_newer(&self.tables[TERMINALS], page, sequence):
            if key > self.terminals[terminal].seen:
                self.terminals[terminal].seen = key
            touch(&self.tables[TERMINALS], page)
