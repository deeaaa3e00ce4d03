"""DIR/erasures: what was erased, a line each, appended and never changed.

    #erasures,format,1,ledger,0001…0e0f
    CARD,00c0ffee00c0ffee,1795332600000000,7d15…
    HOLDER,0000000000000007,1795332601000000,90ab…

Kind, id (a card's is its token), when, in microseconds since 1970 UTC, and a checksum over the line
and the checksum before it. It stands beside the store and not in it: a copy of the store that is
restored brings back what was erased since, and this file, the newest there is, erases it again.
"""

import os
import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from onecard.core.erasable.subject import Subject, SubjectKind
from onecard.core.errors import LedgerFault, LedgerForeign, OnecardError, os_words
from onecard.core.failpoint import here
from onecard.core.storage.environment import sync_folder

ERASURES = "erasures"
FORMAT = 1
LINE = re.compile(rb"(?P<kind>[A-Z]+),(?P<id>[0-9a-f]{16}),(?P<us>[0-9]+),(?P<check>[0-9a-f]{16})")
CHECK_BYTES = 8
LINE_END_BYTES = 1 + 2 * CHECK_BYTES + 1  # the comma, the checksum, the newline


class Mark(NamedTuple):
    """A place in the file: behind so many bytes, and the checksum of the last line in them."""

    byte: int
    check: bytes  # 16 hexadecimal digits


class Erasure(NamedTuple):
    """One line, and the place behind it."""

    subject: Subject
    at_us: int
    end: Mark


class Erasures:
    """The file of one ledger. Who appends holds the store's lock."""

    def __init__(self, path: Path, ledger_id: bytes) -> None:
        self.file = path / ERASURES
        self._ledger_id = ledger_id
        self._head = f"#erasures,format,{FORMAT},ledger,{ledger_id.hex()}\n".encode()

    @property
    def start(self) -> Mark:
        """The place behind the first line."""
        return Mark(len(self._head), _check(b"", self._head))

    @property
    def size_bytes(self) -> int:
        """Of the file as it is; as of one without erasures where there is none, or no whole first
        line, which a kill or a full disk leaves."""
        try:
            return max(self.file.stat().st_size, len(self._head))
        except FileNotFoundError:
            return len(self._head)

    def since(self, mark: Mark) -> Iterator[Erasure]:
        """What was appended behind a place, in order. A line that a kill cut short is none.

        LedgerForeign where it is another ledger's, LedgerFault where it was changed or is not
        whole up to the place.
        """
        at, check = mark
        for line in self._behind(mark).splitlines(keepends=True):
            if not line.endswith(b"\n"):
                return
            at += len(line)
            erasure = _parsed(line[:-1], check, at)
            if erasure is None:
                raise LedgerFault(
                    f"{self.file}: expected a line with its checksum before byte {at}, found it "
                    "changed or damaged; put its newest copy back"
                )
            check = erasure.end.check
            yield erasure

    def check(self, mark: Mark) -> None:
        """Read all of it, and find `mark` at the end of a line; errors as for `since`."""
        if mark not in (self.start, *(erasure.end for erasure in self.since(self.start))):
            raise self._another(mark)

    def append(self, subjects: Sequence[Subject], at_us: int, mark: Mark) -> Mark:
        """Put erasures on record behind all there are, durable when this returns; the place behind
        them. `mark` is a place from which the file is read.

        OnecardError where it cannot be written; whatever of it is on record all the same is erased
        at the next opening.
        """
        for erasure in self.since(mark):
            mark = erasure.end
        begin, check = mark
        lines = []
        if mark == self.start:  # there may be no file yet, or half of its first line
            begin, lines = 0, [self._head]
        for subject in subjects:
            said = f"{SubjectKind(subject.kind).name},{subject.id:016x},{at_us},".encode()
            check = _check(check, said)
            lines.append(said + check + b"\n")
        text = b"".join(lines)
        try:
            self._write(text, begin)
            sync_folder(self.file.parent)
        except OSError as error:
            error.filename = error.filename or str(self.file)
            raise OnecardError(f"not erased: {os_words(error)}") from None
        return Mark(begin + len(text), check)

    def cut(self, mark: Mark) -> None:
        """Take away what a kill left behind the last whole line, which was never on record."""
        try:
            with self.file.open("r+b") as file:
                file.truncate(mark.byte)
                os.fsync(file.fileno())
        except OSError as error:
            raise OnecardError(os_words(error)) from None

    def _write(self, text: bytes, begin: int) -> None:
        """In place of whatever a kill left there."""
        file = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, begin)
            half = len(text) // 2
            for part, at in ((text[:half], begin), (text[half:], begin + half)):
                view = memoryview(part)
                while view:
                    written = os.pwrite(file, view, at)
                    view, at = view[written:], at + written
                here("mid_erasure_line")
            os.fsync(file)
        finally:
            os.close(file)

    def _behind(self, mark: Mark) -> bytes:
        """What stands behind a place, once it is the place of this file."""
        try:
            with self.file.open("rb") as file:
                head = file.read(len(self._head))
                if len(head) < len(self._head) and self._head.startswith(head):
                    head = self._head  # a kill while it was made
                file.seek(mark.byte - LINE_END_BYTES)
                end, text = file.read(LINE_END_BYTES), file.read()
        except FileNotFoundError:
            head, end, text = self._head, b"", b""
        except OSError as error:
            raise OnecardError(os_words(error)) from None
        if head != self._head:
            raise LedgerForeign(
                f"{self.file}: expected the erasures of ledger {self._ledger_id.hex()}, found "
                "another file; put this ledger's back"
            )
        if mark != self.start and end != b"," + mark.check + b"\n":
            raise self._another(mark)
        return text

    def _another(self, mark: Mark) -> LedgerFault:
        return LedgerFault(
            f"{self.file}: expected a line that ends after {mark.byte} bytes with "
            f"{mark.check.decode()}, found another file or a part of it; put its newest copy back"
        )


def _parsed(line: bytes, before: bytes, end: int) -> Erasure | None:
    found = LINE.fullmatch(line)
    if found is None or found["check"] != _check(before, line[: found.start("check")]):
        return None
    kind = SubjectKind.__members__.get(found["kind"].decode())
    if kind is None:
        return None
    subject = Subject(kind, int(found["id"], 16))
    return Erasure(subject, int(found["us"]), Mark(end, found["check"]))


def _check(before: bytes, said: bytes) -> bytes:
    return blake2b(before + said, digest_size=CHECK_BYTES).hexdigest().encode()
