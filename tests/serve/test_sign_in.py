"""Who acts signs in; what an actor may, four eyes, what is refused and put on record."""

import re
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest

from onecard.core.access.caller import SignIn
from onecard.core.access.sign_in import digest
from onecard.core.errors import BadInput, Forbidden, OnecardError, Unauthenticated
from onecard.core.journal.block import ROWS
from onecard.core.query.actor import acts
from onecard.ext.shape.numbers import ActKind, ActorRole, ActOutcome, Record
from onecard.grpc.client import Client
from onecard.grpc.client.who import NOBODY, Who
from onecard.grpc.server.methods import ACTS, OPERATORS_OWN
from onecard.grpc.server.refusals import RECORDED_A_MINUTE
from onecard.v1 import registry_pb2 as pb
from tests.support.serving import BUS, Served, register, rides, served

DAY = 20_000  # 2024-10-04: only by force
NAMES = ("Sun", "Guo", "Yan", "Ma", "Chen", "Bus's")
SYSTEM, SECURITY, AUDIT, MAKER, CHECKER, OF_BUS = NAMES
SIGNED = {name: SignIn(name, f"a secret of chance, as long as it is: {name}") for name in NAMES}
ROLES = {
    SYSTEM: ActorRole.SYSTEM,
    SECURITY: ActorRole.SECURITY,
    AUDIT: ActorRole.AUDIT,
    MAKER: ActorRole.MAKER | ActorRole.CHECKER,
    CHECKER: ActorRole.CHECKER,
    OF_BUS: ActorRole.MAKER,
}
WRONG = SignIn(MAKER, "another secret, as long as those that are right")
UNKNOWN = SignIn("nobody", SIGNED[MAKER].secret)


def actor(name: str, roles: int | None = None, **more: int) -> pb.Actor:
    secret = digest(SIGNED[name].secret)
    return pb.Actor(name=name, secret_sha256=secret, roles=roles, **more)


def everybody() -> list[pb.Actor]:
    return [
        actor(name, roles, participant=BUS if name == OF_BUS else 0)
        for name, roles in ROLES.items()
    ]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """Nobody may act yet but whoever runs the ledger."""
    with served(tmp_path / "ledger") as running:
        with running.client() as client:
            register(client)
        yield running


def by(server: Served, name: str = "", checker: str = "", reason: str = "") -> Client:
    who = Who(SIGNED.get(name), SIGNED.get(checker), reason)
    return Client(server.address, timeout_s=10.0, who=who)


def on_record(server: Served) -> list[tuple[str, int, int, int, str]]:
    """Of the last ones: what, outcome, actor, checker, reason."""
    found = acts(server.node.journal)
    return [(one.what, one.outcome, one.actor, one.checker, one.reason) for one in found]


Call = Callable[[Client], object]
CALLS: dict[str, tuple[Call, str]] = {  # what is called, and who may
    "Load": (lambda client: client.put_participant("Tram", 1), MAKER),
    "PutCard": (lambda client: client.put_card(token=9, issuer=3, funding=1), MAKER),
    "PutTariff": (lambda client: client.put_tariff("a", 0, [[1]]), MAKER),
    "CloseWindow": (lambda client: client.close_window(1, DAY, force=True), MAKER),
    "Declare": (lambda client: client.declare([(1, DAY, 1, 1)]), MAKER),
    "PutScenes": (lambda client: client.put_scenes([pb.Scene(code=7, name="a")]), MAKER),
    "PutRules": (lambda client: client.put_rules(amount_max_fen=9), SYSTEM),
    "ConfirmClock": (lambda client: client.confirm_clock(0, "why"), SYSTEM),
    "PutActors": (lambda client: client.put_actors([actor(AUDIT, 0)]), SECURITY),
    "StreamJournal": (lambda client: next(client.journal()), AUDIT),
}


def test_nobody_need_sign_in_until_one_may_set_the_rules(server: Served) -> None:
    with by(server) as client:
        client.put_actors([actor(MAKER, ActorRole.MAKER)])
        client.put_participant("Tram", 1)
        client.close_window(1, DAY, force=True)  # as clients from before do, without a reason
        client.put_actors(everybody())
        for name, (call, _) in CALLS.items():
            with pytest.raises(Unauthenticated, match="found nobody who signed in"):
                call(client)
            assert client.head().sequence and name
    with by(server, MAKER) as client:
        assert client.window(1).closed


@pytest.mark.parametrize("name", CALLS)
def test_an_act_needs_its_role(server: Served, name: str) -> None:
    call, may = CALLS[name]
    with by(server) as client:
        client.put_actors(everybody())
    for who in NAMES:
        with by(server, who, reason="because") as client:
            if who == may:
                call(client)
            elif who == OF_BUS and name == "Declare":
                call(client)  # of its own terminal
            else:
                with pytest.raises(Forbidden):
                    call(client)
    told = [line for line in on_record(server) if line[1] == ActOutcome.DONE][-1]
    if name not in ("StreamJournal", "ConfirmClock"):  # nothing is written of these
        assert told[2] in (1 + NAMES.index(may), 1 + NAMES.index(OF_BUS)) and told[4] == "because"


@pytest.mark.parametrize("wrong", [WRONG, UNKNOWN, SignIn(MAKER, ""), SignIn("", "")])
def test_who_is_not_believed_is_refused_whatever_is_asked(server: Served, wrong: SignIn) -> None:
    with by(server) as client:
        client.put_actors(everybody())
    for who in (Who(wrong), Who(SIGNED[CHECKER], wrong)):
        with Client(server.address, who=who) as client:
            for call in (CALLS["Load"][0], lambda client: client.head()):
                with pytest.raises(Unauthenticated, match="found others; check the file") as error:
                    call(client)
                assert wrong.secret == "" or wrong.secret not in str(error.value)


def test_a_blocked_actor_acts_no_more(server: Served) -> None:
    with by(server) as client, by(server, MAKER) as maker, by(server, SECURITY) as security:
        client.put_actors(everybody())
        maker.put_participant("Tram", 1)
        security.put_actors([pb.Actor(name=MAKER, status=pb.STATUS_BLOCKED)])
        with pytest.raises(Unauthenticated):
            maker.put_participant("Ferry", 1)
        security.put_actors([pb.Actor(name=MAKER, status=pb.STATUS_ACTIVE)])
        maker.put_participant("Ferry", 1)


def test_an_actor_of_a_participant_acts_for_it(server: Served) -> None:
    with by(server) as client:
        client.put_actors(everybody())
    with by(server, OF_BUS) as client:
        assert [one.participant for one in client.window(1).positions] == [BUS]
    with Client(server.address, "Metro", who=Who(SIGNED[OF_BUS])) as client:
        with pytest.raises(Forbidden, match="actor: expected to act for participant 1, found 2"):
            client.head()
    with server.client("Bus") as client:  # its taps and its questions need no actor
        assert len(list(client.authorize([rides(1)]))) == 1


def test_four_eyes_are_two_actors(server: Served) -> None:
    rules, tariff = CALLS["PutRules"][0], CALLS["PutTariff"][0]
    with by(server) as client:
        client.put_actors(everybody(), four_eyes=True)
    for name, checker, call, said in (
        (SYSTEM, "", rules, r"expected a second actor with the role checker \(four eyes\)"),
        (SYSTEM, SYSTEM, rules, "expected another actor than the one who acts, found the same"),
        (SYSTEM, AUDIT, rules, "expected an actor with the role checker, found one without"),
        ("", CHECKER, rules, "found nobody who acts"),
        (SYSTEM, CHECKER, rules, ""),
        (MAKER, MAKER, tariff, "found the same"),
        (MAKER, CHECKER, tariff, ""),
        (SECURITY, "", lambda client: client.put_actors([], False), "four eyes"),
        (MAKER, "", lambda client: client.close_window(1, DAY, force=True), "four eyes"),
        (MAKER, CHECKER, lambda client: client.close_window(1, DAY, force=True), ""),
        (MAKER, "", lambda client: client.close_window(2, DAY), ""),
        (MAKER, MAKER, lambda client: client.put_participant("Tram", 1), "found the same"),
        (MAKER, "", lambda client: client.put_participant("Tram", 1), ""),
        (SECURITY, CHECKER, lambda client: client.put_actors([], False), ""),
        (SYSTEM, "", lambda client: client.put_rules(amount_max_fen=8), ""),
    ):
        with by(server, name, checker, "because") as client:
            if said:
                with pytest.raises(Forbidden, match=said):
                    call(client)
            else:
                call(client)
    told = [line[2:4] for line in on_record(server) if line[0] == "TARIFF_SETS" and line[1] == 1]
    assert told == [(1 + NAMES.index(MAKER), 1 + NAMES.index(CHECKER))]


def test_force_needs_a_reason_of_an_actor(server: Served) -> None:
    with by(server) as client:
        client.put_actors(everybody())
    with by(server, MAKER) as client, pytest.raises(BadInput, match="expected a reason"):
        client.close_window(1, DAY, force=True)
    with by(server, MAKER, reason="休息日") as client:
        client.close_window(1, DAY, force=True)
    assert on_record(server)[-1][4] == "休息日"
    with pytest.raises(BadInput, match="at most 200 printable"):
        Client(server.address, who=Who(reason="x" * 201)).head()


def test_refusals_are_on_record_and_no_more_than_some_a_minute(server: Served) -> None:
    with by(server) as client:
        client.put_actors(everybody())
    before = len(on_record(server))
    with Client(server.address, who=Who(WRONG)) as client:
        for _ in range(RECORDED_A_MINUTE + 3):
            with pytest.raises(Unauthenticated):
                client.put_rules(amount_max_fen=9)
    found = on_record(server)[before:]
    assert len(found) == RECORDED_A_MINUTE
    number = 1 + NAMES.index(MAKER)  # who was named
    assert {line[:4] for line in found} == {("CONFIGS", int(ActOutcome.REFUSED), number, 0)}
    assert server.server.refusals.counts == {"recorded": RECORDED_A_MINUTE, "not_recorded": 3}
    server.server.refusals._began_s -= 61
    with server.client("Bus") as client, pytest.raises(Forbidden):
        client.close_window(1, DAY)
    last = list(acts(server.node.journal))[-1]
    assert (last.what, last.actor, last.participant) == ("WINDOWS", 0, BUS)
    assert last.reason == "Settlement.CloseWindow: expected the ledger's own operator"


def test_what_a_caller_sent_is_not_put_on_record(server: Served) -> None:
    with server.client("what nobody may keep") as client, pytest.raises(Unauthenticated):
        client.head()
    last = list(acts(server.node.journal))[-1]
    assert (last.what, last.outcome) == (ActKind.ASK.name, ActOutcome.REFUSED)
    assert "nobody may keep" not in last.reason and "participant's id or name" in last.reason
    assert "nobody may keep" not in server.log.getvalue()
    assert "access_refused" in server.log.getvalue()


def test_a_secret_is_kept_nowhere(server: Served) -> None:
    """Not in a log, an error, or a file of the ledger."""
    said = StringIO()
    with by(server) as client:
        client.put_actors(everybody(), four_eyes=True)
    with by(server, SYSTEM, CHECKER, "because") as client:
        client.put_rules(amount_max_fen=9)
    for who in (Who(WRONG), Who(SIGNED[AUDIT]), Who(SIGNED[SYSTEM], SIGNED[SYSTEM])):
        with Client(server.address, who=who) as client:
            with pytest.raises(OnecardError) as error:
                client.put_rules(amount_max_fen=8)
            said.write(f"{error.value!r} {who!r} {client.metadata and ''}")
    kept = [said.getvalue(), server.log.getvalue()]
    kept += [
        path.read_bytes().decode("latin-1")
        for path in server.node.ledger.path.rglob("*")
        if path.is_file()
    ]
    for secret in (one.secret for one in (*SIGNED.values(), WRONG)):
        assert not any(secret in text for text in kept)


def test_a_secret_does_not_leave_the_machine_in_the_clear() -> None:
    with pytest.raises(BadInput, match="expected an address of this machine"):
        Client("192.0.2.1:7421", who=Who(SIGNED[MAKER]))
    Client("192.0.2.1:7421", who=NOBODY).close()


def test_every_record_has_a_role_and_a_line_on_the_page() -> None:
    page = (Path(__file__).resolve().parent.parent.parent / "docs/ledger.md").read_text()
    table = page[page.index("| act | what | needs the role") :].split("\n\n")[0]
    named = set(re.findall(r"\b[A-Z_]{3,}\b", table))
    wanted = {one.name for one in (*map(Record, ROWS), *ActKind)} - {"ENTRIES", "ACT"}
    assert wanted <= named


def test_whatever_is_the_operators_own_needs_a_role() -> None:
    """A method that only whoever runs the ledger may call, and that no role is asked for, would be
    open to each of the people who do."""
    assert set(ACTS) >= OPERATORS_OWN
