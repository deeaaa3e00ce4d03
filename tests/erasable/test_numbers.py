"""Printed numbers through a server and the command line: kept where the settings say so, nowhere in
the clear, shown to whoever runs the ledger, and gone once they are swept or erased."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from onecard.core.clock import SystemClock
from onecard.core.config import Settings
from onecard.core.days import DAY_US
from onecard.core.erasable.card_numbers import CardNumbers
from onecard.core.erasable.erasures import ERASURES
from onecard.core.erasable.store import ErasableStore
from onecard.core.erasable.store_file import ERASABLE
from onecard.core.erasable.store_key import STORE_KEY
from onecard.core.errors import OnecardError
from onecard.core.storage.environment import DATA_FILE
from onecard.ext.shape.numbers import Outcome, Store
from onecard.grpc.client import Client
from onecard.v1 import registry_pb2 as pb
from tests.erasable.kept import every_byte
from tests.support.onecard_command import Command, commands
from tests.support.serving import BANK, SMALL, Served, register, rides, served

KEEPING = replace(SMALL, numbers_kept_days=30)
FIRST, COUNT = 70, 40
AES = Store.AES_GCM


def twenty_digits(number: int) -> str:
    """As long as a member's card number is."""
    return f"310481{number:014d}"


PRINTED = [twenty_digits(number) for number in range(FIRST, FIRST + COUNT)]


def forms(number: str) -> list[bytes]:
    """What a number could look like on a disk: text of any encoding, or two digits a byte."""
    packed = bytes.fromhex(number)
    swapped = bytes(byte >> 4 | (byte & 15) << 4 for byte in packed)
    full_width = "".join(chr(ord(digit) + 0xFEE0) for digit in number)
    texts = [number.encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
    return [
        *texts,
        full_width.encode("gb18030"),
        packed,
        swapped,
        int(number).to_bytes(9, "little"),
    ]


def rows(printed: list[str]) -> list[pb.Card]:
    return [pb.Card(number=one, issuer=BANK, funding=pb.FUNDING_PREPAID) for one in printed]


def load(client: Client, printed: list[str], dry_run: bool = False) -> pb.LoadResponse:
    return client.load([pb.LoadRequest(cards=rows(printed), dry_run=dry_run)])


@pytest.fixture(scope="module")
def onecard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """In processes of its own: a process has a store open once."""
    with commands(tmp_path_factory.mktemp("typed")) as typed:
        yield typed


def shown(onecard: Command, folder: Path, token: int) -> str | None:
    """The number that is shown of a card; None where it is said that none is kept."""
    done = onecard("show", "number", folder, f"{token:016x}")
    if done.status:
        assert done.err.endswith("numbers_kept_days after they were sent last\n"), done.err
        assert done.err.count("\n") == 1
        return None
    return done.out.strip()


def eventually(server: Served, event: str) -> None:
    for _ in range(500):
        if event in server.log.getvalue():
            return
        time.sleep(0.02)
    raise AssertionError(f"{event} was never said: {server.log.getvalue()}")


def everything(client: Client, folder: Path) -> list[int]:
    """Whatever takes a number; the tokens."""
    register(client)
    load(client, PRINTED, dry_run=True)
    load(client, PRINTED[:-1])
    last = client.put_card(number=PRINTED[-1], issuer=BANK, funding=pb.FUNDING_CREDIT)
    tokens: list[int] = client.tokens(PRINTED).tolist()
    assert client.card(number=PRINTED[0]).token == tokens[0]
    assert last.token == tokens[-1]
    with pytest.raises(OnecardError):
        load(client, [*PRINTED[:3], PRINTED[0] + " "])
    assert next(client.authorize([rides(1)])).outcome[0] == Outcome.ACCEPTED
    return tokens


@pytest.mark.parametrize("days", [0, 30])
def test_a_number_is_in_no_byte_of_the_folder_or_the_log(
    onecard: Command, tmp_path: Path, days: int
) -> None:
    folder = tmp_path / "ledger"
    settings = replace(SMALL, numbers_kept_days=days)
    with served(folder, settings) as server, server.client() as client:
        tokens = everything(client, folder)
        held = every_byte(folder)
        if days:
            assert [shown(onecard, folder, token) for token in tokens[::13]] == PRINTED[::13]
    held += every_byte(folder) + server.log.getvalue().encode()
    for number in PRINTED:
        assert not [form for form in forms(number) if form in held]
    assert tokens[0].to_bytes(8, "little") in held  # and the search finds what is there
    kept = [folder / name for name in (STORE_KEY, ERASABLE, ERASURES)]
    assert [path.exists() for path in kept] == [bool(days), bool(days), False]


def test_an_erased_number_is_shown_no_more_while_the_ledger_is_served(
    onecard: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    with served(folder, KEEPING) as server, server.client() as client:
        register(client)
        load(client, PRINTED)
        tokens = client.tokens(PRINTED).tolist()
        said = onecard("erase", "card", folder, PRINTED[0], PRINTED[1])
        assert (said.status, said.out[:17]) == (0, "erased    2 of 2;"), said.err
        assert onecard("erase", "card", folder, "--token", 1).out[:17] == "erased    0 of 1;"
        assert (folder / ERASURES).read_text().count("\nCARD,") == 3
        assert [shown(onecard, folder, token) for token in tokens[:3]] == [None, None, PRINTED[2]]
        load(client, PRINTED[:1])  # the server finds the file that was made anew
        assert shown(onecard, folder, tokens[0]) == PRINTED[0]
    assert [shown(onecard, folder, token) for token in tokens[:2]] == [PRINTED[0], None]


class Clock(SystemClock):
    """Shows the time it is given."""

    us = 20_400 * DAY_US

    def now_us(self) -> int:
        return self.us


@pytest.mark.parametrize(
    ("days", "later", "kept"),
    [(30, 0, 3), (30, 30, 3), (30, 31, 1), (1, 1, 3), (1, 2, 1), (0, 0, 0), (0, 5, 0)],
)
def test_kept_for_so_many_whole_days_after_it_was_sent_last(
    tmp_path: Path, days: int, later: int, kept: int
) -> None:
    clock = Clock()
    numbers = CardNumbers(tmp_path, bytes(16), AES, Settings(numbers_kept_days=9), clock)
    numbers.keep([1, 2, 3], ["a", "b", "c"])
    numbers.close()
    numbers = CardNumbers(tmp_path, bytes(16), AES, Settings(numbers_kept_days=days), clock)
    clock.us += later * DAY_US
    numbers.keep([2], ["b"])
    assert numbers.sweep() == 3 - kept
    numbers.close()
    with ErasableStore.open(tmp_path, bytes(16), AES) as store:
        assert store.counts().subjects == kept


def test_a_sweep_where_none_were_ever_kept_makes_nothing(tmp_path: Path) -> None:
    assert CardNumbers(tmp_path, bytes(16), AES, KEEPING, Clock()).sweep() == 0
    assert not list(tmp_path.iterdir())


def test_old_numbers_go_when_a_window_closes_and_all_where_none_are_kept(
    onecard: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    with served(folder, KEEPING) as server, server.client() as client:
        register(client)
        load(client, PRINTED)
        tokens = client.tokens(PRINTED).tolist()
        later = Clock()
        later.us = SystemClock().now_us() + 31 * DAY_US
        assert server.server.numbers._kept is not None
        server.server.numbers._kept._clock = later
        load(client, PRINTED[:2])
        client.close_window(1, server.node.clock.now_us() // DAY_US, force=True)
        eventually(server, f"numbers_swept count={COUNT - 2}")
        assert [shown(onecard, folder, tokens[at]) for at in (0, 2)] == [PRINTED[0], None]
    with served(folder, SMALL) as server:
        eventually(server, "numbers_swept count=2")
        assert shown(onecard, folder, tokens[0]) is None


def test_old_numbers_go_where_a_window_is_closed_without_a_server(
    onecard: Command, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    with served(folder, KEEPING) as server, server.client() as client:
        register(client)
        load(client, PRINTED)
        token = client.card(number=PRINTED[0]).token
    settings = folder / "settings.toml"
    settings.write_text(settings.read_text().replace("kept_days = 30", "kept_days = 0"))
    assert shown(onecard, folder, token) == PRINTED[0]
    today = date.today().isoformat()
    done = onecard("settle", folder, 1, "--close", "--business-day", today)
    assert done.status == 0, done.err
    assert "numbers" not in done.err
    assert shown(onecard, folder, token) is None


BROKEN: list[tuple[str, Callable[[Path], object], Callable[[Path], object], str]] = [
    (
        "a key that others may read",
        lambda p: (p / STORE_KEY).chmod(0o644),
        lambda p: (p / STORE_KEY).chmod(0o600),
        "chmod 600",
    ),
    (
        "a store that is not there",
        lambda p: (p / ERASABLE / "00000001" / DATA_FILE).rename(p / "away"),
        lambda p: (p / "away").rename(p / ERASABLE / "00000001" / DATA_FILE),
        "restore the folder",
    ),
]


@pytest.mark.parametrize(("what", "do", "mend", "said"), BROKEN, ids=[one[0] for one in BROKEN])
def test_a_store_that_fails_refuses_numbers_and_nothing_else(
    onecard: Command,
    tmp_path: Path,
    what: str,
    do: Callable[[Path], object],
    mend: Callable[[Path], object],
    said: str,
) -> None:
    folder = tmp_path / "ledger"
    with served(folder, KEEPING) as server, server.client() as client:
        register(client)
        load(client, PRINTED[:1])
    do(folder)
    with served(folder, KEEPING) as server, server.client() as client:
        assert next(client.authorize([rides(1)])).outcome[0] == Outcome.ACCEPTED
        client.load([pb.LoadRequest(cards=[pb.Card(token=77, issuer=BANK, funding=1)])])
        for send in (
            lambda: load(client, PRINTED),
            lambda: client.put_card(number=PRINTED[5], issuer=BANK, funding=1),
        ):
            with pytest.raises(OnecardError, match=f"and cannot be: .*{said}") as told:
                send()
            assert told.value.reason == "FAILED"
            assert "\n" not in str(told.value)
        assert load(client, PRINTED, dry_run=True).cards == COUNT
        client.close_window(1, server.node.clock.now_us() // DAY_US, force=True)
        eventually(server, "numbers_not_swept")
        assert server.node.failed is None
        mend(folder)
        load(client, PRINTED)  # without a start anew
        token = client.card(number=PRINTED[9]).token
        assert shown(onecard, folder, token) == PRINTED[9]


def test_a_number_that_cannot_be_kept_is_said_and_sent_again(
    onecard: Command, tmp_path: Path
) -> None:
    """The store fails once the cards are registered: the same load again keeps their numbers."""
    folder = tmp_path / "ledger"
    with served(folder, KEEPING) as server, server.client() as client:
        register(client)
        load(client, PRINTED[:1])
        (folder / ERASABLE / "00000001").rename(folder / "away")
        with pytest.raises(OnecardError, match="registered and their numbers not kept: ") as told:
            load(client, PRINTED)
        assert told.value.taken == 0
        assert not [one for one in PRINTED if one in str(told.value) + server.log.getvalue()]
        (folder / "away").rename(folder / ERASABLE / "00000001")
        assert load(client, PRINTED).changed == 0
        token = client.card(number=PRINTED[5]).token
        assert shown(onecard, folder, token) == PRINTED[5]
