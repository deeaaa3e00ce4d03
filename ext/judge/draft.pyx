"""The next block of entries while it is being judged: one buffer, header space in front."""

cimport cython
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport AfterImage, Entry, Header, Leg
from onecard.ext.shape.memory cimport address, reserve
from onecard.ext.shape.numbers cimport IMAGES_MAX, LEGS_MAX


@cython.final
cdef class EntryDraft:
    """Room for `taps_max` entries, their legs and their images; used again and again."""

    def __cinit__(self, uint32_t taps_max):
        size = sizeof(Header) + taps_max * (
            sizeof(Entry) + LEGS_MAX * sizeof(Leg) + IMAGES_MAX * sizeof(AfterImage)
        )
        self.taps_max = taps_max
        self.memory = [
            reserve(size),
            reserve(taps_max * LEGS_MAX * sizeof(Leg)),
            reserve(taps_max * IMAGES_MAX * sizeof(AfterImage)),
        ]
        self.value = address(self.memory[0])
        self.rows = <Entry*>(self.value + sizeof(Header))
        self.legs = <Leg*>address(self.memory[1])
        self.images = <AfterImage*>address(self.memory[2])

    def reset(self, uint64_t first) -> None:
        """Start over; the first entry gets this sequence."""
        self.first = first
        self.count = 0
        self.leg_count = 0
        self.image_count = 0

    def finish(self):
        """The block as one buffer: empty header, rows, legs, images; valid until `reset`."""
        cdef size_t end = sizeof(Header) + self.count * sizeof(Entry)
        check(self.count <= self.taps_max)
        check(self.leg_count <= <uint64_t>self.taps_max * LEGS_MAX)
        check(self.image_count <= <uint64_t>self.taps_max * IMAGES_MAX)
        memcpy(self.value + end, self.legs, self.leg_count * sizeof(Leg))
        end += self.leg_count * sizeof(Leg)
        memcpy(self.value + end, self.images, self.image_count * sizeof(AfterImage))
        end += self.image_count * sizeof(AfterImage)
        check(end <= <size_t>len(self.memory[0]))
        return memoryview(self.memory[0])[:end]
