"""A returned file against ours: every break that was put in is found, classed, and nothing else."""

import hashlib
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onecard.core.errors import BadInput, NotFound
from onecard.core.exchange.files import write_files
from onecard.core.exchange.form import BY_ENTRY, BY_IDENTITY, BY_LEG
from onecard.core.exchange.manifest import MANIFEST, Manifest
from onecard.core.reconcile import match, reconcile, repeats, sorted_lines, statement
from onecard.core.reconcile.break_list import BreakList
from onecard.core.reconcile.match import Finding
from tests.settle.settling import LEDGER, big_sheet, journal_of

Reference = tuple[int, ...]
Break = tuple[Finding, Reference, int | None, int | None]
FAR_FEN = 1_000_000_000  # no amount in these ledgers comes near
ACTIONS = ("keep", "keep", "keep", "drop", "change", "double", "triple", "double changed")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    path = tmp_path_factory.mktemp("ledger")
    with journal_of(path, [90, 60]) as journal:
        write_files(journal, path, 2)
        return write_files(journal, path, 1)


def ours_by(path: Path, reference: tuple[str, ...]) -> dict[Reference, list[int]]:
    """The amounts of a file of ours by reference, with nothing but split()."""
    _, names, *details = path.read_text().splitlines()[:-2]
    found: dict[Reference, list[int]] = defaultdict(list)
    for line in details:
        row = dict(zip(names.split(","), line.split(","), strict=True))
        found[tuple(int(row[name]) for name in reference)].append(int(row["amount_fen"]))
    return found


@dataclass
class Returned:
    """What comes back, and what is wrong with it."""

    rows: list[tuple[Reference, int]]
    truth: Counter[Break]
    matched: int = 0

    def write(self, path: Path, reference: tuple[str, ...]) -> Path:
        lines = [",".join((*reference, "amount_fen"))]
        lines += [",".join(map(str, (*ref, fen))) for ref, fen in self.rows]
        path.write_text("\n".join(lines) + "\n")
        return path


def returned(ours: dict[Reference, list[int]], seed: int, money_only: bool = False) -> Returned:
    """Our own lines with breaks put in, in another order."""
    rng = random.Random(seed)
    made = Returned([], Counter())
    for ref, amounts in ours.items():
        fen = sum(amounts)
        action = rng.choice(ACTIONS)
        far_fen = fen + rng.choice((-1, 1)) * (FAR_FEN + rng.randrange(1000))
        if action == "drop":
            if fen or not money_only:
                made.truth[Finding.OURS_ONLY, ref, fen, None] += 1
            continue
        made.rows.append((ref, far_fen if action == "change" else fen))
        if action == "change":
            made.truth[Finding.AMOUNT_DIFFERS, ref, fen, far_fen] += 1
            continue
        made.matched += 1
        again = {"double": [fen], "triple": [fen, fen], "double changed": [far_fen]}
        for copy_fen in again.get(action, []):
            made.rows.append((ref, copy_fen))
            made.truth[Finding.REPEATED, ref, fen, copy_fen] += 1
    for number in range(rng.randrange(4)):
        ref = (10**9 + number, *[0] * (len(next(iter(ours))) - 1))
        fen = rng.randrange(-5, 5)
        made.rows.append((ref, fen))
        made.truth[Finding.THEIRS_ONLY, ref, None, fen] += 1
    rng.shuffle(made.rows)
    return made


def breaks_of(result: reconcile.Result) -> Counter[Break]:
    found: Counter[Break] = Counter()
    for said in BreakList(result).breaks():
        ref = tuple(said[name] for name in result.reference)
        found[Finding[said["what"].upper()], ref, said["ours_fen"], said["theirs_fen"]] += 1
    return found


@given(
    st.integers(0, 2**32),
    st.sampled_from([BY_LEG, BY_ENTRY, BY_IDENTITY]),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from(
        [
            (1, 1, 1),
            (40, 8, 4),
            (sorted_lines.RUN_ROWS, sorted_lines.CHUNK_ROWS, sorted_lines.MARK_ROWS),
        ]
    ),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_break_put_in_is_found_and_nothing_else(
    files: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    reference: tuple[str, ...],
    participant: int,
    money_only: bool,
    rows_of: tuple[int, int, int],
) -> None:
    for name, rows in zip(("RUN_ROWS", "CHUNK_ROWS", "MARK_ROWS"), rows_of, strict=True):
        monkeypatch.setattr(sorted_lines, name, rows)
    path = files.folder / files.sheet_of(participant).file
    made = returned(ours_by(path, reference), seed, money_only)
    theirs = made.write(tmp_path / "theirs.csv", reference)
    result = reconcile.reconcile(path, theirs, money_only)
    assert breaks_of(result) == made.truth
    assert result.tallies[Finding.MATCHED].count == made.matched
    assert result.reference == reference and result.is_clean == (not made.truth)
    for what in Finding:
        if what != Finding.MATCHED:
            wanted = sum(count for (kind, *_), count in made.truth.items() if kind == what)
            assert result.tallies[what].count == wanted
    assert result.theirs.sum_fen == sum(fen for _, fen in made.rows)
    assert result.ours.sum_fen == files.sheet_of(participant).net_fen
    lines = theirs.read_text().splitlines()
    for row in result.breaks:  # both sides' lines are where they say
        if row["theirs_line"]:
            assert lines[int(row["theirs_line"]) - 1].endswith(f",{int(row['theirs_fen'])}")


def test_our_own_file_matches_itself_whole(files: Manifest) -> None:
    for sheet in files.sheets:
        path = files.folder / sheet.file
        result = reconcile.reconcile(path, path)
        assert result.is_clean and result.reference == BY_LEG
        assert result.tallies[Finding.MATCHED].count == sheet.lines
        assert result.as_json()["matched"]["theirs_fen"] == sheet.net_fen


LEGS = [
    # legs of ours, amounts of theirs (no leg named), what comes out: (class, ours, theirs)
    ([-5, 5], [0], []),
    ([-5, 5], [-5, 5], []),
    ([-5, 5], [5, -5], []),
    ([-5, 5], [0, 0], [(Finding.REPEATED, 0, 0)]),
    ([-5, 5], [3], [(Finding.AMOUNT_DIFFERS, 0, 3)]),
    ([-5, 5], [-5], [(Finding.OURS_ONLY, 5, None)]),
    ([-5, 5], [-5, 6], [(Finding.AMOUNT_DIFFERS, 5, 6)]),
    ([-5, 5], [-5, 5, 5], [(Finding.REPEATED, 5, 5)]),
    ([-5, 5], [-5, 5, 9], [(Finding.REPEATED, -5, 9)]),
    ([-9, 4], [-5], []),
    ([-9, 4], [4, -9], []),
    ([7], [7, 8], [(Finding.REPEATED, 7, 8)]),
]


@pytest.mark.parametrize(("ours", "theirs", "expected"), LEGS)
def test_an_entry_of_several_legs(
    ours: list[int], theirs: list[int], expected: list[tuple[Finding, int, int | None]]
) -> None:
    rows = legs_of(ours, theirs)
    done = match.join([rows], False)
    found = [
        (
            Finding(int(row["what"])),
            int(row["ours_fen"]),
            int(row["theirs_fen"]) if row["theirs_line"] else None,
        )
        for row in done.breaks
    ]
    assert found == expected


def legs_of(ours: list[int], theirs: list[int], reference: int = 8) -> np.ndarray:
    """Sorted LINE rows of one reference."""
    rows = np.zeros(len(ours) + len(theirs), sorted_lines.LINE)
    rows["high"], rows["amount_fen"] = reference, [*ours, *theirs]
    rows["side"][len(ours) :] = sorted_lines.THEIRS
    rows["line"] = [*range(1, len(ours) + 1), *range(1, len(theirs) + 1)]
    return sorted_lines.ordered(rows)


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(-3, 3), max_size=3),
            st.lists(st.integers(-4, 4), max_size=40),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 9),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_surplus_put_aside_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
    references: list[tuple[list[int], list[int]]],
    chunk_rows: int,
) -> None:
    """One reference over many chunks gives the breaks that it gives as a whole."""
    rows = np.concatenate([legs_of(*sides, at) for at, sides in enumerate(references, 1)])
    whole = match.join([rows], False)
    with monkeypatch.context() as patched:
        patched.setattr(repeats, "KEPT", 6)  # twice the legs above
        chunks = [rows[at : at + chunk_rows] for at in range(0, len(rows), chunk_rows)]
        parted = match.join(chunks, False)
    assert [row.tolist() for row in parted.breaks] == [row.tolist() for row in whole.breaks]
    assert parted.tallies == whole.tallies


@pytest.mark.parametrize("chunk", [1, 2, 61, 500, 4096])
def test_chunks_may_end_anywhere(
    files: Manifest, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(statement, "CHUNK_BYTES", chunk)
    path = files.folder / files.sheets[0].file
    assert reconcile.reconcile(path, path).tallies[Finding.MATCHED].count == files.sheets[0].lines


SOUND = [
    # what a file may look like and still say the same
    "sequence,amount_fen\n2,5\n3,-7\n",
    "amount_fen,sequence\n5,2\n-7,3\n",
    "\ufeffsequence,amount_fen\r\n2,5\r\n3,-7\r\n",
    'note,"sequence",amount_fen\n"a, ""b""",2,"5"\n备注,"3",-7\n',
    '"amount_fen",sequence,note\r\n5,2,"x"\r\n-7,3,""\r\n',
    "sequence,amount_fen\n2,5\n3,-7\n#trailer,lines,2,in_fen,5,out_fen,7,net_fen,-2\n",
    "sequence,amount_fen\n0002,05\n3,-0007\n",
]


@pytest.mark.parametrize("text", SOUND)
def test_forms_that_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "theirs.csv"
    path.write_bytes(text.encode())
    opened = statement.open_statement(path)
    with opened.file:
        rows = list(statement.rows_of(opened, opened.reference))
    assert [row.columns["sequence"].tolist() for row in rows] == [[2, 3]]
    assert [row.columns["amount_fen"].tolist() for row in rows] == [[5, -7]]
    assert [row.first_line for row in rows] == [2]


PLAIN = [
    # a file as bytes, and what its refusal says
    (b"", "line 1: expected a line of column names, found the end"),
    (b"sequence,amount_fen", "line 1: expected a newline at its end"),
    (b"reference,amount\n1,2\n", "line 1: expected column names, amount_fen among them"),
    (b"amount_fen,terminal\n1,2\n", "line 1: expected columns named sequence, or terminal and"),
    (b"sequence,amount_fen,sequence\n1,2,3\n", "line 1, column sequence: expected each column"),
    (b"sequence,amount_fen\n1,2\n3,4", "line 3: expected a newline at its end.* cut short"),
    (b"sequence,amount_fen\n1,2\n3\n", "line 3: expected 2 fields, found 1"),
    (b"sequence,amount_fen\n1,2\n\n3,4\n", "line 3: expected 2 fields, found 1"),
    (b"sequence,amount_fen\n1,2,,3\n", "line 2: expected 2 fields, found 4"),
    (b"sequence,amount_fen\n1,\n", "line 2, column amount_fen: expected an integer, found nothing"),
    (b"sequence,amount_fen\n1,1.5\n", "line 2, column amount_fen: expected an integer .*'1.5'"),
    (b"sequence,amount_fen\n1,+5\n", r"column amount_fen: expected an integer .*'\+5'"),
    (b"sequence,amount_fen\n1, 5\n", "column amount_fen: expected an integer .*' 5'"),
    (b"sequence,amount_fen\n1,-\n", "column amount_fen: expected an integer .*'-'"),
    (b"sequence,amount_fen\n1,1e3\n", "column amount_fen: expected every digit of it.*'1e3'"),
    (b"sequence,amount_fen\n1,9223372036854775808\n", "expected an integer of 64 bits"),
    (b"sequence,amount_fen\n0,5\n", "line 2, column sequence: expected 1 to .*, found 0"),
    (b"sequence,leg,amount_fen\n1,256,5\n", "column leg: expected 0 to 255, found 256"),
    (b"terminal,terminal_seq,amount_fen\n4294967296,1,5\n", "column terminal: expected 0 to"),
    (b'sequence,amount_fen\n"1,2\n', "line 2, column sequence: expected a closing quote"),
    (b'sequence,amount_fen\n"1"x,2\n', "column sequence: expected a comma after the closing"),
    (b"sequence,amount_fen\n1,2\n3,\x004\n", "line 3: expected text, found a NUL byte"),
    ("sequence,amount_fen\n1,2\n".encode("utf-16"), "line 1: expected .*, found"),
    (b"sequence,amount_fen\n1,2\n#note\n", "line 3: expected #trailer,lines"),
    (
        b"sequence,amount_fen\n1,2\n#trailer,lines,2,in_fen,2,out_fen,0,net_fen,2\n",
        "line 3, column lines: expected 1 as its details come to, found 2",
    ),
    (
        b"sequence,amount_fen\n1,2\n#trailer,lines,1,in_fen,3,out_fen,0,net_fen,3\n",
        "line 3, column in_fen: expected 2 as its details come to, found 3",
    ),
    (
        b"sequence,amount_fen\n1,2\n#trailer,lines,1,in_fen,2,out_fen,0,net_fen,1\n",
        "line 3, net_fen: expected in_fen less out_fen, 2, found 1",
    ),
    (
        b"sequence,amount_fen\n1,2\n#trailer,lines,1,in_fen,2.0,out_fen,0,net_fen,2\n",
        "line 3, in_fen: expected an integer, found '2.0'",
    ),
    (b"\x00" * 100, "line 1: expected text, found a NUL byte"),
    (b"sequence,amount_fen\n" + b"1" * 70_000, "line 2: expected"),
    # Whether a chunk ends in it or not.
    (b"sequence,n,amount_fen\n1," + b"x" * 70_000 + b",5\n", "line 2: expected at most 65536 byt"),
    (b",".join([b"n"] * 30_000) + b"\n", "line 1: expected column names, amount_fen among"),
]


@pytest.mark.parametrize(("text", "says"), PLAIN)
def test_refusals_of_plain_files(files: Manifest, tmp_path: Path, text: bytes, says: str) -> None:
    theirs = tmp_path / "theirs.csv"
    theirs.write_bytes(text)
    with pytest.raises(BadInput, match=f"theirs.csv, {says}" if says[:4] == "line" else says):
        reconcile.reconcile(files.folder / files.sheets[0].file, theirs)


def sealed(lines: list[bytes]) -> bytes:
    """These lines under the right digest."""
    text = b"".join(lines)
    return text + f"#sha256,{hashlib.sha256(text).hexdigest()}\n".encode()


def swapped(line: int, old: bytes, new: bytes) -> Callable[[list[bytes]], bytes]:
    """A change of one line, and the digest made right again."""

    def change(lines: list[bytes]) -> bytes:
        assert old in lines[line]
        lines[line] = lines[line].replace(old, new, 1)
        return sealed(lines[:-1])

    return change


OURS = [
    # how a file in our form was changed, and what its refusal says
    (swapped(0, b"window,1", b"window,2"), "line 1, column window: expected 1, found 2: run"),
    (
        swapped(0, b"participant,1", b"participant,2"),
        "line 1, column participant: expected 1, found 2: give --participant 2",
    ),
    (swapped(0, b"2024-10-04", b"2024-10-05"), "line 1, column business_day: expected 2024-10-04"),
    (swapped(0, b"ledger,0001", b"ledger,0002"), "line 1, column ledger: expected 0001"),
    (swapped(0, b"format,1", b"format,2"), "line 1, format: expected 1, found '2'"),
    (swapped(0, b"CNY", b"USD"), "line 1, currency: expected CNY, found 'USD'"),
    (swapped(0, b",window", b",wundow"), "line 1: expected #header,format"),
    (swapped(1, b"leg,", b"log,"), "line 2: expected sequence,leg,terminal"),
    (swapped(-2, b"lines,", b"lines,1"), "column lines: expected"),
    (lambda lines: sealed([*lines[:5], *lines[6:-1]]), "column lines: expected"),
    (lambda lines: b"".join(lines).replace(b"ACCEPTED", b"TOMBSTON", 1), "the file was changed"),
    (lambda lines: b"".join(lines[:-1]), "expected a #sha256 line, found the end"),
    (lambda lines: b"".join(lines[:-2]), "expected a #trailer line, found the end"),
    (lambda lines: b"".join(lines)[:-70], "cut short|64 hexadecimal"),
    (lambda lines: b"".join(lines)[:-1], "cut short"),
    (lambda lines: b"".join(lines)[:3000], "cut short"),
    (lambda lines: b"".join(lines) + b"1,2\n", "expected the end of the file, found '1,2'"),
    (lambda lines: b"".join(lines) * 2, "expected the end of the file, found"),
]


@pytest.mark.parametrize(("change", "says"), OURS)
@pytest.mark.parametrize("chunk", [100, statement.CHUNK_BYTES])
def test_refusals_of_files_in_our_form(
    files: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
    change: Callable[[list[bytes]], bytes],
    says: str,
) -> None:
    monkeypatch.setattr(statement, "CHUNK_BYTES", chunk)
    ours = files.folder / files.sheets[0].file
    theirs = tmp_path / "theirs.csv"
    theirs.write_bytes(change(ours.read_bytes().splitlines(keepends=True)))
    with pytest.raises(BadInput, match=says) as refusal:
        reconcile.reconcile(ours, theirs)
    assert str(refusal.value).startswith(str(theirs)) and "\n" not in str(refusal.value)


def test_our_side_is_found_made_and_checked(tmp_path: Path) -> None:
    with journal_of(tmp_path, [40, 30]) as journal:
        theirs = tmp_path / "theirs.csv"
        theirs.write_text("sequence,amount_fen\n")
        with pytest.raises(BadInput, match="give --participant"):
            reconcile.our_sheet(journal, tmp_path, 1, theirs)
        with pytest.raises(NotFound, match="participant nobody is not one of window 1"):
            reconcile.our_sheet(journal, tmp_path, 1, theirs, "nobody")
        path = reconcile.our_sheet(journal, tmp_path, 1, theirs, "地铁集团")
        assert reconcile.our_sheet(journal, tmp_path, 1, path) == path
        path.write_bytes(path.read_bytes().replace(b"CNY", b"CNX", 1))
        with pytest.raises(BadInput, match="as its manifest says"):
            reconcile.our_sheet(journal, tmp_path, 1, theirs, "1")
        other = reconcile.our_sheet(journal, tmp_path, 2, theirs, "1")
        (path.parent / MANIFEST).write_bytes((other.parent / MANIFEST).read_bytes())
        with pytest.raises(BadInput, match="expected the head of window 1"):
            reconcile.our_sheet(journal, tmp_path, 1, theirs, "1")
        assert LEDGER.hex() in path.read_text()


def test_breaks_are_said_a_line_each(files: Manifest, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("terminal,terminal_seq,amount_fen\n99999,1,5\n")
    result = reconcile.reconcile(files.folder / files.sheets[3].file, theirs)
    head, *lines = BreakList(result).lines()
    assert head == (
        "what,name,terminal,epoch,terminal_seq,ours_line,ours_fen,theirs_line,theirs_fen,"
        "entry,window,time,card,kind,terminal_number,ours_yuan,theirs_yuan"
    )
    assert "theirs_only,长款,99999,0,1,,,2,5,,,,,,,,0.05" in lines
    said = json.loads("".join(BreakList(result).json_parts()))
    assert len(lines) == len(result.breaks) == len(said["breaks"])


def test_a_million_lines_in_seconds(tmp_path: Path) -> None:
    """Generous: this machine takes about 3 s."""
    entries = big_sheet(tmp_path / "ours.csv", 1_000_000)
    moving = entries["legs"] > 0
    amounts_fen = np.where(moving, entries["amount_fen"], 0)
    order = np.random.default_rng(5).permutation(len(entries))[:-1]
    amounts_fen[order[17]] += 1
    rows = np.column_stack([entries["sequence"][order].astype(np.int64), amounts_fen[order]])
    theirs = tmp_path / "theirs.csv"
    with theirs.open("w") as file:
        file.write("sequence,amount_fen\n")
        file.write("\n".join(map("{},{}".format, *rows.T.tolist())) + "\n")
    started = time.monotonic()
    result = reconcile.reconcile(tmp_path / "ours.csv", theirs)
    taken_s = time.monotonic() - started
    counts = {what: tally.count for what, tally in result.tallies.items() if tally.count}
    assert counts == {Finding.MATCHED: 999_998, Finding.AMOUNT_DIFFERS: 1, Finding.OURS_ONLY: 1}
    assert taken_s < 30
