from onecard.ext.fare.tables cimport Fares


cdef class FareSet:
    cdef object arrays  # as long as this lives, so that what `fares` points at does
    cdef Fares fares
