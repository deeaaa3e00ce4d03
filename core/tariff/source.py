"""The files of a tariff: a folder, a zip, or one that comes with onecard; read, never written.

A zip comes from anybody: what is in it is held against limits before it is unpacked, and nothing is
unpacked to disk. A name with a folder in it is no file of a tariff.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources.abc import Traversable
from pathlib import Path

from onecard.core.errors import BadInput, quoted
from onecard.core.storage.disk import is_irregular

FILE_BYTES_MAX = 512 << 20  # stop times of a country's feed; beyond, a zip is taken for a bomb
ALL_BYTES_MAX = 2 << 30
FILES_MAX = 1024
RATIO_MAX = 400  # of sizes unpacked and packed: text packs to a tenth, a bomb to a thousandth
RATIO_FREE_BYTES = 1 << 20  # below so much a ratio says nothing
NAME_BYTES_MAX = 255  # of a file, as file systems have it


@dataclass(frozen=True, slots=True)
class Source:
    """`name` is what a person typed."""

    name: str
    folder: Traversable | None
    packed: dict[str, bytes] | None

    def has(self, file: str) -> bool:
        """Returns True when there is such a file."""
        if not is_plain(file):
            return False
        if self.packed is not None:
            return file in self.packed
        assert self.folder is not None
        return self.folder.joinpath(file).is_file() or _is_odd(self.folder.joinpath(file))

    def read(self, file: str) -> bytes:
        """All of a file. BadInput where there is none, or it is no regular file or too large."""
        if not is_plain(file):
            raise BadInput(
                f"{quoted(file)}: expected a file of {self.name}, found a path; put it there, and "
                "name it alone"
            )
        if self.packed is not None:
            if file not in self.packed:
                raise self._missing(file)
            return self.packed[file]
        assert self.folder is not None
        path = self.folder.joinpath(file)
        if _is_odd(path):
            raise BadInput(f"{file}: expected a regular file, found a folder, a pipe or a device")
        if not path.is_file():
            raise self._missing(file)
        if isinstance(path, Path) and path.stat().st_size > FILE_BYTES_MAX:
            raise BadInput(
                f"{file}: expected at most {FILE_BYTES_MAX} bytes, found {path.stat().st_size}"
            )
        try:
            return path.read_bytes()
        except OSError as error:
            error.filename = str(path)  # a read that fails does not say of what
            raise

    def _missing(self, file: str) -> BadInput:
        close = {name.casefold(): name for name in self.files()}
        found = get_close_matches(file.casefold(), list(close), 1, 0.75)
        do = f"add it, or name {close[found[0]]}" if found else "add it"
        return BadInput(f"{file}: expected the file in {self.name}, found none; {do}")

    def files(self) -> list[str]:
        """The names of all files, sorted."""
        if self.packed is not None:
            return sorted(self.packed)
        assert self.folder is not None
        return sorted(entry.name for entry in self.folder.iterdir() if entry.is_file())


def of_folder(folder: Traversable, name: str) -> Source:
    return Source(name, folder, None)


def of_path(path: Path) -> Source:
    """A folder or a zip that a person named. BadInput where it is neither."""
    if path.is_dir():
        return Source(str(path), path, None)
    if not path.exists():
        raise BadInput(f"{path}: expected a tariff's folder or zip, found nothing; name another")
    if is_irregular(path) or not zipfile.is_zipfile(path):
        raise BadInput(
            f"{path}: expected a folder or a zip file, found neither; name the folder it lies in"
        )
    return Source(str(path), None, _unpacked(path))


def is_plain(name: str) -> bool:
    """Returns True when a name is that of a file, and no way to another folder."""
    if "/" in name or "\\" in name or name in ("", ".", "..") or "\0" in name:
        return False
    return len(name.encode("utf-8", "surrogatepass")) <= NAME_BYTES_MAX


def _is_odd(path: Traversable) -> bool:
    """Returns True when a name is there and is neither a file nor absent."""
    return isinstance(path, Path) and path.exists() and is_irregular(path)


def _unpacked(path: Path) -> dict[str, bytes]:
    """The files of a zip, each within the limits. BadInput, naming the entry."""
    try:
        with zipfile.ZipFile(path) as packed:
            return {info.filename: _entry(packed, info, path) for info in _entries(packed, path)}
    except Exception as error:  # zlib.error, BadZipFile and their like have no class in common
        if isinstance(error, BadInput) or (isinstance(error, OSError) and error.filename):
            raise
        raise BadInput(
            f"{path}: expected a zip that can be read, found otherwise: {quoted(error, 160)}; make "
            "it again"
        ) from None


def _entries(packed: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    infos = [info for info in packed.infolist() if not info.is_dir()]
    if len(infos) > FILES_MAX:
        raise BadInput(f"{path}: expected at most {FILES_MAX} files in it, found {len(infos)}")
    size = sum(info.file_size for info in infos)
    if size > ALL_BYTES_MAX:
        raise BadInput(f"{path}: expected at most {ALL_BYTES_MAX} bytes in it, found {size}")
    names: set[str] = set()
    for info in infos:
        name = info.filename
        if not is_plain(name):
            raise BadInput(
                f"{path}: expected files without a folder, found {quoted(name)}; pack the files, "
                "not their folder"
            )
        if name in names:
            raise BadInput(f"{path}: expected each file once, found {quoted(name)} twice")
        names.add(name)
        packed_bytes = max(info.compress_size, 1)
        if info.file_size > FILE_BYTES_MAX or (
            info.file_size > RATIO_FREE_BYTES and info.file_size > RATIO_MAX * packed_bytes
        ):
            raise BadInput(
                f"{path}: {quoted(name)}: expected text, found {info.file_size} bytes packed into "
                f"{info.compress_size}, as of a zip bomb; nothing of it is unpacked"
            )
    return infos


def _entry(packed: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    """Not a byte more than the entry says it has: what it says was held against the limits."""
    with packed.open(info) as entry:
        content = entry.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise BadInput(
            f"{path}: {quoted(info.filename)}: expected the {info.file_size} bytes it says, found "
            "others; make the zip again"
        )
    return content
