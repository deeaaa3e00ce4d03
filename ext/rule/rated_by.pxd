"""Whose tariffs rate an ENTRY or EXIT: those of the network that its scene names, or of its terminal's."""

from libc.stdint cimport uint16_t

from onecard.ext.rule.tap cimport Tap
from onecard.ext.shape.check cimport check
from onecard.ext.state.state cimport State
from onecard.ext.state.table cimport SCENES


cdef inline uint16_t rated_by(State state, const Tap* tap) noexcept nogil:
    """The network that rates a journey's end."""
    if tap.scene == 0 or tap.scene > state.total.scenes:
        return tap.network
    check(tap.scene < state.tables[SCENES].rows_max)
    return state.scenes[tap.scene].rated_by or tap.network
