"""One tree of errors: in code, in its docstring, on its page, on the wire and in the client."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode

from onecard.cli.exit_status import of_error
from onecard.core import errors
from onecard.core.errors import (
    REASONS,
    BadInput,
    DiskLow,
    Forbidden,
    LedgerForeign,
    OnecardError,
    Overloaded,
    Refused,
    Stopped,
    TooSlow,
    Unanswered,
    Unauthenticated,
    Unreachable,
    tree,
)
from onecard.grpc.client.errors import error_of
from onecard.grpc.metadata import METADATA, ROW_METADATA, TAKEN_METADATA
from onecard.grpc.server.refusal import DETAILS_BYTES_MAX, abort
from onecard.grpc.status import DOMAIN, status_of
from onecard.v1 import registry_pb2, registry_pb2_grpc
from tests.support.serving import register, run, served

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/errors.md").read_text()
# A line of the page: class, below, reason, status, exit status, and three cells of words.
ROW = re.compile(r"^\| (\w+) \| (\w*) ?\| ([A-Z_]+) \| ([A-Z_]+) \| (\d) \|(.+)\|$", re.M)
METADATA_BYTES_MAX = 8_192  # what gRPC's clients take unless they are told otherwise
DETAILS = "grpc-status-details-bin"


def sources() -> list[Path]:
    return [
        path for top in ("core", "grpc", "sample", "cli") for path in (ROOT / top).rglob("*.py")
    ]


def public() -> list[type[OnecardError]]:
    return [kind for kind in tree() if kind.__module__ == errors.__name__]


def test_every_class_is_of_the_tree_or_internal() -> None:
    for path in sources():
        module = path.relative_to(ROOT).with_suffix("")
        importlib.import_module(".".join(["onecard", *module.parts]).removesuffix(".__init__"))
    others = [kind for kind in tree() if kind not in public()]
    assert [kind.__name__ for kind in others if not str(kind.__doc__).startswith("Internal:")] == []
    assert "Interrupted" in [kind.__name__ for kind in others]  # so that others are seen at all
    assert len(public()) > 20


def test_each_reason_is_one_class_for_ever() -> None:
    assert REASONS == {kind.reason: kind for kind in public()}
    assert len(REASONS) == len(public())
    # What was sent once is never taken back: add, never change.
    assert set(REASONS) >= set(
        "FAILED BAD_INPUT NOT_FOUND OVERLOADED DISK_LOW CLOCK_DOUBTFUL RECLAIMED UNREAD REFUSED "
        "FORBIDDEN UNAUTHENTICATED UNREACHABLE STOPPED UNANSWERED TOO_SLOW LEDGER_MISSING "
        "LEDGER_IN_USE LEDGER_FOREIGN LEDGER_FAULT MAP_FULL WRITE_FAILED".split()
    )
    for kind in public():
        assert re.fullmatch(r"[A-Z][A-Z0-9_]{1,61}[A-Z0-9]", kind.reason)  # as ErrorInfo has it
        assert kind.__name__.lower() == kind.reason.replace("_", "").lower() or kind is OnecardError


def test_the_docstring_draws_the_tree() -> None:
    def drawn(kind: type[OnecardError], depth: int) -> list[tuple[int, str, str]]:
        here = [(depth, kind.__name__, kind.reason)]
        below = (drawn(one, depth + 1) for one in kind.__subclasses__() if one in public())
        return sum(below, here)

    found = re.findall(r"^    ((?:  )*)(\w+) +([A-Z_]+)$", str(errors.__doc__), re.M)
    said = [(len(indent) // 2, name, reason) for indent, name, reason in found]
    assert said == drawn(OnecardError, 0)


def test_the_page_says_each_as_the_code_has_it() -> None:
    rows = ROW.findall(PAGE)
    assert [name for name, *_ in rows] == [kind.__name__ for kind in public()]
    for kind, (_, below, reason, status, exit_status, words) in zip(public(), rows, strict=True):
        above = "" if kind is OnecardError else kind.__bases__[0].__name__
        found = (above, kind.reason, status_of(kind).name, str(int(of_error(kind("")))))
        assert found == (below, reason, status, exit_status), kind
        assert len([cell for cell in words.split("|") if cell.strip()]) == 3, kind


class Ended:
    """A call as both sides see it: what the server ended it with, and what a client reads."""

    def __init__(self) -> None:
        self.ended: tuple[StatusCode, str, Any] = (StatusCode.OK, "", ())

    async def abort(self, code: StatusCode, details: str, trailing: Any = ()) -> None:
        self.ended = (code, details, trailing)
        raise grpc.aio.AbortError

    def code(self) -> StatusCode:
        return self.ended[0]

    def details(self) -> str:
        return self.ended[1]

    def trailing_metadata(self) -> Any:
        return self.ended[2]


def ended(error: OnecardError) -> Ended:
    call = Ended()
    with pytest.raises(grpc.aio.AbortError):
        run(abort(call, error))
    return call


def about_a_row(error: OnecardError) -> OnecardError:
    error.rows, error.row, error.taken = "terminals", 17, 4096
    return error


@pytest.mark.parametrize("kind", public(), ids=lambda kind: kind.__name__)
def test_the_client_raises_what_the_server_meant(kind: type[OnecardError]) -> None:
    call = ended(about_a_row(kind("expected this, found that")))
    assert call.details() == "terminals[17]: expected this, found that"
    assert call.trailing_metadata()[:2] == (
        (ROW_METADATA, "terminals[17]"),
        (TAKEN_METADATA, "4096"),
    )
    raised = error_of("host:1", call)
    assert type(raised) is kind and raised.reason == kind.reason
    assert (raised.rows, raised.row, raised.taken) == ("terminals", 17, 4096)
    # As an older client has it, and as this one does of an older server.
    older = Ended()
    older.ended = (call.code(), call.details(), call.trailing_metadata()[:2])
    before = error_of("host:1", older)
    assert isinstance(raised, type(before)) and str(raised) == str(before)
    assert (before.rows, before.row, before.taken) == ("terminals", 17, 4096)


def test_what_the_wire_holds() -> None:
    (_, _, (name, value)) = ended(about_a_row(DiskLow("no room"))).trailing_metadata()
    status = Status.FromString(value)
    info = ErrorInfo()
    (detail,) = status.details
    assert name == DETAILS and detail.Unpack(info)
    assert (status.code, status.message) == (8, "terminals[17]: no room")
    assert (info.reason, info.domain) == ("DISK_LOW", DOMAIN)
    assert dict(info.metadata) == {"rows": "terminals", "row": "17", "taken": "4096"}
    [(_, value)] = ended(BadInput("no row")).trailing_metadata()
    Status.FromString(value).details[0].Unpack(info)
    assert dict(info.metadata) == {}


UNSURE = [  # status, reason, domain, what is raised
    (StatusCode.PERMISSION_DENIED, "TOO_MANY_CARDS", DOMAIN, Refused),
    (StatusCode.RESOURCE_EXHAUSTED, "QUOTA", DOMAIN, Overloaded),
    (StatusCode.UNAVAILABLE, "ELSEWHERE", DOMAIN, Unreachable),
    (StatusCode.ABORTED, "NEVER_HEARD_OF", DOMAIN, OnecardError),
    # It contradicts its status: who caught the class of the status still does.
    (StatusCode.NOT_FOUND, "DISK_LOW", DOMAIN, errors.NotFound),
    (StatusCode.RESOURCE_EXHAUSTED, "FAILED", DOMAIN, Overloaded),
    # Not ours: some proxy's.
    (StatusCode.UNAVAILABLE, "STOPPED", "example.com", Unreachable),
    (StatusCode.RESOURCE_EXHAUSTED, "", DOMAIN, Overloaded),
    (StatusCode.UNAVAILABLE, "STOPPED", DOMAIN, Stopped),
    (StatusCode.FAILED_PRECONDITION, "LEDGER_FOREIGN", DOMAIN, LedgerForeign),
    (StatusCode.DEADLINE_EXCEEDED, "TOO_SLOW", DOMAIN, TooSlow),
    (StatusCode.PERMISSION_DENIED, "FORBIDDEN", DOMAIN, Forbidden),
]


@pytest.mark.parametrize(("code", "reason", "domain", "kind"), UNSURE)
def test_a_reason_that_is_not_known(
    code: StatusCode, reason: str, domain: str, kind: type[OnecardError]
) -> None:
    status = Status(code=code.value[0], message="words")
    status.details.add().Pack(RetryInfo())
    status.details.add().Pack(ErrorInfo(reason=reason, domain=domain))
    call = Ended()
    call.ended = (code, "words", ((DETAILS, status.SerializeToString()),))
    raised = error_of("host:1", call)
    assert type(raised) is kind
    assert raised.reason == (reason if domain == DOMAIN and reason else kind.reason)


OLDER = [  # without a reason: what is raised by the status alone, and what is caught by it
    (StatusCode.INVALID_ARGUMENT, BadInput, BadInput),
    (StatusCode.PERMISSION_DENIED, Refused, Refused),
    (StatusCode.UNAUTHENTICATED, Unauthenticated, Refused),
    (StatusCode.UNAVAILABLE, Unreachable, Unreachable),
    (StatusCode.DEADLINE_EXCEEDED, Unanswered, Unanswered),
    (StatusCode.CANCELLED, Unanswered, Unanswered),
    (StatusCode.DATA_LOSS, errors.LedgerFault, errors.LedgerFault),
    (StatusCode.INTERNAL, OnecardError, OnecardError),
]


@pytest.mark.parametrize(("code", "kind", "caught"), OLDER)
def test_an_older_server(
    code: StatusCode, kind: type[OnecardError], caught: type[OnecardError]
) -> None:
    other = Status(code=code.value[0] + 1, message="words").SerializeToString()
    for trailing in (None, (), ((DETAILS, b"\xff no status"),), ((DETAILS, other),)):
        call = Ended()
        call.ended = (code, "words", trailing)
        raised = error_of("host:1", call)
        assert type(raised) is kind and isinstance(raised, caught)


def test_the_longest_text_goes_through_a_real_call(tmp_path: Path) -> None:
    """A text of three bytes a character is in it twice; all of it stays under gRPC's limit."""
    said = "长" * DETAILS_BYTES_MAX
    with served(tmp_path / "ledger") as server, server.client() as client:
        register(client)

        async def refuse(*_: object) -> None:
            raise about_a_row(DiskLow(said))

        server.server.clearing.bridge.act = refuse  # type: ignore[method-assign]
        rules = registry_pb2.Rules(amount_max_fen=1)
        with grpc.insecure_channel(server.address) as channel:
            with pytest.raises(grpc.RpcError) as refused:
                registry_pb2_grpc.RegistryStub(channel).PutRules(rules, timeout=10)
            call: Any = refused.value
        assert len(call.details().encode()) in range(DETAILS_BYTES_MAX - 2, DETAILS_BYTES_MAX + 1)
        size = sum(32 + len(name) + len(value) for name, value in call.trailing_metadata())
        assert size + 3 * len(call.details().encode()) < METADATA_BYTES_MAX
        with pytest.raises(DiskLow, match=r"长{100}") as raised:
            client.put_rules(amount_max_fen=1)
        assert (raised.value.rows, raised.value.row) == ("terminals", 17)


def test_classes_over_a_real_connection(tmp_path: Path) -> None:
    with served(tmp_path / "ledger") as server, server.client() as client:
        register(client)
        with server.client("Bus") as bus, pytest.raises(Forbidden):
            bus.put_rules(amount_max_fen=1)
        with server.client("Nobody") as nobody, pytest.raises(Unauthenticated):
            nobody.head()
        with pytest.raises(BadInput) as refused:
            client.load_participants([("Tram", 1), ("12", 1)])
        assert (refused.value.reason, refused.value.row) == ("BAD_INPUT", 1)
        server.node.inbox.close()
        with pytest.raises(Stopped) as stopped:
            list(client.authorize([b"\x12\x00"]))
        assert isinstance(stopped.value, Unreachable) and server.address in str(stopped.value)


def texts() -> Iterator[tuple[str, str]]:
    """Where an error of the tree is made out of words, and those that are always the same."""
    names = {kind.__name__ for kind in public()}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            if isinstance(node.func, ast.Name) and node.func.id in names:
                words = [one.value for one in ast.walk(node.args[0]) if is_text(one)]
                yield f"{path.relative_to(ROOT)}:{node.lineno}", "".join(words)


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_every_text_is_one_line() -> None:
    found = list(texts())
    assert len(found) > 250
    for where, words in found:
        assert "\n" not in words and not re.search(r"[^.][.!]$", words), (where, words)


def test_who_calls_is_asked_before_what_they_may_and_that_before_what_they_say(
    tmp_path: Path,
) -> None:
    """A call that breaks all three is refused by the first of them."""
    refused: dict[str, StatusCode] = {}
    with served(tmp_path / "ledger") as server, grpc.insecure_channel(server.address) as channel:
        with server.client() as client:
            register(client)
        call = channel.unary_unary("/onecard.v1.Registry/PutRules")
        for who in ("Nobody", "Bus", ""):
            with pytest.raises(grpc.RpcError) as error:
                call(b"\xff" * 70_000, timeout=10, metadata=((METADATA, who),) if who else ())
            refused[who] = error.value.code()  # type: ignore[attr-defined]
    assert refused == {
        "Nobody": StatusCode.UNAUTHENTICATED,
        "Bus": StatusCode.PERMISSION_DENIED,
        "": StatusCode.INVALID_ARGUMENT,
    }
