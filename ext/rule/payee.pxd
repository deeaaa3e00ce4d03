"""Who earns of a tap: the payee of its scene, or else the terminal's operator."""

from libc.stdint cimport uint16_t, uint32_t

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport Entry, Leg
from onecard.ext.shape.numbers cimport OwnerKind
from onecard.ext.state.state cimport State
from onecard.ext.state.table cimport SCENES


cdef inline uint16_t payee_at(State state, uint32_t scene, uint16_t operator_id) noexcept nogil:
    """Who earns at a scene of what a terminal of this operator takes."""
    if scene == 0 or scene > state.total.scenes:
        return operator_id
    check(scene < state.tables[SCENES].rows_max)
    return state.scenes[scene].payee or operator_id


cdef inline uint16_t payee_of(
    State state, const Entry* original, const Leg* legs
) noexcept nogil:
    """Whom a charge paid, as its legs say; of one that moved nothing, whom it would have paid."""
    cdef int i
    for i in range(original.legs):
        if legs[i].owner_kind == OwnerKind.PAYABLE:
            return legs[i].party
    return payee_at(state, original.scene, original.operator_id)
