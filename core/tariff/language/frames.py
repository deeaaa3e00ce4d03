"""Days and times of day that rules name, as frames of the compiled tariff."""

from __future__ import annotations

from dataclasses import dataclass, field

from onecard.core.tariff.building import Building
from onecard.core.tariff.language.entry import DAY_S, Entry

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KINDS = ("any", "workday", "restday", "holiday")
FIRST_DAY, LAST_DAY = -(1 << 31), (1 << 31) - 1
WORKDAYS, RESTDAYS, EVERY_DAY = 0b0011111, 0b1100000, 0b1111111


@dataclass(slots=True)
class Frames:
    """Frames as they are made: one a set of days and a span of the day, each once. Frame 0 is
    always. `holidays` is day -> True where it is a day off, False where a weekend day is worked."""

    building: Building
    holidays: dict[int, bool]
    ends: list[int] = field(default_factory=lambda: [0, 0])
    made: dict[tuple[object, int, int], int] = field(default_factory=dict)
    services: dict[object, int] = field(default_factory=dict)

    def of(self, entry: Entry) -> int:
        """The frame of `days`, `from` and `before` of a condition."""
        days = self._days(entry)
        begin = entry.time("from", 0)
        end = entry.time("before", DAY_S)
        if begin is None or end is None:
            return 0
        if begin >= end:
            entry.fault("before", "expected a time after `from`", "mend one of them")
            return 0
        if days == "any" and begin == 0 and end == DAY_S:
            return 0
        key = (days, begin, end)
        if key not in self.made:
            self.building.add("frames", service=self._service(days), begin_s=begin, end_s=end)
            self.ends.append(self.building.count("frames"))
            self.made[key] = len(self.ends) - 2
        return self.made[key]

    def _days(self, entry: Entry) -> str | tuple[str, ...]:
        if type(entry.found.get("days")) is list:
            return tuple(sorted(set(entry.names("days", WEEKDAYS, "weekdays") or ())))
        return entry.one_of("days", KINDS, "any") or "any"

    def _service(self, days: str | tuple[str, ...]) -> int:
        if days not in self.services:
            first = self.building.count("exceptions")
            for day, added in sorted(self._exceptions(days)):
                self.building.add("exceptions", day=day, added=added)
            self.services[days] = self.building.add(
                "services",
                from_day=FIRST_DAY,
                until_day=LAST_DAY,
                weekdays=_weekdays(days),
                exception=first,
                exceptions=self.building.count("exceptions") - first,
            )
        return self.services[days]

    def _exceptions(self, days: str | tuple[str, ...]) -> list[tuple[int, int]]:
        if days == "workday":
            return [(day, 0 if off else 1) for day, off in self.holidays.items()]
        if days == "restday":
            return [(day, 1 if off else 0) for day, off in self.holidays.items()]
        if days == "holiday":
            return [(day, 1) for day, off in self.holidays.items() if off]
        return []


def _weekdays(days: str | tuple[str, ...]) -> int:
    if isinstance(days, tuple):
        return sum(1 << WEEKDAYS.index(day) for day in days)
    return {"workday": WORKDAYS, "restday": RESTDAYS, "holiday": 0}.get(days, EVERY_DAY)
