"""The digests of many bodies at once, each as body.pxd has it of one.

Each step of SipHash waits for the one before, so a body by itself leaves most of a core idle. Here
LANES of them go side by side, a lane a body: plain C that the compiler makes vectors of, compiled
for several widths, of which the processor's own is taken when it runs.
"""

from libc.stdint cimport uint64_t

from onecard.ext.judge.body cimport WORDS_MAX, BodyKey, siphash, words_of
from onecard.ext.shape.check cimport check
from onecard.ext.wire.batch cimport Columns

ctypedef void (*Way)(
    uint64_t low, uint64_t high, const uint64_t* words, const uint64_t* counts,
    uint64_t least, uint64_t most, uint64_t* digests,
) noexcept nogil


cdef extern from *:
    """
    #define ONECARD_LANES 16  /* four words of state of each: the 16 registers that AVX2 has, twice over */
    #define ONECARD_EACH for (int i = 0; i < ONECARD_LANES; i++)
    #define ONECARD_LEFT(word, bits) ((word) << (bits) | (word) >> (64 - (bits)))
    #define ONECARD_ROUND ONECARD_EACH { \\
        a[i] += b[i]; \\
        c[i] += d[i]; \\
        b[i] = ONECARD_LEFT(b[i], 13) ^ a[i]; \\
        d[i] = ONECARD_LEFT(d[i], 16) ^ c[i]; \\
        a[i] = ONECARD_LEFT(a[i], 32); \\
        c[i] += b[i]; \\
        a[i] += d[i]; \\
        b[i] = ONECARD_LEFT(b[i], 17) ^ c[i]; \\
        d[i] = ONECARD_LEFT(d[i], 21) ^ a[i]; \\
        c[i] = ONECARD_LEFT(c[i], 32); \\
    }

    /* words[at * ONECARD_LANES + lane]; the last word of a lane, at counts[lane], says how long its body is. Lanes that
       are done go on with the others, and what they had is put back. */
    static inline __attribute__((always_inline)) void onecard_lanes(
        uint64_t low, uint64_t high, const uint64_t *words, const uint64_t *counts,
        uint64_t least, uint64_t most, uint64_t *digests
    ) {
        uint64_t a[ONECARD_LANES], b[ONECARD_LANES], c[ONECARD_LANES], d[ONECARD_LANES];
        uint64_t at;
        ONECARD_EACH {
            a[i] = low ^ 0x736F6D6570736575u;
            b[i] = high ^ 0x646F72616E646F6Du;
            c[i] = low ^ 0x6C7967656E657261u;
            d[i] = high ^ 0x7465646279746573u;
        }
        for (at = 0; at <= least; at++) {
            ONECARD_EACH d[i] ^= words[at * ONECARD_LANES + i];
            ONECARD_ROUND
            ONECARD_ROUND
            ONECARD_EACH a[i] ^= words[at * ONECARD_LANES + i];
        }
        for (; at <= most; at++) {
            uint64_t a0[ONECARD_LANES], b0[ONECARD_LANES], c0[ONECARD_LANES], d0[ONECARD_LANES];
            ONECARD_EACH {
                a0[i] = a[i];
                b0[i] = b[i];
                c0[i] = c[i];
                d0[i] = d[i];
            }
            ONECARD_EACH d[i] ^= words[at * ONECARD_LANES + i];
            ONECARD_ROUND
            ONECARD_ROUND
            ONECARD_EACH {
                uint64_t goes_on = at <= counts[i] ? ~(uint64_t)0 : 0;
                a[i] = ((a[i] ^ words[at * ONECARD_LANES + i]) & goes_on) | (a0[i] & ~goes_on);
                b[i] = (b[i] & goes_on) | (b0[i] & ~goes_on);
                c[i] = (c[i] & goes_on) | (c0[i] & ~goes_on);
                d[i] = (d[i] & goes_on) | (d0[i] & ~goes_on);
            }
        }
        ONECARD_EACH c[i] ^= 0xFF;
        ONECARD_ROUND
        ONECARD_ROUND
        ONECARD_ROUND
        ONECARD_ROUND
        ONECARD_EACH digests[i] = a[i] ^ b[i] ^ c[i] ^ d[i];
    }

    #define ONECARD_WAY(name, target) \\
        static target __attribute__((noinline)) void name( \\
            uint64_t low, uint64_t high, const uint64_t *words, \\
            const uint64_t *counts, uint64_t least, uint64_t most, uint64_t *digests \\
        ) { \\
            onecard_lanes(low, high, words, counts, least, most, digests); \\
        }
    ONECARD_WAY(onecard_plain, )
    #if defined(__x86_64__) && defined(__GNUC__)
    ONECARD_WAY(onecard_avx2, __attribute__((target("avx2"))))
    ONECARD_WAY(onecard_avx512, __attribute__((target("avx512f,avx512vl"))))
    #define onecard_has(way) \\
        ((way) == 0 || ((way) == 1 && __builtin_cpu_supports("avx2")) \\
            || ((way) == 2 && __builtin_cpu_supports("avx512vl")))
    #else
    #define onecard_avx2 onecard_plain
    #define onecard_avx512 onecard_plain
    #define onecard_has(way) ((way) == 0)
    #endif
    """
    enum:
        N "ONECARD_LANES"
    Way onecard_plain
    Way onecard_avx2
    Way onecard_avx512
    bint has "onecard_has"(int way) noexcept nogil

LANES = N
PLAIN, AVX2, AVX512 = range(3)

cdef Way[3] ways
ways[0] = onecard_plain
ways[1] = onecard_avx2
ways[2] = onecard_avx512
cdef Way best = ways[2] if has(2) else ways[1] if has(1) else ways[0]

cdef enum:
    FEW = 4  # so many rows cost as much one by one as LANES of them do, or less


cdef struct Group:  # bodies side by side
    uint64_t words[WORDS_MAX + 1][N]
    uint64_t counts[N]


cdef void digests_of(
    BodyKey key, const Columns* columns, Py_ssize_t start, Py_ssize_t end, uint64_t* bodies
) noexcept nogil:
    """The digest of each row's body, as it was sent, from `start` on to `end`."""
    cdef Group group
    cdef uint64_t[WORDS_MAX] words
    cdef uint64_t[N] found
    cdef Py_ssize_t row = start
    cdef Py_ssize_t lane, lanes
    check(start >= 0)
    check(end <= columns.count)
    while end - row > FEW:
        lanes = min(<Py_ssize_t>N, end - row)
        for lane in range(lanes):
            group.counts[lane] = words_of(columns, row + lane, &group.words[0][lane], N)
        together(key, &group, lanes, best, found)
        for lane in range(lanes):
            bodies[row - start + lane] = found[lane]
        row += lanes
    while row < end:
        bodies[row - start] = siphash(key, words, words_of(columns, row, words, 1))
        row += 1


cdef void together(
    BodyKey key, Group* group, Py_ssize_t lanes, Way way, uint64_t* found
) noexcept nogil:
    """The digests of a group, of which the first `lanes` have words."""
    cdef uint64_t least = WORDS_MAX
    cdef uint64_t most = 0
    cdef uint64_t at
    cdef Py_ssize_t lane
    for lane in range(N):
        if lane >= lanes:
            group.counts[lane] = group.counts[0]
            for at in range(group.counts[0]):
                group.words[at][lane] = 0
        check(group.counts[lane] <= WORDS_MAX)
        least = min(least, group.counts[lane])
        most = max(most, group.counts[lane])
        group.words[group.counts[lane]][lane] = (8 * group.counts[lane]) << 56
    if least != most:
        for lane in range(N):
            for at in range(group.counts[lane] + 1, most + 1):
                group.words[at][lane] = 0
    way(key.low, key.high, &group.words[0][0], group.counts, least, most, found)


def in_lanes(BodyKey key not None, list bodies not None, int way):
    """For tests: the digests of up to LANES bodies, lists of words, side by side in one of the ways.

    ValueError where this processor does not have it, or there are more bodies or words.
    """
    cdef Group group
    cdef uint64_t[N] found
    cdef Py_ssize_t lane, at
    if not 0 <= way < 3 or not has(way):
        raise ValueError(f"way {way}: this processor has no such vectors")
    if not 0 < len(bodies) <= N or max(map(len, bodies)) > WORDS_MAX:
        raise ValueError(f"expected 1 to {N} bodies of at most {WORDS_MAX} words")
    for lane in range(len(bodies)):
        group.counts[lane] = len(bodies[lane])
        for at in range(len(bodies[lane])):
            group.words[at][lane] = bodies[lane][at]
    together(key, &group, len(bodies), ways[way], found)
    return [found[lane] for lane in range(len(bodies))]
