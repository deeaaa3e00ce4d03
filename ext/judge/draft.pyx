"""The next block of entries while it is being judged: one buffer, header space in front."""

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from onecard.ext.shape.check cimport check
from onecard.ext.shape.journal cimport (
    AfterImage,
    ChipPart,
    EntryRow,
    GrantPart,
    Header,
    Leg,
    SpanPart,
    RatingPart,
    ReferencePart,
    WidePart,
)
from onecard.ext.shape.memory cimport address, reserve
from onecard.ext.shape.numbers cimport IMAGES_MAX, LEGS_MAX, PARTS_MAX, REFERENCES_MAX, Part

BYTES_A_TAP = (  # of a block, at most
    sizeof(EntryRow) + REFERENCES_MAX * sizeof(ReferencePart) + sizeof(RatingPart)
    + sizeof(ChipPart) + sizeof(WidePart) + sizeof(SpanPart) + sizeof(GrantPart)
    + LEGS_MAX * sizeof(Leg) + IMAGES_MAX * sizeof(AfterImage)
)


@cython.final
cdef class EntryDraft:
    """Room for `taps_max` entries, their parts, legs and images; used again and again."""

    def __cinit__(self, uint32_t taps_max):
        self.taps_max = taps_max
        self.memory = [
            reserve(size) for size in (
                sizeof(Header) + taps_max * <uint64_t>BYTES_A_TAP,
                taps_max * REFERENCES_MAX * sizeof(ReferencePart),
                taps_max * sizeof(RatingPart),
                taps_max * sizeof(ChipPart),
                taps_max * sizeof(WidePart),
                taps_max * sizeof(SpanPart),
                taps_max * sizeof(GrantPart),
                taps_max * LEGS_MAX * sizeof(Leg),
                taps_max * IMAGES_MAX * sizeof(AfterImage),
            )
        ]
        self.value = address(self.memory[0])
        self.rows = <EntryRow*>(self.value + sizeof(Header))
        self.parts.references = <ReferencePart*>address(self.memory[1])
        self.parts.ratings = <RatingPart*>address(self.memory[2])
        self.parts.chips = <ChipPart*>address(self.memory[3])
        self.parts.wides = <WidePart*>address(self.memory[4])
        self.parts.spans = <SpanPart*>address(self.memory[5])
        self.parts.grants = <GrantPart*>address(self.memory[6])
        self.legs = <Leg*>address(self.memory[7])
        self.images = <AfterImage*>address(self.memory[8])

    def reset(self, uint64_t first) -> None:
        """Start over; the first entry gets this sequence."""
        self.first = first
        self.count = 0
        self.leg_count = 0
        self.image_count = 0
        memset(self.parts.counts, 0, sizeof(self.parts.counts))

    @property
    def part_counts(self):
        """Rows of each part, in the order of Part."""
        return [self.parts.counts[part] for part in range(PARTS_MAX)]

    def finish(self):
        """The block as one buffer: empty header, rows, parts, legs, images; valid until `reset`."""
        cdef uint8_t* end = self.value + sizeof(Header) + self.count * sizeof(EntryRow)
        cdef uint32_t* counts = self.parts.counts
        check(self.count <= self.taps_max)
        check(self.leg_count <= <uint64_t>self.taps_max * LEGS_MAX)
        check(self.image_count <= <uint64_t>self.taps_max * IMAGES_MAX)
        end = put(
            end, self.parts.references, counts[<int>Part.REFERENCES] * sizeof(ReferencePart)
        )
        end = put(end, self.parts.ratings, counts[<int>Part.RATINGS] * sizeof(RatingPart))
        end = put(end, self.parts.chips, counts[<int>Part.CHIPS] * sizeof(ChipPart))
        end = put(end, self.parts.wides, counts[<int>Part.WIDES] * sizeof(WidePart))
        end = put(end, self.parts.spans, counts[<int>Part.SPANS] * sizeof(SpanPart))
        end = put(end, self.parts.grants, counts[<int>Part.GRANTS] * sizeof(GrantPart))
        end = put(end, self.legs, self.leg_count * sizeof(Leg))
        end = put(end, self.images, self.image_count * sizeof(AfterImage))
        check(end <= self.value + <size_t>len(self.memory[0]))
        return memoryview(self.memory[0])[: end - self.value]


cdef inline uint8_t* put(uint8_t* to, const void* rows, size_t size) noexcept nogil:
    """Copy an array behind what stands there already; where the next begins."""
    memcpy(to, rows, size)
    return to + size
