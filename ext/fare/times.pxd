"""Local time of a zone with its summer time, days of service, weeks, months, and spans of a day."""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t

from onecard.ext.fare.tables cimport (
    PER_DAY, PER_MONTH, PER_WEEK, DayException, Fares, Frame, Offset, Service,
)

cdef enum:
    DAY_S = 86400
    SECOND_US = 1000000


cdef inline int64_t local_s(const Fares* fares, uint32_t zone, int64_t at_us) noexcept nogil:
    """Seconds since 1970 that a clock on the wall shows."""
    cdef int64_t first = fares.zone_offsets[zone]
    cdef int64_t left = <int64_t>fares.zone_offsets[zone + 1] - first
    cdef int64_t half
    while left > 1:
        half = left >> 1
        if fares.offsets[first + half].from_us <= at_us:
            first += half
            left -= half
        else:
            left = half
    return at_us // SECOND_US + fares.offsets[first].offset_s


cdef inline int64_t service_day(const Fares* fares, int64_t at_s) noexcept nogil:
    """What is before the service day starts is of the day before."""
    return (at_s - fares.header.service_day_s) // DAY_S


cdef inline int32_t month_of(int64_t day) noexcept nogil:
    """Months since January 1970, of days since 1970-01-01; years begin in March on the way."""
    cdef int64_t since = day + 719468  # 0000-03-01
    cdef int64_t era = since // 146097
    cdef int64_t of_era = since - era * 146097
    cdef int64_t year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    cdef int64_t of_year = of_era - (365 * year + year // 4 - year // 100)
    cdef int64_t month = (5 * of_year + 2) // 153  # 0 = March
    return <int32_t>((era * 400 + year - 1970) * 12 + month + 2)


cdef inline int32_t period_of(const Fares* fares, int64_t per, int64_t day) noexcept nogil:
    """The number of the day, week, month or year in which a service day is."""
    if per == PER_DAY:
        return <int32_t>day
    if per == PER_WEEK:
        return <int32_t>(day - (day + 3 - fares.header.week_begins) % 7)
    if per == PER_MONTH:
        return month_of(day)
    return <int32_t>(month_of(day) // 12)


cdef inline bint runs(const Fares* fares, const Service* service, int64_t day) noexcept nogil:
    """Returns True when a day is of a set of days: its exceptions decide, else its weekdays."""
    cdef int64_t first = service.exception
    cdef int64_t left = service.exceptions
    cdef int64_t half
    cdef const DayException* found
    while left > 0:
        half = left >> 1
        found = &fares.exceptions[first + half]
        if found.day == day:
            return found.added
        if found.day < day:
            first += half + 1
            left -= half + 1
        else:
            left = half
    if not service.from_day <= day <= service.until_day:
        return False
    return service.weekdays >> ((day + 3) % 7) & 1


cdef inline bint holds(
    const Fares* fares, int64_t frame, uint32_t place, int64_t at_us
) noexcept nogil:
    """Returns True when a time is in a frame, by the clock of the place."""
    cdef int64_t at_s, day, second, row
    cdef const Frame* span
    if frame == 0:
        return True
    at_s = local_s(fares, fares.place_zone[place], at_us)
    day = at_s // DAY_S
    second = at_s - day * DAY_S
    for row in range(fares.frame_rows[frame], fares.frame_rows[frame + 1]):
        span = &fares.frames[row]
        if span.begin_s <= second < span.end_s and runs(fares, &fares.services[span.service], day):
            return True
    return False
