"""Counters and stage histograms as C arrays; core/watch/metrics.py copies them when it is scraped."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint64_t

import cython
import numpy as np

from onecard.ext.shape.check cimport check
from onecard.ext.shape.numbers cimport KINDS, Outcome

STAGES = ("decode", "judge", "commit", "reply")
# Upper bounds of the buckets, around the budgets of a batch; one more bucket is +Inf.
BOUNDS_NS = (
    10_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 25_000_000, 100_000_000, 500_000_000, 2_500_000_000, 10_000_000_000,
)
BUCKETS = len(BOUNDS_NS) + 1

cdef enum:
    BOUNDS = 14

cdef uint64_t[BOUNDS] BOUND_NS = BOUNDS_NS


@cython.final
cdef class Counters:
    """Items by kind and outcome, repeats by kind, and how long each stage took."""

    cdef void observe(self, int stage, uint64_t ns) noexcept nogil:
        cdef Histogram* histogram = &self.stages[stage]
        cdef int bucket = 0
        check(stage >= 0)
        check(stage <= Stage.REPLY)
        while bucket < BOUNDS and ns > BOUND_NS[bucket]:
            bucket += 1
        check(bucket <= BOUNDS)
        histogram.buckets[bucket] += 1
        histogram.sum_ns += ns
        histogram.count += 1

    def observe_ns(self, int stage, uint64_t ns):
        """Once a batch or a group, never per tap."""
        if not 0 <= stage < 4:
            raise ValueError(f"stage {stage}, expected 0 to 3: {', '.join(STAGES)}")
        self.observe(stage, ns)

    def add_items(self, uint8_t kind, uint8_t outcome, uint64_t count, bint repeated=False):
        """What count_item() does, `count` times: for acts that are not taps, and tests."""
        cdef int row = kind_row(kind)
        if repeated:
            self.repeats[row] += count
        else:
            self.items[row][outcome] += count

    @property
    def conflicts(self) -> int:
        """Items answered CONFLICT so far, of all kinds."""
        cdef uint64_t total = 0
        cdef int kind
        for kind in range(KINDS):
            total += self.items[kind][<int>Outcome.CONFLICT]
        return total

    def items_table(self):
        """A copy: uint64 [KINDS, 256 outcomes]."""
        return _copy(&self.items[0][0], KINDS * 256).reshape(KINDS, 256)

    def repeats_table(self):
        """A copy: uint64 [KINDS]."""
        return _copy(&self.repeats[0], KINDS)

    def stage(self, int stage):
        """(count of each bucket alone, sum in nanoseconds, count of all)."""
        if not 0 <= stage < 4:
            raise ValueError(f"stage {stage}, expected 0 to 3: {', '.join(STAGES)}")
        cdef Histogram histogram = self.stages[stage]
        return [histogram.buckets[i] for i in range(BOUNDS + 1)], histogram.sum_ns, histogram.count


cdef object _copy(const uint64_t* values, Py_ssize_t count):
    return np.frombuffer(PyBytes_FromStringAndSize(<const char*>values, 8 * count), "<u8").copy()
