"""Files that a command was told to write."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO

from onecard.core.errors import BadInput


def check_folder(path: Path) -> None:
    """BadInput where a file cannot be written there: said before the work, not after it."""
    if path.is_dir():
        raise BadInput(f"{path}: expected a file to write, found a folder; name a file in it")
    if not path.parent.is_dir():
        raise BadInput(f"{path}: expected a folder to write into, found none; make it first")


def check_other(out: Path, file: Path) -> None:
    """BadInput where writing `out` would overwrite `file`, which is read, by whichever name."""
    if out.exists() and file.exists() and out.samefile(file):
        raise BadInput(f"{out}: expected another file than the one that is read; name another")


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """A text file in UTF-8, there under its name only when it is whole; an OSError names it.
    BadInput where its folder is none."""
    with written_bytes(path) as file:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        yield text
        text.flush()
        text.detach()


@contextmanager
def written_bytes(path: Path) -> Iterator[BinaryIO]:
    """The same of bytes."""
    check_folder(path)
    whole = path.is_file() or not path.exists()  # a device or a pipe is written as it is
    part = path.with_name(path.name + ".part") if whole else path
    try:
        with part.open("wb") as file:
            yield file
        if whole:
            part.rename(path)
    except OSError as error:
        error.filename = str(path)  # a write that fails does not say where, an open says its part
        raise
    finally:
        if whole:
            part.unlink(missing_ok=True)
