from libc.stdint cimport uint8_t


cdef object reserve(size_t size, bint scattered=?)
cdef uint8_t* address(object memory) except NULL
