"""The rules of the tree: who may import whom, and what no file may hold."""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
# Room -> the rooms it may name, its own apart, and no more than it does name; `v1` are what is
# generated. A room is a folder of ext, core or grpc, or the whole of what else there is; `core` and
# `grpc` are the files beside their rooms. Domain rooms meet in the registry and in the journal;
# settlement, exchange and reconcile follow each other and look one way. Services ask core/query.
ROOMS = {
    "ext/shape": "",
    "ext/wire": "ext/shape",
    "ext/text": "ext/shape",
    "ext/block": "ext/shape",
    "ext/fare": "ext/shape",
    "ext/state": "ext/block ext/shape",
    "ext/identity": "ext/shape",
    "ext/rule": "ext/shape ext/state",
    "ext/judge": "ext/block ext/shape ext/state ext/identity ext/rule ext/wire",
    "core": "",
    "core/watch": "core ext/shape ext/judge",
    "core/storage": "core core/watch",
    "core/journal": "core core/storage ext/block ext/shape",
    "core/checkpoint": "core core/journal core/storage core/watch ext/shape ext/state ext/identity",
    "core/erasable": "core core/storage ext/shape",
    "core/ledger": "core core/checkpoint core/journal core/storage core/watch ext/shape ext/state",
    "core/registry": "core core/journal ext/shape ext/state",
    "core/access": "core core/journal core/ledger core/registry core/storage ext/shape ext/state",
    "core/tariff": "core core/registry core/storage ext/fare ext/shape",
    "core/settlement": "core core/journal ext/shape ext/state",
    "core/exchange": "core core/journal core/ledger core/registry core/settlement core/storage"
    " ext/shape ext/identity ext/text",
    "core/reconcile": "core core/exchange core/journal ext/shape ext/text",
    "core/audit": "core core/checkpoint core/erasable core/journal core/ledger core/storage"
    " core/watch ext/shape ext/state ext/identity",
    "core/query": "core core/audit core/checkpoint core/journal core/ledger core/registry"
    " core/settlement ext/shape ext/state ext/identity",
    "core/authorize": "core core/access core/checkpoint core/journal core/ledger core/registry"
    " core/storage core/watch ext/shape ext/state ext/identity ext/judge ext/wire",
    "grpc": "core",
    "grpc/client": "core core/access grpc ext/wire v1",
    "grpc/server": "core core/access core/authorize core/erasable core/ledger core/query"
    " core/registry core/settlement core/watch ext/shape grpc v1",
    "sample": "core core/ledger core/reconcile core/tariff grpc/client ext/shape v1",
    "cli": "core core/access core/audit core/authorize core/erasable core/exchange core/journal"
    " core/ledger core/query core/reconcile core/registry core/settlement core/tariff core/watch"
    " grpc/client grpc/server sample ext/fare ext/shape v1",
}
OURS = ("ext", "core", "grpc", "sample", "cli")
ONLY_IN = {  # a library -> the one file, or the folders, that may import it
    "lmdb": ("core/storage/environment.py",),
    "prometheus_client": ("core/watch/metrics.py",),
    "grpc": ("grpc/", "cli/"),
    "typer": ("cli/",),
    "rich": ("cli/",),
}
THE_NODE = "onecard.core.authorize"  # of the server, these two alone know how it is spoken to
KNOW_THE_NODE = ("grpc/server/bridge.py", "grpc/server/process.py")
CLOCK_FILE = "core/clock.py"
CLOCKS = {
    "time": "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time "
    "process_time_ns thread_time thread_time_ns clock_gettime clock_gettime_ns localtime gmtime "
    "ctime asctime strftime",
    "datetime": "now utcnow today fromtimestamp",
    "date": "today fromtimestamp",
}
NO_NAMES = {"utils", "helpers", "common", "include"}
LINES_MAX = 500
README_LINES_MAX = 40
CODE = (".py", ".pyi", ".pyx", ".pxd")
TEXT = (*CODE, ".proto", ".md", ".toml", ".csv", ".json", ".yml", ".service", ".c", "", ".in")
# Joined, so that this file does not hold what it forbids.
MACHINE_PATHS = re.compile(
    "|".join(["/" + "work/", "/" + "farm/", "/" + "root/", "bash" + "_jobs"])
)
LONG_NUMBER = re.compile(r"(?<![\w.])\d{15,19}[Xx]?(?!\w)")

Rule = Callable[[str, str], Iterator[str]]


def files(*suffixes: str) -> list[Path]:
    """Every file of the project with such a suffix: what git keeps or would keep."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if listed.returncode or not listed.stdout:  # a source archive, or a copy git does not see
        tops = (*OURS, "bench", "tests", "docs", "deploy")
        names = [str(p.relative_to(ROOT)) for top in tops for p in (ROOT / top).rglob("*")]
        names = [name for name in names if "__pycache__" not in name]
    else:
        names = listed.stdout.splitlines()
    paths = [ROOT / name for name in names]
    return sorted(p for p in paths if p.suffix in suffixes and p.is_file())


def imports(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported, relative names resolved."""
    package = ["onecard", *Path(path).parent.parts]
    if path.endswith((".pyx", ".pxd")):
        pattern = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\s+|c?import\s+([\w.]+))", re.M)
        for match in pattern.finditer(source):
            name = match[1] or match[2]
            dots = len(name) - len(name.lstrip("."))
            if dots:
                name = ".".join([*package[: len(package) - dots + 1], name.lstrip(".")])
            yield source.count("\n", 0, match.start()) + 1, name
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            prefix = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{prefix}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            called = called.id if isinstance(called, ast.Name) else called
            if called in ("import_module", "__import__"):
                yield node.lineno, str(node.args[0].value)


def room_of(parts: list[str]) -> str:
    """The room of a file or module of ours, given its path or dotted name in parts."""
    room = "/".join(parts[:2])
    return room if room in ROOMS else parts[0]


def breaks_direction(path: str, source: str) -> Iterator[str]:
    """An import of a room that ROOMS does not name, or of a library elsewhere than allowed."""
    here = room_of(path.split("/"))
    for line, name in imports(path, source):
        parts = name.split(".")
        if parts[0] in ("tests", "bench"):
            yield f"{path}:{line}: {here} must not import {parts[0]}/"
        if parts[0] == "onecard":
            there = room_of([*parts[1:], ""])
            if there != here and there not in ROOMS[here].split():
                yield f"{path}:{line}: {here} must not import {there}"
        if here == "grpc/server" and name.startswith(THE_NODE) and path not in KNOW_THE_NODE:
            yield f"{path}:{line}: the node is spoken to over {' and '.join(KNOW_THE_NODE)}"
        if parts[0] in ONLY_IN and not path.startswith(ONLY_IN[parts[0]]):
            yield f"{path}:{line}: {parts[0]} is imported only in {', '.join(ONLY_IN[parts[0]])}"


def reads_clock(path: str, source: str) -> Iterator[str]:
    """A clock read outside core/clock.py."""
    if path == CLOCK_FILE or path.startswith("cli/"):
        return
    if path.endswith((".pyx", ".pxd")):
        for match in re.finditer(r"\bclock_gettime\b|\bgettimeofday\b|\btime\.\w+\(", source):
            yield f"{path}:{source.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        return
    for line, name in imports(path, source):
        if name.startswith("time.") and name[5:] in CLOCKS["time"].split():
            yield f"{path}:{line}: {name}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            if node.attr in CLOCKS.get(name, "").split():
                yield f"{path}:{node.lineno}: {name}.{node.attr}"


def includes_text(path: str, source: str) -> Iterator[str]:
    """A textual include: one unit in which no name shows its origin."""
    if path.endswith((".pyx", ".pxd")):
        for match in re.finditer(r"^\s*include\s+[\"']", source, re.M):
            yield f"{path}:{source.count(chr(10), 0, match.start()) + 1}: include"


def is_too_long(path: str, source: str) -> Iterator[str]:
    lines = source.count("\n")
    if path.endswith(CODE) and lines > LINES_MAX:
        yield f"{path}: {lines} lines, at most {LINES_MAX}"


def holds_what_must_not(path: str, source: str) -> Iterator[str]:
    """A path of somebody's machine, or a number that could be a real card's or citizen's."""
    for match in MACHINE_PATHS.finditer(source):
        yield f"{path}:{source.count(chr(10), 0, match.start()) + 1}: path {match[0]}"
    for match in LONG_NUMBER.finditer(source):
        before = source[: match.start()].removesuffix("-")
        if before.endswith(("_us=", "_us = ")):
            continue  # microseconds
        if path.startswith("tests/recorded/") and before.endswith('\\": '):
            continue  # a sum of fen in the JSON of a command, within JSON
        if looks_like_a_card(match[0]) or looks_like_a_citizen(match[0]):
            yield f"{path}:{source.count(chr(10), 0, match.start()) + 1}: number {match[0][:6]}…"


def looks_like_a_card(number: str) -> bool:
    """ISO/IEC 7812: 16 to 19 digits of a bank or transit range that pass the Luhn check."""
    if not (number.isdigit() and len(number) >= 16 and number[0] in "3456"):
        return False
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(number))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def looks_like_a_citizen(number: str) -> bool:
    """GB 11643: 17 digits with a date of birth within, and the ISO 7064 MOD 11-2 check."""
    if len(number) != 18 or not re.match(r"\d{6}(19|20)\d\d(0[1-9]|1[0-2])[0-3]\d", number):
        return False
    weighed = sum(int(digit) * (2 ** (17 - at) % 11) for at, digit in enumerate(number[:17]))
    return "10X98765432"[weighed % 11] == number[17].upper()


RULES: dict[str, tuple[Rule, tuple[str, ...], bool]] = {  # rule, suffixes, ours alone?
    "direction": (breaks_direction, CODE, True),
    "clock": (reads_clock, CODE, True),
    "include": (includes_text, CODE, True),
    "length": (is_too_long, CODE, False),
    "contents": (holds_what_must_not, TEXT, False),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_file_keeps_the_rule(rule: str) -> None:
    breaks, suffixes, ours = RULES[rule]
    found = []
    looked = 0
    for path in files(*suffixes):
        name = path.relative_to(ROOT).as_posix()
        if ours and name.split("/")[0] not in OURS:
            continue
        looked += 1
        found += breaks(name, path.read_text(errors="replace"))
    assert looked > 5
    assert not found, "\n".join(found)


VIOLATIONS = [  # rule, file, what it would hold, what the complaint says
    ("direction", "ext/wire/batch.pyx", "from onecard.core import errors\n", "import core"),
    ("direction", "ext/wire/batch.pyx", "from ...core.ledger cimport x\n", "import core/ledger"),
    ("direction", "ext/state/state.pyx", "from onecard.ext.judge.batch cimport x\n", "ext/judge"),
    ("direction", "ext/rule/verdict.pxd", "from ..judge.draft cimport EntryDraft\n", "ext/judge"),
    ("direction", "core/days.py", "from onecard.core.ledger.opened import Ledger\n", "core/ledger"),
    ("direction", "core/journal/block.py", "from onecard.core import ledger\n", "core/ledger"),
    ("direction", "core/tariff/x.py", "from ..settlement import window\n", "core/settlement"),
    ("direction", "core/settlement/x.py", "from onecard.core.exchange import f\n", "core/exchange"),
    ("direction", "core/ledger/x.py", "from onecard.grpc import client\n", "import grpc/client"),
    ("direction", "core/ledger/x.py", "def f():\n    from ...cli import main\n", "import cli"),
    ("direction", "core/ledger/x.py", "from onecard.v1 import tap_pb2_grpc\n", "import v1"),
    ("direction", "core/query/card.py", "from onecard.v1 import registry_pb2\n", "import v1"),
    ("direction", "core/ledger/x.py", "import grpc\n", "grpc is imported only"),
    ("direction", "core/ledger/x.py", "import lmdb\n", "lmdb is imported only"),
    ("direction", "grpc/server/x.py", "from lmdb import Environment\n", "lmdb is imported only"),
    (
        "direction",
        "grpc/server/x.py",
        "import importlib\nimportlib.import_module('lmdb')\n",
        "lmdb",
    ),
    ("direction", "grpc/server/x.py", "import prometheus_client.core\n", "prometheus_client"),
    ("direction", "grpc/server/x.py", "from onecard.cli.main import main\n", "import cli"),
    ("direction", "grpc/server/x.py", "from onecard.core.checkpoint import x\n", "core/checkpoint"),
    ("direction", "grpc/server/x.py", "from onecard.core.journal import Block\n", "core/journal"),
    ("direction", "grpc/server/x.py", "from onecard.core.audit import x\n", "import core/audit"),
    ("direction", "grpc/server/x.py", "from onecard.ext.state import state\n", "ext/state"),
    ("direction", "grpc/server/x.py", "from onecard.ext.judge import counters\n", "ext/judge"),
    ("direction", "grpc/server/x.py", "from onecard.ext.identity import ring\n", "ext/identity"),
    (
        "direction",
        "grpc/server/x.py",
        "from onecard.core.authorize import node\n",
        "spoken to over",
    ),
    ("direction", "grpc/client/x.py", "from onecard.grpc.server import access\n", "grpc/server"),
    ("direction", "grpc/client/x.py", "from onecard.core.authorize import x\n", "core/authorize"),
    ("direction", "cli/main.py", "from tests import twin\n", "tests/"),
    ("direction", "cli/show/card.py", "from onecard.ext.judge import batch\n", "ext/judge"),
    ("direction", "sample/send.py", "from onecard.cli import main\n", "import cli"),
    ("clock", "core/engine.py", "import time\nx = time.time()\n", "time.time"),
    ("clock", "core/engine.py", "from time import perf_counter\n", "time.perf_counter"),
    (
        "clock",
        "core/engine.py",
        "import datetime\nx = datetime.datetime.now()\n",
        "datetime.now",
    ),
    (
        "clock",
        "core/engine.py",
        "from datetime import date\nx = date.today()\n",
        "date.today",
    ),
    ("clock", "grpc/server/server.py", "import time\nf = time.monotonic_ns\n", "time.monotonic_ns"),
    ("clock", "ext/judge/batch.pyx", "cdef void f():\n    clock_gettime(0, &t)\n", "clock_gettime"),
    ("include", "ext/judge/batch.pyx", "include 'fares.pxi'\n", "include"),
    ("length", "core/engine.py", "x = 1\n" * 501, "501 lines"),
    ("contents", "README.md", "cd /" + "work/here\n", "path"),
    ("contents", "docs/a.md", "card 6222021234567890" + "128\n", "number 622202"),
    ("contents", "docs/a.md", "11010519491231002" + "X\n", "number 110105"),
]


@pytest.mark.parametrize(("rule", "path", "source", "complaint"), VIOLATIONS)
def test_a_violation_is_found(rule: str, path: str, source: str, complaint: str) -> None:
    found = list(RULES[rule][0](path, source))
    assert found
    assert complaint in " ".join(found)


ALLOWED = [
    ("direction", "cli/main.py", "from onecard.grpc import client\nimport typer\nimport grpc\n"),
    ("direction", "cli/load/rows.py", "from onecard.cli.table import print_rows\n"),
    ("direction", "cli/show/card.py", "from onecard.ext.shape.numbers import Kind\n"),
    ("direction", "grpc/server/server.py", "import grpc\nfrom onecard.v1 import tap_pb2\n"),
    ("direction", "grpc/server/x.py", "from onecard.core.query import card\n"),
    ("direction", "grpc/server/bridge.py", "from onecard.core.authorize import message\n"),
    (
        "direction",
        "core/storage/environment.py",
        "import lmdb\nfrom onecard.core import errors\n",
    ),
    (
        "direction",
        "ext/wire/batch.pyx",
        "from ..shape.journal cimport Entry\nfrom libc.stdint cimport int64_t\n",
    ),
    ("clock", "core/clock.py", "import time\nx = time.time_ns()\n"),
    ("clock", "core/authorize/node.py", "import time\ntime.sleep(1)\n"),
    ("contents", "docs/ledger.md", "946684800000000 <= t < 4102444800000000\n"),
]


@pytest.mark.parametrize(("rule", "path", "source"), ALLOWED)
def test_what_is_allowed_is_not_found(rule: str, path: str, source: str) -> None:
    assert not list(RULES[rule][0](path, source))


Edges = dict[tuple[str, str], str]  # (room, room that it names) -> a file that does


def edges() -> Edges:
    """Who names whom, as the files are."""
    found: Edges = {}
    for path in files(*CODE):
        name = path.relative_to(ROOT).as_posix()
        if name.split("/")[0] not in OURS:
            continue
        here = room_of(name.split("/"))
        for _, imported in imports(name, path.read_text(errors="replace")):
            top, *parts = imported.split(".")
            there = room_of([*parts, ""]) if top == "onecard" else here
            if there != here:
                found.setdefault((here, there), name)
    return found


def unused(rooms: dict[str, str], used: Edges) -> list[str]:
    """What a table allows and nobody does; what it allows of a room that is not there."""
    return [
        f"ROOMS allows {here} -> {there}, nothing uses it; take it out"
        for here, allowed in rooms.items()
        for there in allowed.split()
        if (here, there) not in used
    ]


def circle(rooms: dict[str, str]) -> str:
    """The rooms of a circle in a table, "" where there is none."""
    try:
        TopologicalSorter({here: allowed.split() for here, allowed in rooms.items()}).prepare()
    except CycleError as error:
        return " -> ".join(reversed(error.args[1]))
    return ""


def test_the_table_allows_what_is_used_and_no_more() -> None:
    assert not unused(ROOMS, edges())


def test_no_rooms_go_round_in_a_circle() -> None:
    assert not circle(ROOMS)


def test_every_folder_with_code_is_a_room() -> None:
    """One that is not in the table would pass as the files beside the rooms."""
    found = {path.relative_to(ROOT).parts for path in files(*CODE)}
    folders = {"/".join(parts[:2]) for parts in found if len(parts) > 2}
    assert {one for one in folders if one.startswith(("ext/", "core/", "grpc/"))} <= set(ROOMS)


UNTIDY = [  # a table, what is used, what is allowed for nothing, a circle
    ({"a": "b", "b": ""}, {("a", "b"): "a/x.pyx"}, "", ""),
    ({"a": "b", "b": ""}, {("b", "a"): "b/x.py"}, "a -> b", ""),
    ({"a": "", "b": "a v1"}, {("b", "a"): "b/x.pxd"}, "b -> v1", ""),
    ({"a": "b", "b": "a"}, {("a", "b"): "a/x.py", ("b", "a"): "b/x.pxd"}, "", "a -> b -> a"),
    (
        {"a": "b c", "b": "c", "c": "d", "d": "b"},
        dict.fromkeys([("a", "b"), ("a", "c"), ("b", "c"), ("c", "d"), ("d", "b")], "x.py"),
        "",
        "b -> c -> d -> b",
    ),
]


@pytest.mark.parametrize(("rooms", "used", "loose", "round_"), UNTIDY)
def test_an_untidy_table_is_found(
    rooms: dict[str, str], used: Edges, loose: str, round_: str
) -> None:
    assert [line.split(",")[0] for line in unused(rooms, used)] == (
        [f"ROOMS allows {loose}"] if loose else []
    )
    found = circle(rooms).split(" -> ")[1:]  # wherever in the circle it begins
    assert sorted(found) == sorted(round_.split(" -> ")[1:])


def test_what_is_compiled_is_looked_at_too() -> None:
    """Rooms of ext name each other in .pyx and .pxd alone."""
    used = edges()
    assert used["ext/judge", "ext/rule"].endswith((".pyx", ".pxd"))
    assert used["ext/rule", "ext/state"].endswith((".pyx", ".pxd"))


def test_import_grpc_reaches_grpcio() -> None:
    """With grpc/__init__.py, `import grpc` from the root would find our folder."""
    assert not (ROOT / "grpc" / "__init__.py").exists()
    assert not (ROOT / "onecard").exists()


def test_no_folder_or_file_is_named_after_nothing() -> None:
    named = {part.split(".")[0] for path in files(*TEXT) for part in path.relative_to(ROOT).parts}
    assert not named & NO_NAMES


def test_each_folder_says_what_lives_there() -> None:
    code = [path for path in files(*CODE) if path.name != "__init__.py"]
    folders = {path.parent for path in code} - {ROOT}
    folders |= {ROOT / "docs", ROOT / "deploy"}
    for folder in sorted(folders):
        readme = folder / "README.md"
        assert readme.is_file(), f"{folder.relative_to(ROOT)} has no README.md"
        lines = readme.read_text().count("\n")
        assert lines <= README_LINES_MAX, f"{readme.relative_to(ROOT)}: {lines} lines"
