"""Writes the files of a closed window: a step outside the engine that may be repeated at will.

Everything is first written under `.writing/`, summed against the window's record, synced, and
compared with what is there already; only then is it renamed to its place, the manifest last. So
a kill at any moment leaves either nothing under a final name or the right bytes, and the same
window gives the same bytes for ever: they are made of the journal up to the cut and nothing else.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from onecard.core.errors import BadInput, LedgerFault, Overloaded
from onecard.core.exchange.detail import Progress, Sums, write_details
from onecard.core.exchange.form import Header, Trailer, digest_line
from onecard.core.exchange.manifest import MANIFEST, Manifest, Sheet
from onecard.core.failpoint import here
from onecard.core.journal import Journal
from onecard.core.settlement.window import WindowView, find_window, read_view
from onecard.core.storage.environment import sync_folder

WRITING = ".writing"
# A write of this size costs what its bytes cost; a smaller one mostly its open and close.
PENDING_SHEET_BYTES = 1 << 18
# Over all participants, however many there are.
PENDING_BYTES = 1 << 25


def write_files(
    journal: Journal,
    ledger_path: Path,
    window: int,
    out_dir: Path | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Write, or find already written, the files of a closed window; its manifest.

    They go to `out_dir`, by default `files/` of the ledger, in a folder of their own. Errors:
    NotFound the window is not closed; LedgerFault the journal contradicts itself; BadInput a file
    that is there is not what the ledger says; Overloaded another process writes them, or the disk.
    """
    closed = find_window(journal, window)
    block = journal.block_of(closed.cut)
    if block is None or block.first != closed.record:
        raise LedgerFault(
            f"window {window}: expected its record {closed.record} to hold the cut {closed.cut}; "
            "verify the ledger"
        )
    view = read_view(block)
    folder = window_folder(ledger_path / "files" if out_dir is None else out_dir, window)
    with sole_writer(folder) as fresh:
        sheets = _write_sheets(journal, view, fresh, progress)
        manifest = Manifest(
            folder,
            journal.ledger_id.hex(),
            block.epoch,
            window,
            view.business_day,
            view.first,
            view.cut,
            view.closed_at_us,
            block.hash.hex(),
            sheets,
        )
        return replace(manifest, repeated=_publish(manifest, fresh))


def window_folder(files: Path, window: int) -> Path:
    """Where the files of a window are."""
    return files / f"window-{window:08d}"


def sheet_name(participant: int) -> str:
    """The name of a participant's file."""
    return f"participant-{participant:05d}.csv"


@dataclass
class Page:
    """A participant's file while it grows; few files are open at once however many there are."""

    path: Path
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    pending: list[bytes] = field(default_factory=list)
    pending_bytes: int = 0
    size_bytes: int = 0

    def put(self, text: bytes) -> None:
        self.pending.append(text)
        self.pending_bytes += len(text)

    def flush(self) -> None:
        with self.path.open("ab", buffering=0) as file:
            for text in self.pending:
                self.digest.update(text)
                _write_all(file.fileno(), text)
                self.size_bytes += len(text)
        self.pending, self.pending_bytes = [], 0


def _write_sheets(
    journal: Journal, view: WindowView, folder: Path, progress: Progress | None
) -> tuple[Sheet, ...]:
    pages: dict[int, Page] = {}
    ledger = journal.ledger_id.hex()
    pending_bytes = 0
    for position in view.positions:
        page = Page(folder / sheet_name(position.participant))
        page.put(Header(ledger, view.window, view.business_day, position.participant).text())
        pages[position.participant] = page

    def sink(participant: int, text: bytes) -> None:
        nonlocal pending_bytes
        page = pages[participant]
        page.put(text)
        pending_bytes += len(text)
        if page.pending_bytes >= PENDING_SHEET_BYTES:
            pending_bytes -= page.pending_bytes
            page.flush()
        if pending_bytes >= PENDING_BYTES:
            for page in pages.values():
                page.flush()
            pending_bytes = 0

    with disk_errors(folder):
        sums = write_details(journal, view, sink, progress)
        return tuple(
            _finish(pages[position.participant], position.participant, position.name, found)
            for position in view.positions
            for found in (sums[position.participant],)
        )


def _finish(page: Page, participant: int, name: str, sums: Sums) -> Sheet:
    """Write the trailer and sync; what the manifest says of the file."""
    page.put(Trailer(sums.lines, sums.in_fen, sums.out_fen).text())
    page.flush()
    page.put(digest_line(page.digest.hexdigest()))
    page.flush()
    _sync(page.path)
    return Sheet(
        participant,
        name,
        page.path.name,
        page.size_bytes,
        page.digest.hexdigest(),
        sums.lines,
        sums.legs,
        sums.in_fen,
        sums.out_fen,
    )


def _publish(manifest: Manifest, fresh: Path) -> bool:
    """Give the files their names, the manifest last. Returns True when all of them had been there.

    Nothing is overwritten: BadInput where a file that is there has other bytes.
    """
    folder = manifest.folder
    digests = {sheet.file: sheet.sha256 for sheet in manifest.sheets}
    with disk_errors(folder):
        (fresh / MANIFEST).write_bytes(manifest.text())
        _sync(fresh / MANIFEST)
        digests[MANIFEST] = hashlib.sha256(manifest.text()).hexdigest()
        absent = [file for file, digest in digests.items() if not _is_there(folder / file, digest)]
        for file in absent:
            if file == MANIFEST:
                sync_folder(folder)
            here("mid_file_export")
            (fresh / file).rename(folder / file)
        sync_folder(folder)
    return not absent


def _is_there(path: Path, digest: str) -> bool:
    if not path.exists():
        return False
    found = file_digest(path)
    if found != digest:
        raise BadInput(
            f"{path}: expected the bytes of SHA-256 {digest} as the ledger says, found {found}; "
            "the file was changed: move it away and run onecard settle again"
        )
    return True


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def sole_writer(folder: Path) -> Iterator[Path]:
    """An empty folder to write into, ours alone; what a killed run left there is removed."""
    with disk_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Overloaded(
                f"{folder}: another process is writing these files; wait for it"
            ) from None
        fresh = folder / WRITING
        with disk_errors(folder):
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(mode=0o700)
        try:
            yield fresh
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    finally:
        os.close(lock)


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """A full or forbidden disk as one line; nothing has its final name, so running again helps."""
    try:
        yield
    except OSError as error:
        raise Overloaded(
            f"{folder}: expected to write the window's files, found {error.strerror}; "
            "make room or give leave to write, then run it again"
        ) from error


def _write_all(descriptor: int, text: bytes) -> None:
    view = memoryview(text)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
