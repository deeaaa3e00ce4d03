"""Sums of fen that say when they do not fit."""

from libc.stdint cimport int64_t


cdef extern from *:
    """
    static inline int onecard_add(long long a, long long b, int64_t *out) {
        long long sum; int over = __builtin_add_overflow(a, b, &sum); *out = sum; return over;
    }
    static inline int onecard_sub(long long a, long long b, int64_t *out) {
        long long rest; int over = __builtin_sub_overflow(a, b, &rest); *out = rest; return over;
    }
    """
    bint add_overflows "onecard_add"(int64_t a, int64_t b, int64_t *sum_fen) noexcept nogil
    bint sub_overflows "onecard_sub"(int64_t a, int64_t b, int64_t *rest_fen) noexcept nogil
