"""What a compiled file must say beside arrays that can be rated: words, shares, shortest ways.

A file comes from anybody, and its checksum says only that it came whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.core.errors import quoted
from onecard.core.tariff.building import TABLES, Arrays
from onecard.core.tariff.currency import minor_digits
from onecard.core.tariff.zone import is_zone
from onecard.ext.fare.shapes import NOWHERE, Basis

TEXTS = ("id", "name", "currency", "zone")
NAMED: dict[str, type] = {"id": str, "name": str}
# What each of a list of words has: a text, a number, or these by name. More may stand beside it.
WORDS: dict[str, type | dict[str, type]] = {
    "places": {**NAMED, "aliases": list},
    "networks": {**NAMED, "mode": str},
    "classes": NAMED,
    "media": NAMED,
    "products": NAMED,
    "lines": NAMED,
    "operators": str,
    "bearers": str,
    "rules": {"id": str, "kind": str, "words": str, "file": str, "line": int},
}
PRICE = {"product": int, "amount": int, "currency": str}
CALLS = ("way_networks", "call_rows", "call_ways", "call_first", "call_last")
WHOLE = 10_000  # basis points
CONTROLS = frozenset(map(chr, [*range(32), *range(127, 160)]))  # as a terminal obeys them


def check_words(words: Any, held: Arrays) -> None:
    """ValueError, naming it, where words are not there, are none, or are fewer than what they are
    words of."""
    if not isinstance(words, dict):
        raise ValueError("words: expected names by what they are of")
    _check_texts(words, "words")
    for name in TEXTS:
        if not isinstance(words.get(name), str):
            raise ValueError(f"words: expected a text as {name}")
    if not is_zone(words["zone"]) or minor_digits(words["currency"]) is None:
        raise ValueError("words: expected a zone and a currency that are known")
    for name, least in _many(held).items():
        found = words.get(name)
        if not isinstance(found, list) or len(found) < least:
            raise ValueError(f"words: expected {least} {name} or more")
        for at, one in enumerate(found):
            _check_one(name, at, one)
    for place in words["places"]:
        if not all(isinstance(alias, str) for alias in place["aliases"]):
            raise ValueError("words: expected aliases as texts")
    for line in words["lines"]:
        of_feed = type(line.get("network")) is int
        if not of_feed and type(line.get("number")) is not int:
            raise ValueError("words: expected the network or the number of a line")
        if of_feed and not 1 <= line["network"] <= len(words["networks"]):
            raise ValueError("words: expected the network of a line")
    for rule in words["rules"]:
        source = rule.get("source", ())
        if source is not None and not (isinstance(source, dict) and _are_texts(source)):
            raise ValueError("words: expected a source of a rule")
    _check_prices(words.get("other_currency", {}))
    frames = words.get("frames", [])
    if not isinstance(frames, list) or not all(isinstance(one, str) for one in frames):
        raise ValueError("words: expected frames as texts")


def check_shares(held: Arrays) -> None:
    """ValueError where the shares of a pair are not the whole of it."""
    ends = held["share_rows"].astype(np.int64)
    points = held["shares"][:, 1].tolist()
    for first, end in pairwise(ends.tolist()):
        if end > first and sum(points[first:end]) != WHOLE:
            raise ValueError(f"array shares: expected {WHOLE} basis points of each pair")


def check_metres(metres: Mapping[int, NDArray[np.integer[Any]]], held: Arrays) -> None:
    """ValueError where the shortest ways are not from each set of their network to each."""
    names = TABLES["networks"].names or ()
    basis, row = names.index("basis"), names.index("sets_row")
    for network, found in metres.items():
        if not 1 <= network <= len(held["networks"]):
            raise ValueError(f"array metres_{network}: expected the number of a network")
        of = held["networks"][network - 1]
        sets = held["place_sets"][of[row]].astype(np.int64)
        side = int(sets[sets != NOWHERE].max(initial=-1)) + 1
        if of[basis] != Basis.CELL or found.ndim != 2 or min(found.shape) < side:
            raise ValueError(f"array metres_{network}: expected {side} by {side} ways")


def check_calls(arrays: Arrays, held: Arrays) -> None:
    """ValueError where what says which networks lead from stop to stop points beyond itself."""
    there = [name for name in CALLS if name in arrays]
    if not there:
        return
    if len(there) < len(CALLS) or any(arrays[name].ndim != 1 for name in CALLS):
        raise ValueError(f"expected all of {', '.join(CALLS)}, each a row")
    networks, ends, ways, first, last = (arrays[name].astype(np.int64) for name in CALLS)
    if not len(ways) == len(first) == len(last):
        raise ValueError("array call_ways: expected as many as call_first and call_last")
    if (np.diff(ends) < 0).any() or ends.max() > len(ways):
        raise ValueError("array call_rows: expected numbers that rise to those of call_ways")
    if len(ends) < held["place_sets"].shape[1]:
        raise ValueError("array call_rows: expected one a place")
    if ways.max() >= len(networks) or networks.max() > len(held["networks"]):
        raise ValueError("array call_ways: expected ways and networks that are there")


def _many(held: Arrays) -> dict[str, int]:
    """How many words of each there are at least."""
    counts = dict(zip(TABLES, held["counts"].tolist(), strict=True))
    return {
        "places": held["place_sets"].shape[1] - 1,
        "networks": counts["networks"],
        "classes": counts["classes"],
        "rules": _most("rule", held, counts),
        "operators": _most("operator", held, counts) + 1,
        "products": _most("product", held, counts),
        **dict.fromkeys(("bearers", "media", "lines"), 0),
    }


def _most(field: str, held: Arrays, counts: dict[str, int]) -> int:
    """The largest number of a field in all tables that have it."""
    return max(
        int(held[name][: counts[name], (table.names or ()).index(field)].max(initial=0))
        for name, table in TABLES.items()
        if field in (table.names or ())
    )


def _check_one(name: str, at: int, one: object) -> None:
    wanted = WORDS[name]
    if isinstance(wanted, type):
        if type(one) is not wanted:
            raise ValueError(f"words: expected a text as number {at} of {name}")
    elif not isinstance(one, dict) or any(type(one.get(k)) is not of for k, of in wanted.items()):
        raise ValueError(f"words: expected {', '.join(wanted)} of number {at} of {name}")


def _check_prices(found: object) -> None:
    if not isinstance(found, dict) or not all(isinstance(one, list) for one in found.values()):
        raise ValueError("words: expected prices in another currency by rule")
    for prices in found.values():
        for price in prices:
            if not isinstance(price, dict) or any(
                type(price.get(k)) is not PRICE[k] for k in PRICE
            ):
                raise ValueError("words: expected product, amount, currency of a price")


def _check_texts(found: object, name: str) -> None:
    """ValueError where a text, however deep, has a character that a terminal obeys."""
    if isinstance(found, str) and not CONTROLS.isdisjoint(found):
        raise ValueError(f"words: expected {quoted(name)} of characters that show")
    inside = found.items() if isinstance(found, dict) else ()
    for key, one in inside:
        _check_texts(key, name)
        _check_texts(one, key)
    for one in found if isinstance(found, list) else ():
        _check_texts(one, name)


def _are_texts(found: dict[str, Any]) -> bool:
    """Returns True when all that is named is text."""
    return all(isinstance(one, str) for one in found.values())
