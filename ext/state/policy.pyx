"""How the record of a policy becomes a row of the state, of whichever kind it is."""

from libc.stdint cimport uint64_t, uint32_t, uintptr_t
from libc.string cimport memset

from onecard.ext.shape.journal cimport Header, PolicyRecord, TariffRecord
from onecard.ext.shape.numbers cimport Policy
from onecard.ext.shape.tables cimport POLICY_ROWS, PolicyRow
from onecard.ext.state import hold_terms, tariff
from onecard.ext.state.state cimport State
from onecard.ext.state.table cimport POLICIES, is_full, touch

READERS = {  # what is made of the arrays of each kind of policy
    Policy.OD_FARES: tariff.of_arrays,
    Policy.HOLDS: hold_terms.of_arrays,
}


def tariffs(State state, uintptr_t at, uintptr_t head):
    """A tariff of before there were networks: it is of network 0."""
    cdef const Header* header = <const Header*>head
    cdef const TariffRecord* row = <const TariffRecord*>at
    cdef PolicyRecord record
    if header.count != 1 or header.legs or header.images or is_full(&state.tables[POLICIES]):
        return True
    memset(&record, 0, sizeof(record))
    record.sequence = row.sequence
    record.effective_from_us = row.effective_from_us
    record.version = row.version
    record.policy = Policy.OD_FARES
    blob = <bytes>(<const char*>(at + sizeof(TariffRecord)))[: header.blob_bytes]
    _policy(state, &record, _read(header, tariff.of_fares, blob, row.stations, row.entry_min_fen))
    return False


def policies(State state, uintptr_t at, uintptr_t head):
    cdef const Header* header = <const Header*>head
    cdef const PolicyRecord* row = <const PolicyRecord*>at
    if header.count != 1 or header.legs or header.images or is_full(&state.tables[POLICIES]):
        return True
    if row.version != state.total.policies + 1:
        raise ValueError(
            f"block {header.first}: version {row.version} of a policy after {state.total.policies}"
        )
    if row.policy not in READERS:
        raise ValueError(f"block {header.first}: unknown kind of policy {row.policy}")
    blob = <bytes>(<const char*>(at + sizeof(PolicyRecord)))[: header.blob_bytes]
    _policy(state, row, _read(header, READERS[row.policy], blob, row.arrays))
    return False


cdef object _read(const Header* header, read, blob, said, more=None):
    """What a blob holds; ValueError, naming the block, where it is not what the row says."""
    try:
        return read(blob, said) if more is None else read(blob, said, more)
    except ValueError as error:
        raise ValueError(f"block {header.first}: {error}") from None


cdef int _policy(State state, const PolicyRecord* record, said) except -1:
    """The next row of policies. It is the same whether its page is ahead of the record or not."""
    cdef uint64_t number = state.total.policies
    cdef PolicyRow* row = &state.policies[number]
    memset(row, 0, sizeof(PolicyRow))
    row.record = record.sequence
    row.effective_from_us = record.effective_from_us
    row.version = record.version
    row.network = record.network
    row.policy = record.policy
    if record.policy == Policy.OD_FARES:
        row.stations = said.stations
        row.entry_min_fen = said.entry_min_fen
    elif record.policy == Policy.HOLDS:
        row.life_s = said.life_s
        row.partial = said.partial
        row.fundings = said.bits
    touch(&state.tables[POLICIES], number // POLICY_ROWS)
    state.total.policies += 1
    state.in_force.add(record.policy, record.network, record.effective_from_us, <uint32_t>number)
    if record.policy == Policy.OD_FARES:
        state.load_fares(number, said.fares_fen)
    return 0
