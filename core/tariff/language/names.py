"""What rules may name, by the numbers that the compiled tariff has for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onecard.core.tariff.building import EVERY, Building
from onecard.core.tariff.language.entry import Entry
from onecard.core.tariff.language.stations import Places
from onecard.core.tariff.notice import listed
from onecard.ext.fare.shapes import MASK_BITS, SCHEMES_MAX


@dataclass(slots=True)
class Names:
    """Networks and media are numbered from 1, classes from 0; `bits` are those of networks."""

    building: Building
    sources: dict[str, dict[str, str]]
    networks: dict[str, int] = field(default_factory=dict)
    bits: dict[str, int] = field(default_factory=dict)
    modes: dict[str, list[str]] = field(default_factory=dict)  # "mode:bus" -> its networks
    classes: dict[str, int] = field(default_factory=dict)
    media: dict[str, int] = field(default_factory=dict)
    places: Places = field(default_factory=Places)
    lines: dict[int, str] = field(default_factory=dict)
    operators: list[str] = field(default_factory=lambda: [""])
    bearers: list[str] = field(default_factory=lambda: ["operator", "pro_rata"])
    rules: list[dict[str, Any]] = field(default_factory=list)
    place_lists: list[list[int]] = field(default_factory=lambda: [[]])
    schemes: int = 0

    def rule(self, entry: Entry, words: str, key: str = "", id: str = "") -> int:
        """The number of a rule, with what it says, where it stands and where it is from."""
        self.rules.append(
            {
                "id": id or str(entry.found.get("id", "")),
                "kind": entry.kind,
                "words": words,
                "file": entry.file,
                "line": entry.line(key),
                "source": self.source(entry),
            }
        )
        return len(self.rules)

    def source(self, entry: Entry) -> dict[str, str] | None:
        """Where the numbers of a table are from; a table that does not say it is at fault."""
        first = "source" not in entry.asked
        entry.asked.add("source")
        name = entry.found.get("source")
        if not isinstance(name, str) or name not in self.sources:
            if first:
                there = listed(self.sources)
                do = f"there are {there}" if there else "write a [sources.NAME]"
                entry.wrong("source", "the name of a table [sources.NAME]", do)
            return None
        return self.sources[name]

    def network_mask(self, entry: Entry, key: str = "networks") -> int:
        named = entry.names(key, {**self.networks, **self.modes}, "networks")
        if named is None:
            return EVERY
        found = [network for name in named for network in self.modes.get(name, [name])]
        for name in found:
            if self.bit(name) < 0:
                entry.fault(
                    key, f"expected at most {MASK_BITS} networks named", "name fewer", "many"
                )
        return mask(found, self.bits)

    def bit(self, network: str) -> int:
        """The bit of a network in masks, a new one where it has none; -1 where there is no more."""
        if network not in self.bits and len(self.bits) < MASK_BITS:
            self.bits[network] = len(self.bits)
        return self.bits.get(network, -1)

    def class_mask(self, entry: Entry) -> int:
        found = entry.names("classes", self.classes, "classes")
        return EVERY if found is None else mask(found, self.classes)

    def media_mask(self, entry: Entry) -> int:
        """Media are those that rules name: a tariff has no other list of them."""
        if "media" not in entry.found:
            entry.asked.add("media")
            return EVERY
        found = entry.found["media"]
        for one in found if isinstance(found, list) else ():
            if isinstance(one, str) and one and len(self.media) + 1 < MASK_BITS:
                self.media.setdefault(one, len(self.media) + 1)
        return mask(entry.names("media", self.media, "media") or (), self.media)

    def operator(self, name: str) -> int:
        """The number of an operator; 0 is none said, `?`."""
        if name == "?":
            return 0
        if name not in self.operators:
            self.operators.append(name)
        return self.operators.index(name)

    def bearer(self, entry: Entry) -> int:
        """Who pays what is taken off: the ride's operator, all of the journey's, or a payer."""
        said = entry.text("bearer", "operator") or "operator"
        name = said.removeprefix("payer:").strip()
        if said not in self.bearers[:2] and (not said.startswith("payer:") or not name):
            entry.wrong("bearer", '"operator", "pro_rata" or "payer: NAME"')
            return 0
        said = said if said in self.bearers[:2] else f"payer: {name}"
        if said not in self.bearers:
            self.bearers.append(said)
        return self.bearers.index(said)

    def scheme(self, entry: Entry) -> int:
        """A place for what a rider paid or used in a period."""
        if self.schemes >= SCHEMES_MAX:
            entry.fault(
                "", f"expected at most {SCHEMES_MAX} caps, tiers and quotas", "take one out", "many"
            )
            return 0
        self.schemes += 1
        return self.schemes - 1

    def place_list(self, places: list[int]) -> int:
        """The number of a list of places; 0 is any."""
        self.place_lists.append(places)
        return len(self.place_lists) - 1


def mask(found: list[str] | tuple[str, ...], bits: Mapping[str, int]) -> int:
    """One bit each, as a signed number of 64 bits."""
    return sum(1 << bits[name] for name in set(found) if name in bits)
