"""A feed on its way to a compiled tariff: what was read, and the rows that have been made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from onecard.core.tariff.building import Building
from onecard.core.tariff.gtfs.reading import Feed
from onecard.core.tariff.notice import Notices


@dataclass(slots=True)
class Making:
    """`rules` is what `words` will say of each rule; one without a number yet has none in it."""

    feed: Feed
    building: Building = field(default_factory=Building)
    rules: list[dict[str, Any]] = field(default_factory=list)
    source: dict[str, str] = field(default_factory=dict)  # of every number: the feed and its date

    @property
    def notices(self) -> Notices:
        return self.feed.notices

    def rule(self, kind: str, words: str, file: str, line: int) -> int:
        """The number of a rule, from 1; a row of the feed is one."""
        self.rules.append(
            {
                "id": f"{file}:{line}",
                "kind": kind,
                "words": words,
                "file": file,
                "line": line,
                "source": self.source,
            }
        )
        return len(self.rules)
