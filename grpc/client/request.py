"""What a call sends, out of what a caller gave: whatever does not fit is refused here, in one line
that says what was expected, before anything is sent. A value is never said: it may be a card's."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from onecard.core.errors import BadInput

M = TypeVar("M", bound=Message)
T = TypeVar("T")

TIMEOUT_S_MAX = 10 * 365 * 86_400  # ten years: beyond it gRPC's own sums of time do not fit
NOT_IN_IT = (TypeError, ValueError, OverflowError)  # what protobuf says of a value
FIELD = FieldDescriptor
RANGES = {
    FIELD.CPPTYPE_INT32: "-2^31 to 2^31 - 1",
    FIELD.CPPTYPE_INT64: "-2^63 to 2^63 - 1",
    FIELD.CPPTYPE_UINT32: "0 to 2^32 - 1",
    FIELD.CPPTYPE_UINT64: "0 to 2^64 - 1",
}


def message_of(kind: type[M], fields: dict[str, Any], first: int = 0) -> M:
    """A message of these fields. BadInput names the one that does not fit, and of a list the row,
    counted from `first`; its `row` is that, too."""
    try:
        made = kind(**fields)
        # Absent is what None means, and of a field that is always there it would be a 0.
        if all(value is not None for value in fields.values()):
            return made
    except NOT_IN_IT:
        made = None
    for name, value in fields.items():
        field = kind.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            known = ", ".join(one.name for one in kind.DESCRIPTOR.fields)
            raise BadInput(
                f"{kind.__name__}: field {name} takes no such {type(value).__name__}; its fields "
                f"are {known}, with the types and ranges that the .proto says"
            )
        if value is None and not field.has_presence:
            raise _refused(kind, field, value)
        if value is not None and not _fits(kind, name, value):
            for at, one in enumerate(value if isinstance(value, list) else ()):
                if not _fits(kind, name, [one]):
                    raise _refused(kind, field, one, first + at)
            raise _refused(kind, field, value)
    return kind(**fields) if made is None else made


def messages_of(kind: type[M], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[M]:
    """A message a row, its fields in the order of `names`. BadInput names the row, as above."""
    for at, row in enumerate(_iterator("rows", rows)):
        try:
            values = () if isinstance(row, (str, bytes)) else tuple(row)
        except TypeError:
            values = ()
        if len(values) != len(names):
            expected, found = ", ".join(names), len(values) or f"a {type(row).__name__}"
            raise _in_row(at, f"expected ({expected}), found {found}")
        try:
            yield message_of(kind, dict(zip(names, values, strict=True)))
        except BadInput as error:
            raise _in_row(at, str(error)) from None


def parts_of(what: str, rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most `size` of the rows, in their order. BadInput where they are no rows."""
    rest = _iterator(what, rows)
    while part := list(islice(rest, size)):
        yield part


def only(what: str, kind: type[T], rows: Iterable[Any]) -> Iterator[T]:
    """The rows as they are; BadInput names the first that is of another type."""
    for at, row in enumerate(_iterator(what, rows)):
        if not isinstance(row, kind):
            raise _in_row(at, f"expected {what} of {kind.__name__}, found {type(row).__name__}")
        yield row


def whole_of(what: str, value: object, least: int) -> int:
    """An integer of at least `least`; BadInput."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        found = "a number below it" if type(value) is int else f"a {type(value).__name__}"
        raise BadInput(f"{what}: expected an integer of at least {least}, found {found}")
    return value


def seconds_of(what: str, value: object) -> float:
    """A time to wait; BadInput."""
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not 0 <= value <= TIMEOUT_S_MAX:  # type: ignore[operator]
        found = "a number out of it" if fits else f"a {type(value).__name__}"
        raise BadInput(f"{what}: expected seconds, 0 to {TIMEOUT_S_MAX}, found {found}")
    return float(value)  # type: ignore[arg-type]


def text_of(what: str, value: object) -> str:
    """A text of whole characters; BadInput."""
    if not isinstance(value, str) or any("\ud800" <= one <= "\udfff" for one in value):
        found = "half of a character" if isinstance(value, str) else f"a {type(value).__name__}"
        raise BadInput(f"{what}: expected text, found {found}")
    return value


def _fits(kind: type[M], name: str, value: object) -> bool:
    """Returns True when protobuf takes the value."""
    try:
        kind(**{name: value})
    except NOT_IN_IT:
        return False
    return True


def _refused(kind: type[M], field: Any, value: object, row: int | None = None) -> BadInput:
    if field.cpp_type in RANGES:
        expected = f"an integer of {RANGES[field.cpp_type]}"
    elif field.cpp_type == FIELD.CPPTYPE_ENUM:
        expected = f"a {field.enum_type.name}, by its number or name"
    elif field.cpp_type == FIELD.CPPTYPE_MESSAGE:
        expected = f"a {field.message_type.name}"
    else:
        expected = "True or False" if field.cpp_type == FIELD.CPPTYPE_BOOL else "text"
    if field.is_repeated and row is None:
        expected = f"rows, each {expected}"
    said = f"{kind.__name__}: field {field.name} takes no such {type(value).__name__}; "
    said += f"expected {expected}"
    return BadInput(said) if row is None else _in_row(row, said)


def _in_row(row: int, said: str) -> BadInput:
    refusal = BadInput(f"row {row}: {said}")
    refusal.row = row
    return refusal


def _iterator(what: str, rows: Iterable[T]) -> Iterator[T]:
    """Letters of a text are no rows."""
    try:
        if not isinstance(rows, (str, bytes)):
            return iter(rows)
    except TypeError:
        pass
    raise BadInput(f"{what}: expected rows, found a {type(rows).__name__}")
