"""The store's file, made anew without what was erased: a folder a generation, the newest counts.

LMDB copies what it changes, so what was deleted stays in pages that nobody points at, and in the
gaps of pages that are in use. A compact copy has only what is there; the file before it is filled
with zeros before its name is removed. Killed between any two steps, the next that opens goes on.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from onecard.core.errors import DiskLow, OnecardError, os_words
from onecard.core.failpoint import here
from onecard.core.storage.disk import free_bytes
from onecard.core.storage.environment import DATA_FILE, Environment, sync_folder

PART = ".new"
ZEROS = bytes(1 << 20)


def newest(folder: Path) -> int:
    """The number of the generation that counts; 0 where there is none."""
    return max(_numbers(folder), default=0)


def folder_of(folder: Path, number: int) -> Path:
    return folder / f"{number:08d}"


def make(folder: Path, number: int, fill: Callable[[Path], None]) -> None:
    """A generation as `fill` makes it in the folder it is given; whole under its name or absent."""
    part = folder_of(folder, number).with_name(folder_of(folder, number).name + PART)
    if part.exists():
        wipe(part)
    fill(part)
    sync_folder(part)
    here("mid_wiping")  # made, and without its name
    part.rename(folder_of(folder, number))
    sync_folder(folder)
    here("mid_wiping")  # named, and the one before is there


def copy(source: Environment, target: Path, spare_bytes: int) -> None:
    """A compact copy of a generation in a new folder, on disk when this returns.

    DiskLow where its disk would have less than `spare_bytes` left; OnecardError where it cannot be
    written.
    """
    free, wanted = free_bytes(source.path), source.bytes_used + spare_bytes
    if free is not None and free < wanted:
        raise DiskLow(
            f"{source.path}: expected {wanted} bytes free on its disk to make it anew without what "
            f"was erased, found {free}; make room and start again: what was erased is unreadable "
            "already"
        )
    try:
        target.mkdir(mode=0o700)
        source.copy(target)
        with (target / DATA_FILE).open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        raise OnecardError(os_words(error)) from None


def remove_others(folder: Path, number: int) -> None:
    """Fill all but one generation with zeros, and remove them. OnecardError."""
    for name in _names(folder):
        if name != folder_of(folder, number).name:
            wipe(folder / name)


def wipe(path: Path) -> None:
    """Overwrite the data file of a generation in place, then remove its folder."""
    try:
        if (path / DATA_FILE).exists():
            with (path / DATA_FILE).open("r+b") as file:
                left = file.seek(0, os.SEEK_END)
                file.seek(0)
                while left > 0:
                    left -= file.write(ZEROS[: min(left, len(ZEROS))])
                    here("mid_wiping")
                file.flush()
                os.fsync(file.fileno())
        shutil.rmtree(path)
        sync_folder(path.parent)
    except OSError as error:
        raise OnecardError(
            f"what was erased is unreadable, and its bytes are there still: {os_words(error)}"
        ) from None


def _numbers(folder: Path) -> list[int]:
    return [int(name) for name in _names(folder) if name.isdecimal()]


def _names(folder: Path) -> list[str]:
    """Of generations, finished or not."""
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in found if entry.is_dir()]
    except FileNotFoundError:
        return []
    return sorted(name for name in names if name.removesuffix(PART).isdecimal())
