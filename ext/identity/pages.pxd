from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


cdef packed struct PageHeader:  # of a page's value, see pages.pyx
    uint8_t form
    uint8_t width
    uint16_t count
    uint32_t crc
    uint64_t base
