"""Actors on the command line: a file each, registered by its digest, and who did what is shown."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onecard.cli.main import app
from onecard.core.access.actor_file import new_actor_file, read_actor_file
from onecard.core.access.sign_in import digest
from onecard.core.errors import BadInput
from tests.support.onecard_command import Command, commands
from tests.support.serving import Served, register, served

PEOPLE = {"Sun": "system", "Guo": "security", "Ma": "maker", "Chen": "checker+reader"}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    with commands(tmp_path_factory.mktemp("commands")) as command:
        yield command


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("served") / "ledger") as running:
        with running.client() as client:
            register(client)
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, ask: Command) -> dict[str, Path]:
    """A file each, and actors.csv with their digests."""
    folder = tmp_path_factory.mktemp("actors")
    rows = ["name,roles,secret_sha256"]
    made = {}
    for name, roles in PEOPLE.items():
        made[name] = folder / f"{name}.actor"
        done = ask("actor", "new", name, made[name])
        assert done.status == 0 and made[name].stat().st_mode & 0o777 == 0o600
        assert read_actor_file(made[name]).secret not in done.out + done.err
        assert done.out.strip() == digest(read_actor_file(made[name]).secret).hex()
        rows.append(f"{name},{roles},{done.out.strip()}")
    made["actors"] = folder / "actors.csv"
    made["actors"].write_text("\n".join(rows) + "\n")
    made["rules"] = folder / "rules.csv"
    made["rules"].write_text("rule,value\namount_max_fen,900\n")
    made["more"] = folder / "participants.csv"
    made["more"].write_text("name,role\nTram,operator\n")
    return made


def test_from_a_file_to_what_is_on_record(
    server: Served, ask: Command, files: dict[str, Path], tmp_path: Path
) -> None:
    to = ("--to", server.address)
    done = ask("load", "actors", files["actors"], *to, "--reason", "the first of them")
    assert (done.status, done.err) == (0, "4 actors read, 4 changed\n")
    done = ask("load", "rules", files["rules"], *to)
    assert done.status == 2 and "found nobody who signed in; sign in with --actor" in done.err
    by, and_by = ("--actor", files["Sun"]), ("--checker", files["Chen"])
    why = ("--reason", "as the council decided")
    guo = ("--actor", files["Guo"])
    assert ask("actor", "four-eyes", "on", *to, *guo, "--reason", "audit").status == 0
    assert "four eyes" in ask("load", "rules", files["rules"], *to, *by, *why).err
    done = ask("load", "rules", files["rules"], *to, *by, *and_by, *why)
    assert done.status == 0, done.err
    done = ask("load", "participants", files["more"], *to, "--actor", files["Ma"])
    assert done.status == 0, done.err
    ledger = server.node.ledger.path
    actors = json.loads(ask("show", "actors", ledger, "--json").out)["actors"]
    assert {one["name"]: one["roles"] for one in actors} == PEOPLE
    acts = json.loads(ask("show", "acts", ledger, "--json").out)["acts"]
    told = [(one["act"], one["outcome"], one["actor"], one["checker"]) for one in acts[-6:]]
    assert told == [
        ("actors", "done", "", ""),
        ("configs", "refused", "", ""),
        ("actors", "done", "Guo", ""),
        ("configs", "refused", "Sun", ""),
        ("configs", "done", "Sun", "Chen"),
        ("participants", "done", "Ma", ""),
    ]
    assert [one["reason"] for one in acts if one["act"] == "actors"] == [
        "the first of them",
        "audit",
    ]
    assert ask("show", "acts", ledger).out.count("\n") >= len(acts)
    verified = json.loads(ask("verify", ledger, "--json").out)
    assert verified["ok"] and verified["acts"] == sum(one["outcome"] == "done" for one in acts)


def test_a_folder_that_no_server_holds(
    ask: Command, files: dict[str, Path], tmp_path: Path
) -> None:
    """Nobody need sign in there; who does is held to the register, and is on record."""
    path = tmp_path / "ledger"
    with served(path) as running:
        to = ("--to", running.address)
        with running.client() as client:
            register(client)
        assert ask("load", "actors", files["actors"], *to).status == 0
    words = ("settle", path, 1, "--close", "--business-day", "2024-10-04", "--force")
    done = ask(*words)
    assert done.status == 2 and "--force: expected why, for the record" in done.err
    stranger = tmp_path / "stranger.actor"
    new_actor_file(stranger, "Ma")
    done = ask(*words, "--reason", "late", "--actor", stranger)
    assert done.status == 2 and "found others; check the file that was given" in done.err
    assert ask(*words, "--reason", "late", "--actor", files["Ma"]).status == 0
    last = json.loads(ask("show", "acts", path, "--json").out)["acts"][-1]
    assert (last["act"], last["actor"], last["reason"]) == ("windows", "Ma", "late")


def test_an_actor_file_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "a.actor"
    made = new_actor_file(path, 'Li "the \\ first"')
    assert read_actor_file(path) == made and len(made.secret) >= 43
    with pytest.raises(BadInput, match="expected no file there yet"):
        new_actor_file(path, "Li")
    path.chmod(0o640)
    with pytest.raises(BadInput, match="only its owner may read, found mode 0640; chmod 600"):
        read_actor_file(path)


BAD = {
    'actor = "Li"\n': "expected lines actor = and secret =",
    "actor = 1\nsecret = 2\n": "expected lines actor = and secret =",
    "\x00": "expected lines actor = and secret =",
    'actor = "Li"\nsecret = "short"\n': "a secret of 32 to 128 printable ASCII characters",
    f'actor = "Li"\nsecret = "{"é" * 40}"\n': "a secret of 32 to 128 printable ASCII",
    f'actor = ""\nsecret = "{"x" * 40}"\n': "expected a printable name",
    "#" * 5_000: "expected at most 4096 bytes",
}


@pytest.mark.parametrize("text", BAD, ids=[said for said in map(str, range(len(BAD)))])
def test_an_actor_file_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.actor"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadInput, match=BAD[text]) as error:
        read_actor_file(path)
    assert "short" not in str(error.value) and "é" not in str(error.value)
    os.remove(path)
    with pytest.raises(BadInput, match="found none; onecard actor new"):
        read_actor_file(path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("name,roles\nLi,king\n", "none, or some of system, security"),
        ("name,secret_sha256\nLi,abc\n", "64 hexadecimal digits"),
        ("name\nLi\n", "for who is new, found none"),
    ],
)
def test_a_row_that_is_wrong_is_named(
    server: Served, ask: Command, files: dict[str, Path], tmp_path: Path, rows: str, said: str
) -> None:
    file = tmp_path / "actors.csv"
    file.write_text(rows)
    guo, chen = ("--actor", files["Guo"]), ("--checker", files["Chen"])
    done = ask("load", "actors", file, "--to", server.address, *guo, *chen)
    assert done.status == 2 and said in done.err and "actors.csv:2" in done.err


def test_the_way_back_is_the_folder(ask: Command, files: dict[str, Path], tmp_path: Path) -> None:
    """Where nobody can sign in any more, its owner says who may."""
    path = tmp_path / "ledger"
    with served(path) as running, running.client() as client:
        register(client)
        done = ask("load", "actors", files["actors"], "--data", path)
        assert done.status == 2 and "or load them through its server: --to" in done.err
    done = ask("load", "actors", files["actors"], "--data", path)
    assert done.err.endswith("4 actors read, 4 changed\n")
    ma = tmp_path / "actors.csv"
    ma.write_text("name,participant,status,roles\nMa,Bus,blocked,none\n")
    assert ask("load", "actors", ma, "--data", path, "--reason", "left").status == 0
    assert ask("actor", "four-eyes", "on", "--data", path, "--actor", files["Guo"]).status == 0
    found = json.loads(ask("show", "actors", path, "--json").out)
    said = {one["name"]: (one["participant"], one["status"]) for one in found["actors"]}
    assert found["four_eyes"] and said["Ma"] == ("Bus", "blocked")
    done = ask("show", "actors", path)
    assert done.err == "four eyes on\n" and done.out.count("\n") == 5
    acts = json.loads(ask("show", "acts", path, "--json").out)["acts"]
    assert [(one["actor"], one["reason"]) for one in acts[-2:]] == [("", "left"), ("Guo", "")]


@pytest.mark.parametrize("name", ["ONECARD_ACTOR_FILE", "ONECARD_CHECKER_FILE"])
def test_the_environment_names_the_file(
    server: Served, files: dict[str, Path], tmp_path: Path, name: str
) -> None:
    words = ["load", "rules", str(files["rules"]), "--to", server.address]
    done = CliRunner().invoke(app, words, env={name: str(tmp_path / "gone.actor")})
    assert isinstance(done.exception, BadInput) and "gone.actor: expected" in str(done.exception)
