"""Every command with what people get wrong: one clear line, a status that says which kind it is."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from rich.cells import cell_len

from onecard.cli.exit_status import INTERRUPTED, PIPE_CLOSED, Exit, of_error
from onecard.cli.main import app
from onecard.core.errors import BadInput, LedgerFault
from onecard.core.ledger.opened import Ledger
from tests.support.onecard_command import Command, commands
from tests.support.serving import Served, register, rides, served

ONECARD = (sys.executable, "-c", "from onecard.cli.main import main; main()")
NOBODY = 65_534
PARTICIPANTS = "name,role\nBus,operator\n"
FREE = "--listen 127.0.0.1:0 --metrics-port 0"
READ = re.compile(r"\d+ \w+ read, \d+ changed")
CARDS = "number,token,issuer,funding\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("typed")
    # Whoever has another user must reach it, so that what is refused is the ledger itself.
    for above in (folder, *folder.parents):
        if above.stat().st_uid == os.geteuid() and above != Path("/"):
            above.chmod(above.stat().st_mode | 0o055)
    files = {
        "p.csv": PARTICIPANTS.encode(),
        "gb.csv": "name,role\n公交,operator\n".encode("gb18030"),
        "both.csv": f"{CARDS}Y-1,7,Bank,prepaid\n".encode(),
        "neither.csv": f"{CARDS}Y-1,,Bank,prepaid\n,,Bank,prepaid\n".encode(),
        "secret.csv": PARTICIPANTS.encode(),
        "text": b"not a ledger",
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "secret.csv").chmod(0)
    (folder / "empty").mkdir()
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    with served(folder / "ledger") as running:
        with running.client() as client:
            register(client)
            list(client.authorize([rides(1), rides(9)]))
        shutil.copytree(folder / "ledger", folder / "copy", ignore=shutil.ignore_patterns("owner"))
        yield running


@pytest.fixture(scope="module")
def onecard(folder: Path) -> Iterator[Command]:
    with commands(folder) as command:
        yield command


WRONG = [
    # what is typed, and what the one line says; {to} is a server, {none} a port of nobody's
    ("load participants p.csv --to 127.0.0.1", "address: expected HOST:PORT, such as 127.0.0.1:"),
    ("load participants p.csv --to 127.0.0.1:", "address: expected HOST:PORT"),
    ("load participants p.csv --to :7421", "address: expected HOST:PORT"),
    ("load participants p.csv --to host:port", "address: expected HOST:PORT"),
    ("load participants p.csv --to {none}", "within 3 s, found none; start one with onecard serve"),
    ("load participants gb.csv --to {to}", "gb.csv:2: expected UTF-8, found byte 0xb9, which can"),
    ("load participants absent.csv --to {to}", "absent.csv: No such file or directory"),
    ("load participants empty --to {to}", "empty: Is a directory"),
    (
        "load participants p.csv --to {to} --ids no/ids.csv",
        "no/ids.csv: expected a folder to write",
    ),
    (
        "load participants p.csv --to {to} --ids /dev/full",
        "/dev/full: No space left on device; mak",
    ),
    (
        "load cards both.csv --to {to}",
        "both.csv:2: expected a number or a token, found both; leave",
    ),
    (
        "load cards neither.csv --to {to}",
        "neither.csv:3: expected a number or a token, found neith",
    ),
    (
        "load tariff p.csv --effective-from 2026-02-30 --to {to}",
        "--effective-from: expected YYYY-MM-DD, found",
    ),
    (
        "load tariff p.csv --entry-min-fen 9223372036854775808 --to {to}",
        "Invalid value for '--entry-min-fen': expected a value less than or equal to 9223372036",
    ),
    ("load tariff p.csv --entry-min-fen -1 --to {to}", "Invalid value for '--entry-min-fen'"),
    ("load tariff empty --to {to}", "expected tariff.toml, or stops.txt of a GTFS feed"),
    ("load rules p.csv --to {to}", "p.csv:1: expected columns rule, value; found name, role"),
    ("load declarations p.csv --to {to}", "p.csv:1: expected columns terminal, day, taps, sum_fen"),
    ("tokens p.csv --to {to}", "p.csv:1: expected columns number; found name, role"),
    ("tokens both.csv --to 127.0.0.1", "address: expected HOST:PORT"),
    ("serve copy --listen {to} --metrics-port 0", "cannot listen on {to}: it is taken or not an"),
    (
        "serve copy --listen 127.0.0.1:0 --metrics-port {port}",
        "choose another port with --metrics",
    ),
    # What is wrong with the ledger comes before ports that are taken, by its own server perhaps.
    ("serve ledger --listen {to} --metrics-port {port}", "nobody else to write it, found process"),
    ("serve empty --listen {to} --metrics-port {port}", "empty: expected a ledger, found no ledge"),
    # Of the address, not of the port for metrics: another one would not help.
    ("serve copy --listen 192.0.2.1:0", "cannot listen on 192.0.2.1: Cannot assign requested addr"),
    ("serve copy --listen a..b:0", "cannot listen on a..b: "),
    ("serve ledger --listen nowhere", "address: expected HOST:PORT"),
    ("serve ledger " + FREE, "ledger: expected nobody else to write it, found process"),
    ("serve copy --set 5", "--set: expected NAME=VALUE with one of cards_max"),
    ("serve copy --set foo=1", "found 'foo=1'"),
    ("serve copy --set cards_max=x", "--set cards_max: expected a value of type int, found 'x'"),
    ("serve copy --set cards_max=-1", "cards_max: expected 1 to "),
    ("serve copy --set recent_max=0", "--set recent_max: expected 1 to 268435456, found 0"),
    ("serve copy --set message_bytes_max=99999999999", "--set message_bytes_max: expected 1024 to"),
    ("serve copy --set streams_max=1e9", "--set streams_max: expected a value of type int, found"),
    ("serve copy --set checkpoint_every_s=nan", "--set checkpoint_every_s: expected 0 to"),
    ("serve copy --log-format xml", "--log-format: expected logfmt or json, found 'xml'"),
    ("serve absent " + FREE, "absent: expected a ledger, found no ledger.toml; make one by"),
    ("serve text " + FREE, "text: expected a ledger, found no ledger.toml"),
    ("serve empty " + FREE, "empty: expected a ledger, found no ledger.toml"),
    ("verify text", "text: expected a ledger, found no ledger.toml"),
    ("verify ledger --head 12", "--head: expected 64 hexadecimal digits, found '12'"),
    ("show rules empty", "empty: expected a ledger, found no ledger.toml"),
    ("show card ledger \udcff", "found an invisible character (U+DCFF)"),
    ("show card ledger zz --token", "token: expected 16 hex digits, found 2 characters"),
    ("show card ledger 99999999999999999 --token", "expected 16 hex digits, found 17 characters"),
    ("show card ledger 1_0 --token", "token: expected 16 hex digits, found 3 characters"),
    (
        "show entry ledger 9999999999999999999999",
        "Invalid value for 'sequence': expected a value less than or equal to 922337203685477580",
    ),
    (
        "show gaps ledger --terminal 99999999999999999999",
        "Invalid value for '--terminal': expected a value less than or equal to 4294967295",
    ),
    (
        "show window ledger 99999999999999999999",
        "Invalid value for 'number': expected a value less than or equal to 4294967295",
    ),
    (f"show suspense ledger --operator {'9' * 5000}", "no participant is named '99999"),
    ("show entry ledger 0", "Invalid value for 'sequence': expected a value greater than or equal"),
    ("show entry ledger 9999", "ledger: sequence 9999 is beyond its end; the last is"),
    ("show window ledger 9", "window 9 is neither closed nor open; the open one is 1"),
    ("show suspense ledger --operator \udcff", "expected UTF-8 on the command line"),
    ("show suspense ledger --operator Tram", "no participant is named 'Tram'; onecard show partic"),
    ("settle ledger 1", "window 1 is not a closed window of this ledger; close it first"),
    ("settle ledger 1 --close", "--close: expected the day it is closed for; give --business-day"),
    (
        "settle ledger 1 --close --business-day 31.1.2026 --to {to}",
        "expected YYYY-MM-DD, found '31",
    ),
    ("settle text 1", "text: expected a ledger, found no ledger.toml"),
    ("reconcile 1 absent.csv --data ledger", "absent.csv"),
    ("reconcile 1 p.csv --data empty", "empty: expected a ledger, found no ledger.toml"),
    ("replay absent.csv --format shenzhen", "absent.csv: expected a file of taps, found: No such"),
    ("replay p.csv --format tokyo", "'--format'"),
    ("init ledger", "ledger: expected an empty folder or none, found files in it"),
    ("init text", "text: expected an empty folder or none"),
    ("init text/below", "text/below: Not a directory; expected a folder, and found a file on the"),
    ("dance", "No such command 'dance'; --help behind the command shows what it takes"),
    ("show card", "Missing argument"),
]


def test_what_people_get_wrong_is_said_in_one_line(
    folder: Path, server: Served, onecard: Command
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and nobody listens
        none = f"127.0.0.1:{nobody.getsockname()[1]}"
        names = {"to": server.address, "none": none, "port": server.address.split(":")[1]}
        for typed, says in WRONG:
            done = onecard(*typed.format(**names).split(" "))
            assert done.status == Exit.REFUSED, (typed, done)
            lines = done.err.splitlines()
            assert lines and lines[-1].startswith("onecard: "), (typed, done)
            assert says.format(**names) in lines[-1], (typed, done)
            told = [line for line in lines if not READ.match(line)]
            assert len(told) == 1, (typed, done)
            assert "Traceback" not in done.err and "None:" not in done.err, (typed, done)


def test_a_dead_port_is_said_by_whoever_only_asks(onecard: Command, server: Served) -> None:
    typed = "settle copy 1 --close --business-day 2026-01-31 --to 127.0.0.1:1"
    done = onecard(*typed.split())
    assert done.status == Exit.REFUSED
    assert "127.0.0.1:1: expected a server, found nobody who listens there; start one" in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
@pytest.mark.parametrize(
    "typed",
    (
        "show rules copy",
        "verify copy",
        f"serve copy {FREE}",
        "settle copy 1",
        "load participants secret.csv --to {to}",
        "init copy/below",
    ),
)
def test_what_may_not_be_read_says_to_whom_it_belongs(
    server: Served, onecard: Command, typed: str
) -> None:
    done = onecard(*typed.format(to=server.address).split(), user=NOBODY)
    assert done.status == Exit.REFUSED, done
    [line] = done.err.splitlines()
    assert line.startswith("onecard: ") and line.endswith("; run it as the user who owns it"), line


def test_a_full_disk_under_standard_output(server: Served, onecard: Command) -> None:
    for typed in ("show rules copy", "show card copy 1000 --token", "verify copy"):
        done = onecard(*typed.split(), out="/dev/full")
        assert done.status == Exit.REFUSED, (typed, done)
        [line] = done.err.splitlines()
        assert "standard output" in line and "No space left on device; make room" in line


def test_a_closed_pipe_is_no_break_and_no_fault(server: Served, onecard: Command) -> None:
    """What `onecard show gaps ledger | head -1` ends with, whoever of us was writing."""
    for typed in ("show gaps copy", "show card copy 1000 --token --json", "--help", "verify copy"):
        done = onecard(*typed.split(), out="closed pipe")
        assert (done.status, done.err) == (PIPE_CLOSED, ""), typed


def test_interrupted_says_so(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        to = f"127.0.0.1:{silent.getsockname()[1]}"
        command = [*ONECARD, "load", "participants", "p.csv", "--to", to]
        waiting = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        silent.settimeout(30)
        connection, _ = silent.accept()  # it waits for an answer now
        with connection:
            waiting.send_signal(signal.SIGINT)
            _, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, len(err.splitlines())) == (INTERRUPTED, 1), err
    assert "onecard: interrupted; nothing that was answered is lost" in err


def test_each_status_has_one_meaning(folder: Path, onecard: Command, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    Ledger.create(ledger)
    assert onecard("verify", ledger).status == Exit.DONE
    [data] = ledger.glob("journal/*/data.mdb")
    data.write_bytes(b"\xff" * 8192)
    done = onecard("verify", ledger)
    assert done.status == Exit.FAULT and "FAULT: " in done.err, done
    assert of_error(LedgerFault("")) == Exit.FAULT and of_error(BadInput("")) == Exit.REFUSED


def test_the_version(onecard: Command) -> None:
    done = onecard("--version")
    assert done.status == Exit.DONE and done.out.startswith("onecard 0."), done
    assert done.out.count("\n") == 1


def commands_of(app: typer.Typer, *above: str) -> Iterator[tuple[str, ...]]:
    """Every command as it is typed."""
    for command in app.registered_commands:
        assert command.callback is not None
        yield (*above, command.name or command.callback.__name__.replace("_", "-"))
    for group in app.registered_groups:
        assert group.typer_instance is not None and group.name is not None
        yield from commands_of(group.typer_instance, *above, group.name)


def test_help_fills_the_lines_of_a_terminal(onecard: Command) -> None:
    """A paragraph goes on until a line is full, wherever the docstring has its ends."""
    typed = list(commands_of(app))
    assert len(typed) > 30
    for command in typed:
        lines = onecard(*command, "--help").out.split("╭")[0].splitlines()
        assert max(map(cell_len, lines)) <= 80, command
        for line, after in pairwise(line.strip() for line in lines):
            if line and after:
                assert cell_len(f"{line} {after.split()[0]}") > 78, (command, line)
