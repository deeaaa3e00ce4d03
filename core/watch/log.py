"""Structured logs: one line an event, logfmt or JSON, on standard error.

An event names the batch, the stream or the participant, never a card: what would put a card's
token or number, or a key, under a name listed in FORBIDDEN is left out here.

The log only tells. Nothing here raises, whatever it is given and whatever became of the file: a
line that cannot be said is dropped and counted. Nor does it wait, where it writes to `Lines`.
"""

import json
import logging
import re
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

from onecard.core.clock import Clock

Style = Literal["logfmt", "json"]
FORBIDDEN = frozenset({"card", "card_number", "token", "number", "key", "secret"})
Value = str | int | float | bool | None
# Lines of one event a second; of what comes after them only the count is told. A client that is
# refused again and again would else fill the disk, and hide what else there is to see.
SHOWN_A_SECOND = 10
SECOND_S = 1.0
VALUE_CHARS_MAX = 1000  # of one field: a line is read by people, and what was sent may be long
# What other libraries say may quote what they were given: such a run could be a card's number.
DIGITS = re.compile(r"\d{12,}")


class Out(Protocol):
    """Where lines go: a file of text, or core/watch/lines.py."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


class Log:
    """Writes events; each is whole on its line whichever thread it is from."""

    def __init__(self, clock: Clock, style: Style = "logfmt", out: Out | None = None) -> None:
        self.clock = clock
        self.style = style
        self.out = out if out is not None else sys.stderr
        self._failed = 0
        self._lock = threading.Lock()
        self._seconds: dict[str, _Second] = {}  # by event; events are few and named in the code

    @property
    def dropped(self) -> int:
        """Lines that were not written, for whatever reason."""
        return self._failed + int(getattr(self.out, "dropped", 0))

    def info(self, event: str, **fields: Value) -> None:
        """Something happened as it should."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Value) -> None:
        """Something was refused or given up, and the process goes on."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: Value) -> None:
        """The process cannot go on as it was."""
        self._write("error", event, fields)

    def tick(self) -> None:
        """Tell of what was not shown in a second that is over. To be called now and then."""
        try:
            now_s = self.clock.monotonic()
            with self._lock:
                over = [e for e, s in self._seconds.items() if now_s - s.began_s >= SECOND_S]
                ended = [(event, self._seconds.pop(event)) for event in over]
            for event, second in ended:
                self._tell_hidden(event, second)
        except Exception:
            self._count()

    def capture(self) -> None:
        """Bring here what modules, threads and the interpreter would put on standard error."""
        root = logging.getLogger()
        root.handlers = [_Handler(self)]
        root.setLevel(logging.WARNING)
        logging.getLogger("onecard").setLevel(logging.INFO)
        logging.captureWarnings(True)

        def died(given: threading.ExceptHookArgs) -> None:
            thread = given.thread.name if given.thread is not None else "unknown"
            where = _where(given.exc_traceback)
            self.error("thread_died", thread=thread, error=given.exc_type.__name__, where=where)

        def unraisable(given: Any) -> None:
            where = _where(given.exc_traceback)
            self.error("unraisable", error=given.exc_type.__name__, where=where)

        def uncaught(
            kind: type[BaseException], _: BaseException, trace: TracebackType | None
        ) -> None:
            self.error("uncaught", error=kind.__name__, where=_where(trace))

        threading.excepthook = died
        sys.unraisablehook = unraisable
        sys.excepthook = uncaught

    def _write(self, level: str, event: str, fields: dict[str, Value]) -> None:
        try:
            if self._shown(event):
                self._say(level, event, fields)
        except Exception:
            self._count()

    def _shown(self, event: str) -> bool:
        """Returns True when the event is among the first of its second."""
        now_s = self.clock.monotonic()
        with self._lock:
            second = self._seconds.get(event)
            before = None
            if second is None or now_s - second.began_s >= SECOND_S:
                before, second = second, _Second(now_s)
                self._seconds[event] = second
            second.count += 1
            shown = second.count <= SHOWN_A_SECOND
        if before is not None:
            self._tell_hidden(event, before)
        return shown

    def _tell_hidden(self, event: str, second: "_Second") -> None:
        hidden = second.count - SHOWN_A_SECOND
        if hidden > 0:
            self._say("warning", "not_shown", {"of": event, "count": hidden})

    def _say(self, level: str, event: str, fields: dict[str, Value]) -> None:
        row: dict[str, object] = {"at_us": self.clock.now_us(), "level": level, "event": event}
        for name, value in fields.items():
            if name in FORBIDDEN:
                row["withheld"] = name
            else:
                row[name] = _short(value)
        if self.style == "json":
            line = json.dumps(row, ensure_ascii=False, default=str)
        else:
            line = " ".join(f"{name}={_logfmt(value)}" for name, value in row.items())
        # One write a line: lines of two threads do not mix.
        self.out.write(line + "\n")
        self.out.flush()

    def _count(self) -> None:
        with self._lock:
            self._failed += 1


class _Second:
    """How often an event came in the second that began then, by the monotonic clock."""

    def __init__(self, began_s: float) -> None:
        self.began_s = began_s
        self.count = 0


class _Handler(logging.Handler):
    """One record, one event; a traceback stays out, its last line goes in.

    Of other libraries only the kind of an error goes in: its words may quote what a client sent.
    """

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            ours = record.name.split(".")[0] == "onecard"
            level = {"WARNING": self.log.warning, "ERROR": self.log.error}
            write = level.get(record.levelname, self.log.info)
            cause = record.exc_info[1] if record.exc_info else None
            fields: dict[str, Value] = {"source": record.name, "text": record.getMessage()}
            if not ours:
                fields["text"] = DIGITS.sub("...", record.getMessage().partition("\n")[0])
            if cause is not None:
                kind = type(cause).__name__
                fields["reason"] = f"{kind}: {cause}" if ours else kind
        except Exception:
            self.log._count()
        else:
            write("note", **fields)


def _where(trace: TracebackType | None) -> str:
    """File and line at which it was raised."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _short(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = str(value)
    return text if len(text) <= VALUE_CHARS_MAX else text[:VALUE_CHARS_MAX] + "..."


def _logfmt(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value)
    plain = text and not any(char in ' ="\\' or not char.isprintable() for char in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
