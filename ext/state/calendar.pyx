"""What a record of the calendar does to its days."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t

from onecard.ext.shape.journal cimport CalendarRecord, Header
from onecard.ext.shape.numbers cimport CALENDAR_DAYS_MAX, CALENDAR_FIRST_DAY, DayClass
from onecard.ext.shape.tables cimport CALENDAR_DAY_ROWS, CalendarDay
from onecard.ext.state.state cimport State
from onecard.ext.state.table cimport CALENDAR_DAYS, Table, is_newer, touch


def calendars(State state, uintptr_t at, uintptr_t head):
    """A range of days and their classes."""
    cdef const Header* header = <const Header*>head
    cdef const CalendarRecord* record = <const CalendarRecord*>at
    cdef const uint8_t* classes = <const uint8_t*>(at + sizeof(CalendarRecord))
    cdef const Table* table = &state.tables[CALENDAR_DAYS]
    cdef CalendarDay* row
    cdef uint64_t number
    cdef uint32_t i
    if header.count != 1 or header.legs or header.images or record.calendar != 0:
        return True
    if header.blob_bytes != record.days or record.days == 0 or record.first_day < CALENDAR_FIRST_DAY:
        return True
    if <int64_t>record.first_day + record.days > <int64_t>CALENDAR_FIRST_DAY + CALENDAR_DAYS_MAX:
        return True
    for i in range(record.days):
        if not DayClass.WORKDAY <= classes[i] <= DayClass.HOLIDAY:
            return True
        number = 1 + <uint64_t>(record.first_day - CALENDAR_FIRST_DAY) + i
        state.total.calendar_days = max(state.total.calendar_days, number)
        touch(table, number // CALENDAR_DAY_ROWS)
        if is_newer(table, number // CALENDAR_DAY_ROWS, record.sequence):
            row = <CalendarDay*>table.rows + number
            row.record = record.sequence
            row.day = record.first_day + <int>i
            row.day_class = classes[i]
    return False
