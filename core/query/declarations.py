"""What operators declared of a terminal and day, against what is booked."""

from collections.abc import Mapping, Sequence

from onecard.core.audit import completeness
from onecard.core.audit.completeness import Declared as Declared
from onecard.core.audit.completeness import Difference as Difference
from onecard.core.journal import Journal


def differences(
    journal: Journal, declared: Sequence[Declared], rules: Mapping[str, int]
) -> list[Difference]:
    """Those of some declarations that do not agree, in their order; the last of two counts.

    `rules` are those of core/query/rules.py. Reads the journal from the first declared day on, so
    it is called off the event loop.
    """
    return completeness.compare(journal, declared, rules["ahead_max_us"], rules["zone_offset_us"])


def all_differences(
    journal: Journal, terminal: int | None, rules: Mapping[str, int]
) -> list[Difference]:
    """Those of all that were ever journalled, of one terminal or of all. Walks the journal."""
    return completeness.compare_all(
        journal, terminal, rules["ahead_max_us"], rules["zone_offset_us"]
    )
