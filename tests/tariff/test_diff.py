"""Two tariffs compared: which fares of which classes change, worst first, and which rules."""

import json
from pathlib import Path

import pytest

from onecard.core.errors import BadInput
from onecard.core.tariff import ready
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.diff import Diff, diff
from onecard.core.tariff.page.diff import page
from tests.support.onecard_command import commands
from tests.tariff.page_parser import Page
from tests.tariff.town import compiled_town, write_town

# A file of the town, what is replaced in it by what, and what is found then: fares that change as
# (class, network, ride, before, after), worst first, and rules as (kind, id, what).
CASES: dict[str, tuple[str, str, str, list[tuple[object, ...]], list[tuple[str, ...]]]] = {
    "nothing": ("tariff.toml", "", "", [], []),
    "a share": (
        "tariff.toml",
        "pay_percent = 90",
        "pay_percent = 85",
        [
            ("adult", network, f"face {face // 100}.00", face * 90 // 100, face * 85 // 100)
            for network, face in sorted(
                ((n, f) for n in ("metro", "bus") for f in range(100, 1100, 100)),
                key=lambda one: -one[1],
            )
        ],
        [("discount", "card", "pays")],
    ),
    "a fare of the table": (
        "fares.csv",
        "a,c,800",
        "a,c,1000",
        [(rider, "rail", "Harbour → Hill", 800, 1000) for rider in ("student", "adult", "guest")],
        [("network", "rail", "fares")],
    ),
    "a fare that is there no more, and one that is new": (
        "fares.csv",
        "a,c,800",
        "c,a,800",
        [
            (rider, "rail", ride, before, after)
            for rider in ("student", "adult", "guest")
            for ride, before, after in (
                ("Harbour → Hill", 800, None),
                ("Hill → Harbour", None, 800),
            )
        ],
        [],
    ),
    "a rule that no ride at noon shows": (
        "tariff.toml",
        "off = 40",
        "off = 50",
        [],
        [("transfer", "change", "pays")],
    ),
    "a rule added and one removed": (
        "tariff.toml",
        'id = "half"',
        'id = "students"',
        [],
        [("discount", "students", "added"), ("discount", "half", "removed")],
    ),
    "a step: fares change up to its end, and beyond the last one there is none still": (
        "tariff.toml",
        "{ upto = 5000, fare = 200 }",
        "{ upto = 6000, fare = 250 }",
        [
            (rider, "van", f"{metres:,} m", before, 250)
            for rider in ("student", "adult", "guest")
            for metres, before in ((5001, 300), (6000, 300), (0, 200), (1, 200), (5000, 200))
        ],
        [("network", "van", "steps")],
    ),
    "stretches beyond the last step": (
        "tariff.toml",
        "{ upto = 10000, fare = 300 }]",
        "{ upto = 10000, fare = 300 }]\nbeyond = { every = 4000, add = 100 }",
        [
            (rider, "van", f"{metres:,} m", None, after)
            for rider in ("student", "adult", "guest")
            for metres, after in (
                (10_001, 400),
                (14_000, 400),
                (14_001, 500),
                (18_000, 500),
                (18_001, 600),
                (22_000, 600),
                (22_001, 700),
            )
        ],
        [("network", "van", "steps")],
    ),
    "a network put before the others": (
        "tariff.toml",
        '[[network]]\nid = "metro"',
        '[[network]]\nid = "lift"\nname = "Lift"\nmode = "lift"\nbasis = "flat"\nfare = 100\n'
        'source = "made"\n[[network]]\nid = "metro"',
        [],
        [("network", "lift", "added")],
    ),
    "the days": (
        "tariff.toml",
        "effective_from = 2026-01-01",
        "effective_from = 2027-01-01",
        [],
        [("tariff", "town", "effective")],
    ),
    "a source of many rules": (
        "tariff.toml",
        "Made up for a test",
        "Made up",
        [],
        [("source", "of 14 rules", "source")],
    ),
}


def changed(folder: Path, file: str, old: str, new: str) -> Compiled:
    write_town(folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1) if old else text)
    return ready.load(str(folder))


def rules_of(found: Diff) -> list[tuple[str, ...]]:
    rules = [(one.kind, one.id, "added") for one in found.added]
    rules += [(one.kind, one.id, "removed") for one in found.removed]
    return rules + [(one.kind, one.id, one.what) for one in found.rules]


@pytest.mark.parametrize("case", CASES)
def test_changes(case: str, tmp_path: Path) -> None:
    file, old, new, fares, rules = CASES[case]
    found = diff(compiled_town(tmp_path), changed(tmp_path / "other", file, old, new))
    worst = [(one.rider_class, one.network, one.ride, one.before, one.after) for one in found.worst]
    assert sorted(map(str, worst)) == sorted(map(str, fares))
    assert rules_of(found) == rules
    assert found.is_same == (not fares and not rules)
    assert found.changed == len(fares)
    sizes = [1 << 62 if one.by is None else abs(one.by) for one in found.worst]
    assert sizes == sorted(sizes, reverse=True)
    parsed = Page(page(found, ("a", "b")))
    assert parsed.open == [] and parsed.fetched == []


def test_stations(tmp_path: Path) -> None:
    folder = write_town(tmp_path / "other")
    (folder / "stations.csv").write_text("id,name\na,Harbour\nb,Museum\nd,<b>Dam</b>\n")
    (folder / "fares.csv").write_text("from,to,fare\na,b,500\nb,a,500\na,d,800\n")
    found = diff(compiled_town(tmp_path), ready.load(str(folder)))
    assert found.stations["rail"] == (["<b>Dam</b>"], ["Hill"])
    assert not found.is_same and found.changed == 0
    made = page(found, ("<i>", "b"))
    assert "<b>Dam" not in made and "&lt;b&gt;Dam" in made and "<i>" not in made


def test_one_class(tmp_path: Path) -> None:
    file, old, new, _, _ = CASES["a fare of the table"]
    before, after = compiled_town(tmp_path), changed(tmp_path / "other", file, old, new)
    assert [one.rider_class for one in diff(before, after, "guest").worst] == ["guest"]
    with pytest.raises(BadInput, match="there are student, adult, guest"):
        diff(before, after, "nobody")


def test_two_currencies(tmp_path: Path) -> None:
    other = changed(tmp_path / "other", "tariff.toml", '"CNY"', '"JPY"')
    with pytest.raises(BadInput, match="CNY and JPY"):
        diff(compiled_town(tmp_path), other)


def test_beijing_with_another_step(tmp_path: Path) -> None:
    """A step of 100 more on the longest rides: as many fares change as the table has of them."""
    before = ready.load("beijing")
    folder = tmp_path / "beijing"
    folder.mkdir()
    source = ready.find("beijing")
    for name in source.files():
        (folder / name).write_bytes(source.read(name))
    text = (folder / "tariff.toml").read_text()
    old = "{ upto = 32000, fare = 600 }"
    assert old in text
    (folder / "tariff.toml").write_text(text.replace(old, "{ upto = 32000, fare = 650 }", 1))
    found = diff(before, ready.load(str(folder)), "adult")
    longest = 39_190 + 37_726 + 8_344 + 970 + 44  # of 600 and more: what is beyond begins there
    assert found.changed == longest and {one.by for one in found.worst} == {50}
    assert ("network", "metro", "fares") in rules_of(found)


def test_the_command(tmp_path: Path) -> None:
    write_town(tmp_path / "a")
    changed(tmp_path / "b", "fares.csv", "a,c,800", "a,c,1000")
    changed(tmp_path / "c", "tariff.toml", '"CNY"', '"JPY"')
    with commands(tmp_path) as onecard:
        assert onecard("tariff", "diff", "a", "a").out == "the same\n"
        done = onecard("tariff", "diff", "a", "b", "--class", "adult", "--html", "d.html")
        assert done.status == 1
        assert "adult\trail\tHarbour → Hill\t8.00\t10.00\t+2.00" in done.out
        Page((tmp_path / "d.html").read_text())
        found = json.loads(onecard("tariff", "diff", "a", "b", "--json").out)
        assert (found["same"], found["changed"]) == (False, 3)
        assert found["fares"][0]["by"] == 200
        assert found["rules"]["changed"][0]["id"] == "rail"
        for other in ("c", "nowhere"):
            done = onecard("tariff", "diff", "a", other)
            assert done.status == 2 and done.err.count("\n") == 1
