"""Structured logs: one line an event, logfmt or JSON, on standard error.

An event names the batch, the stream or the participant, never a card: whoever would put a card's
token or number, or a key, under a name listed in FORBIDDEN is stopped here.
"""

import json
import logging
import sys
from typing import Literal, TextIO

from onecard.core.clock import Clock

Style = Literal["logfmt", "json"]
FORBIDDEN = frozenset({"card", "card_number", "token", "number", "key"})
Value = str | int | float | bool | None


class Log:
    """Writes events; each is whole on its line whichever thread it is from."""

    def __init__(self, clock: Clock, style: Style = "logfmt", out: TextIO | None = None) -> None:
        self.clock = clock
        self.style = style
        self.out = out if out is not None else sys.stderr

    def info(self, event: str, **fields: Value) -> None:
        """Something happened as it should."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: Value) -> None:
        """Something was refused or given up, and the process goes on."""
        self._write("warning", event, fields)

    def error(self, event: str, **fields: Value) -> None:
        """The process cannot go on as it was."""
        self._write("error", event, fields)

    def capture(self) -> None:
        """Bring what modules say through the standard library's logging here as well."""
        handler = _Handler(self)
        root = logging.getLogger("onecard")
        root.handlers = [handler]
        root.propagate = False
        root.setLevel(logging.INFO)

    def _write(self, level: str, event: str, fields: dict[str, Value]) -> None:
        if named := FORBIDDEN & fields.keys():
            raise ValueError(f"log: {', '.join(sorted(named))} may not be logged, event {event}")
        row = {"at_us": self.clock.now_us(), "level": level, "event": event, **fields}
        if self.style == "json":
            line = json.dumps(row, ensure_ascii=False, default=str)
        else:
            line = " ".join(f"{name}={_logfmt(value)}" for name, value in row.items())
        # One write a line: lines of two threads do not mix.
        self.out.write(line + "\n")
        self.out.flush()


class _Handler(logging.Handler):
    """One record, one event; a traceback stays out, its last line goes in."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        level = {"WARNING": self.log.warning, "ERROR": self.log.error}
        write = level.get(record.levelname, self.log.info)
        cause = record.exc_info[1] if record.exc_info else None
        reason = f"{type(cause).__name__}: {cause}" if cause is not None else None
        fields = {} if reason is None else {"reason": reason}
        write("note", source=record.name, text=record.getMessage(), **fields)


def _logfmt(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "" if value is None else str(value)
    plain = text and not any(char in ' ="\\' or not char.isprintable() for char in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
