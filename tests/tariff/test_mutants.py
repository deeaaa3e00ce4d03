"""Whatever is left out of Linhu's tariff, a ride then costs something else, or the tariff says no.

Each key, each table, each entry of a list of tariff.toml and each row of each CSV is left out in
turn. A rule (an entry of an array of tables) or a row that is left out may be refused only where
something else names it: else a vector must differ. What is refused besides is a key or a part of a
rule without which the rule says nothing.
"""

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from onecard.core.tariff.language.folder import compile_folder
from onecard.core.tariff.notice import ERROR, Notices
from onecard.core.tariff.source import Source
from tests.tariff.linhu_words import NAMES, PARTS
from tests.tariff.riding import Ready, differs
from tests.tariff.test_ready import packed, parted
from tests.tariff.vectors import LINHU

Path = tuple[str | int, ...]
DANGLING = "unknown"  # the notice of a name that is not there
PARTS_LEFT = "share"  # the notice of shares that no longer sum to the whole


@dataclass(frozen=True, slots=True)
class Mutant:
    """`what` was left out; `whole` where it is a rule or a row."""

    what: str
    whole: bool
    files: dict[str, bytes]


def mutants() -> Iterator[Mutant]:
    files = packed("linhu")
    document = tomllib.loads(files["tariff.toml"].decode())
    for path in sorted(paths(document), key=str):
        text = written(without(document, path))
        whole = len(path) == 2 and isinstance(path[1], int)
        yield Mutant(said(document, path), whole, files | {"tariff.toml": text.encode()})
    for name in sorted(files):
        if name.endswith(".csv"):
            header, *rows = files[name].decode().splitlines()
            for at, row in enumerate(rows):
                left = "\n".join([header, *rows[:at], *rows[at + 1 :], ""])
                yield Mutant(f"{name}: {row}", True, files | {name: left.encode()})


def paths(found: Any, path: Path = ()) -> Iterator[Path]:
    """The way to everything in a document: keys, and entries of lists."""
    inner = found.items() if isinstance(found, dict) else enumerate(found)
    for key, value in inner:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))


def without(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """A copy that lacks what a path leads to."""
    left = deepcopy(document)
    at: Any = left
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return left


def said(document: dict[str, Any], path: Path) -> str:
    """A path for people: entries of arrays of tables by their id."""
    words = []
    at: Any = document
    for key in path:
        at = at[key]
        words.append(at["id"] if isinstance(at, dict) and "id" in at else str(key))
    return ".".join(words)


def written(value: Any, top: bool = True) -> str:
    """TOML again, each key of the document a line."""
    if isinstance(value, dict):
        pairs = [f"{key} = {written(inner, False)}" for key, inner in value.items()]
        return "\n".join(pairs) if top else "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(written(inner, False) for inner in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return value.isoformat()
    return f'"{value}"' if isinstance(value, str) else str(value)


def compiled(files: dict[str, bytes]) -> tuple[Ready | None, set[str]]:
    """The tariff of some files, None where it is refused; and the codes of why."""
    notices = Notices()
    found = compile_folder(Source("mutant", None, files), notices)
    codes = {notice.code for notice in notices.found if notice.severity == ERROR}
    return (Ready.of(found) if found is not None else None), codes


def unlike(linhu: Ready) -> str | None:
    """What is otherwise than it was worked out by hand, None where nothing is."""
    for vector in LINHU:
        different = differs(vector, linhu)
        if different is not None:
            return different
    for network, begin, end, amount, shares in PARTS:
        if parted(linhu, network, begin, end, amount) != list(shares):
            return f"parts of {network} {begin} {end}"
    for rule in linhu.compiled.words["rules"]:
        if not rule["source"].get("url"):
            return f"where {rule['id']} is from"
        if rule["id"] in NAMES and rule["words"] != NAMES[rule["id"]]:
            return f"what {rule['id']} is called"
    return None


@cache
def fates() -> dict[str, tuple[str, bool, str]]:
    """What became of each mutant: refused, differs or survives; whether it is whole; and why."""
    found = {}
    for mutant in mutants():
        linhu, codes = compiled(mutant.files)
        if linhu is None:
            found[mutant.what] = ("refused", mutant.whole, " ".join(sorted(codes)))
        else:
            different = unlike(linhu)
            fate = "survives" if different is None else "differs"
            found[mutant.what] = (fate, mutant.whole, different or "")
    return found


def test_what_is_not_left_out_is_right() -> None:
    document = tomllib.loads(packed("linhu")["tariff.toml"].decode())
    whole, _ = compiled(packed("linhu") | {"tariff.toml": written(document).encode()})
    assert whole is not None
    assert unlike(whole) is None


def test_nothing_can_be_left_out() -> None:
    survivors = [what for what, (fate, _, _) in fates().items() if fate == "survives"]
    assert not survivors


def test_a_rule_or_a_row_is_refused_only_where_something_names_it() -> None:
    allowed = {DANGLING, PARTS_LEFT}
    wrong = {
        what: why
        for what, (fate, whole, why) in fates().items()
        if fate == "refused" and whole and not allowed & set(why.split())
    }
    assert not wrong


def test_the_mutants_are_many() -> None:
    by_fate = [fate for fate, _, _ in fates().values()]
    assert by_fate.count("differs") >= 150
    assert by_fate.count("refused") >= 50


if __name__ == "__main__":  # what became of each, for a look
    for what, (fate, whole, why) in fates().items():
        print(f"{fate:9} {'whole' if whole else '-':6} {what:50.50} {why[:110]}")
