"""`onecard audit fares` as it is typed: its status, what it prints, and its page."""

import json
from pathlib import Path

from onecard.core.tariff.page.audit import page
from tests.support.onecard_command import commands
from tests.tariff.page_parser import Page
from tests.tariff.town import compiled_town, csv_of, held, write_town


def test_the_page_stands_alone_and_escapes(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    table = f"""
08:00:00 k1 Metro_Company . 1 entry {name} 0 0 . . .
08:01:00 k1 Metro_Company . 1 exit {name} 200 180 . . .
08:01:00 k2 {name} . 1 ride . 200 170 . . .
"""
    report, _ = held(tmp_path, compiled_town(tmp_path), csv_of(table))
    made = page(report)
    parsed = Page(made)
    assert parsed.open == [] and parsed.fetched == [] and "script" not in parsed.met
    assert "&lt;script&gt;" in made and "http" not in made.replace("http-equiv", "")
    assert "<dd>2</dd>" in made and "<rect" in made


def test_the_command(tmp_path: Path) -> None:
    write_town(tmp_path / "town")
    right = "08:00:00 k1 City_Bus . 1 ride . 200 180 . . ."
    (tmp_path / "right.csv").write_text(csv_of(right))
    (tmp_path / "wrong.csv").write_text(csv_of(right.replace("180", "170")))
    (tmp_path / "bad.csv").write_text(csv_of(right.replace("180", "x")))
    ask = ("audit", "fares", "--tariff", "town", "--json")
    with commands(tmp_path) as onecard:
        for file, status in (("right.csv", 0), ("wrong.csv", 1), ("bad.csv", 1), ("none.csv", 2)):
            done = onecard(*ask, file)
            assert done.status == status, (file, done)
        found = json.loads(onecard(*ask, "wrong.csv").out)
        assert (found["charges"], found["explained"]) == (1, 0)
        (one,) = found["unexplained"]
        assert (one["file"], one["line"]) == ("wrong.csv", 2)
        assert (one["charged"], one["right"]) == (170, [180])
        assert one["by_class"] == {"adult": 180, "student": 100, "guest": 0}
        done = onecard(*ask[:4], "wrong.csv", "--html", "a.html")
        assert (
            "free exits" not in done.out and "free exits" not in (tmp_path / "a.html").read_text()
        )
        assert "wrong.csv:2\t1.70\t1.80\tno rule gives it" in done.out
        Page((tmp_path / "a.html").read_text())
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "wrong.csv").write_text(csv_of(right.replace("180", "160")))
        done = onecard(*ask[:4], "a/wrong.csv")
        assert "\nwrong.csv:2\t1.60" in done.out, "a folder is said where two files have one name"
        done = onecard(*ask[:4], "a/wrong.csv", "wrong.csv")
        assert "\na/wrong.csv:2\t1.60" in done.out
        done = onecard(*ask, "right.csv", "--html", "right.csv")
        assert done.status == 2 and "another file" in done.err
        done = onecard("audit", "fares", "right.csv", "--tariff", "nowhere")
        assert done.status == 2 and done.err.count("\n") == 1
