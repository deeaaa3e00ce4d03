"""Names as people write them: a stop's id before a name, a name without its blanks and signs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from onecard.core.errors import BadInput, quoted
from onecard.core.tariff.notice import listed

SUFFIXES = ("站", "地铁站", "station", "stop")
CLOSE_MAX = 5


def plain(name: str) -> str:
    """A name without what people leave out: case, width, accents, blanks, signs, a final 站."""
    wide = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name)).casefold()
    letters = "".join(c for c in wide if c.isalnum()).replace("ł", "l").replace("ø", "o")
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if letters.endswith(suffix) and len(letters) > len(suffix):
            return letters[: -len(suffix)]
    return letters


def find_place(places: Sequence[dict[str, Any]], typed: str, alike: Sequence[int]) -> int:
    """The number of a place, from 1. BadInput where there is none, or more than one.

    An id goes before a name, a name as it is written before one as it is meant. Places of one name
    whose number in `alike` is the same are one: platforms of a station.
    """
    typed = typed.strip()
    for at, place in enumerate(places, start=1):
        if place["id"] == typed:
            return at
    exact = [at for at, place in enumerate(places, 1) if typed in _names(place)]
    meant = plain(typed)
    found = exact or [
        at
        for at, place in enumerate(places, 1)
        if meant and any(plain(name) == meant for name in _names(place))
    ]
    if not found:
        raise BadInput(f"expected a stop, found {quoted(typed)}; {_close(places, meant)}")
    if len({alike[at] for at in found}) > 1:
        choices = listed(f"{places[at - 1]['name']} ({places[at - 1]['id']})" for at in found)
        raise BadInput(f"expected one stop, found {quoted(typed)} for {choices}; give its id")
    stations = [at for at in found if alike[at] == at]
    return (stations or found)[0]


def find_one(known: Sequence[dict[str, Any]], typed: str, what: str) -> int:
    """Where one of a few stands, by id, then by name. BadInput, naming them all."""
    for at, one in enumerate(known):
        if one["id"] == typed:
            return at
    meant = plain(typed)
    found = [at for at, one in enumerate(known) if meant and plain(one["name"]) == meant]
    if len(found) == 1:
        return found[0]
    if not known:
        raise BadInput(f"expected a {what}, found {quoted(typed)}; there are none, so leave it out")
    there = listed(one["id"] for one in known)
    if found:
        raise BadInput(f"expected one {what}, found {quoted(typed)} for several; there are {there}")
    raise BadInput(f"expected a {what}, found {quoted(typed)}; there are {there}")


def _names(place: dict[str, Any]) -> Iterable[str]:
    return [place["name"], *place["aliases"]]


def _close(places: Sequence[dict[str, Any]], meant: str) -> str:
    """What may have been meant."""
    close = [
        place["name"]
        for place in places
        if meant and any(meant in plain(n) or plain(n) in meant for n in _names(place) if plain(n))
    ]
    if close:
        return f"there are {listed(dict.fromkeys(close), CLOSE_MAX)}"
    names = {plain(name): place["name"] for place in places for name in _names(place)}
    near = get_close_matches(meant, list(names), CLOSE_MAX)
    if near:
        return f"there are {listed(dict.fromkeys(names[one] for one in near))}"
    return "onecard tariff show TARIFF --stations lists all"
