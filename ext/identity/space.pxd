"""Keys of the index, and in which space each is: what there is room for, said once.

A page's key is three numbers of 32 bits. Of an identity they are terminal, epoch and terminal_seq, and
a terminal is far below 2^28. Of a sequence they are its space and the million it is of, 0, and which
of the million: so a million entries are one group of pages, as the identities of a terminal are.
"""

from libc.stdint cimport uint32_t, uint64_t

from onecard.ext.shape.check cimport check

cdef enum:
    GENERATIONS = 3  # in memory: one takes what is new, one is on its way to disk, one between
    SPACE_SHIFT = 28
    GROUP_BITS = 20


cdef packed struct Identity:
    uint32_t terminal
    uint32_t epoch
    uint32_t terminal_seq
    uint32_t unused
    uint64_t sequence


cdef inline void put_in_space(Identity* out, int space, uint64_t key, uint64_t value) noexcept nogil:
    """A sequence as a key of a space, and the entry it leads to."""
    check(space > 0)
    check(key >> GROUP_BITS < <uint64_t>1 << SPACE_SHIFT)  # 2^48 entries: thousands of years
    out.terminal = <uint32_t>space << SPACE_SHIFT | <uint32_t>(key >> GROUP_BITS)
    out.epoch = 0
    out.terminal_seq = <uint32_t>key & ((<uint32_t>1 << GROUP_BITS) - 1)
    out.unused = 0
    out.sequence = value


cdef inline bint moves(uint32_t terminal) noexcept nogil:
    """Returns True when a key of this space may come to lead to a later entry. An identity is bound
    once."""
    return terminal >> SPACE_SHIFT != 0
