"""What a disk holds after a power cut, out of the log that tests/crash/shim.c wrote.

Only what was synced is sure: the bytes of a file by its own sync, a name by the sync of its
folder. Whatever else was asked for may be on the disk or not, write by write.
"""

import os
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NAMED, WRITTEN, WRITTEN_SYNCED, TRUNCATED, SYNCED, RENAMED, REMOVED = range(1, 8)
HEAD = struct.Struct("<QQQQ")
ACKS = "acks"  # a file of the process under test: a line for everything it answered
SOURCE = Path(__file__).with_name("shim.c")


def build(folder: Path) -> Path:
    """The shim, compiled into `folder`."""
    library = folder / "shim.so"
    command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def run(
    library: Path, folder: Path, log: Path, script: str, *arguments: str, fail: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a script in another process, with everything below `folder` watched."""
    shim = {"LD_PRELOAD": str(library), "SHIM_DIR": str(folder), "SHIM_LOG": str(log)}
    return run_plain(script, str(folder), *arguments, SHIM_FAIL=fail, **shim)


def run_plain(
    script: str, *arguments: str, given: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script in another process that finds the tests."""
    root = Path(__file__).resolve().parent.parent.parent
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, "PYTHONPATH": str(root), **environment},
        input=given,
        capture_output=True,
        text=True,
        timeout=3600,
    )


@dataclass(frozen=True)
class Event:
    kind: int
    inode: int
    offset: int
    data: bytes

    @property
    def names(self) -> tuple[str, str]:
        one, _, two = self.data.partition(b"\0")
        return one.decode(), two.decode()


def events(log: Path) -> Iterator[Event]:
    """The log in order."""
    data = log.read_bytes()
    at = 0
    while at < len(data):
        kind, inode, offset, length = HEAD.unpack_from(data, at)
        at += HEAD.size
        yield Event(kind, inode, offset, data[at : at + length])
        at += length


@dataclass
class File:
    """`sure` is on the disk; `asked` may be. A folder has names instead of bytes."""

    is_folder: bool = False
    sure: bytearray = field(default_factory=bytearray)
    asked: list[tuple[int, int, bytes]] = field(default_factory=list)  # kind, offset, data
    sure_names: dict[str, int] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)

    def sync(self) -> None:
        for change in self.asked:
            _apply(self.sure, *change)
        self.asked = []
        self.sure_names = dict(self.names)


class Disk:
    """The files below a folder, event by event; what is there by now is on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[int, File] = {}
        self.root = self._found(folder)
        self.acks: list[str] = []
        self.changed = False  # whether the last event made something sure

    def _found(self, path: Path) -> File:
        file = File(is_folder=path.is_dir())
        if file.is_folder:
            for each in path.iterdir():
                self._found(each)
                file.names[each.name] = each.stat().st_ino
            file.sure_names = dict(file.names)
        else:
            file.sure += path.read_bytes()
        self.files[path.stat().st_ino] = file
        return file

    def take(self, event: Event) -> None:
        """One event more."""
        self.changed = False
        if event.kind == NAMED:
            path, what = event.names
            self.files[event.inode] = File(is_folder=what == "folder")
            folder, name = self._place(path)
            folder.names[name] = event.inode
        elif event.kind == RENAMED:
            (folder, name), (other, new) = map(self._place, event.names)
            other.names[new] = folder.names.pop(name)
        elif event.kind == REMOVED:
            folder, name = self._place(event.names[0])
            folder.names.pop(name, None)
        elif event.kind == SYNCED:
            self._file(event).sync()
            self.changed = True
        elif event.inode == self.root.names.get(ACKS):
            self.acks += event.data.decode().split()
        elif event.kind == WRITTEN_SYNCED:
            _apply(self._file(event).sure, WRITTEN, event.offset, event.data)
            self.changed = True
        else:
            self._file(event).asked.append((event.kind, event.offset, event.data))

    def _file(self, event: Event) -> File:
        return self.files.setdefault(event.inode, File())

    def _place(self, path: str) -> tuple[File, str]:
        """The folder a path lies in, and its name there."""
        folder = self.root
        *above, name = Path(path).relative_to(self.folder).parts
        for part in above:
            folder = self.files[folder.names[part]]
        return folder, name

    def lay_out(self, target: Path, chance: random.Random | None = None) -> Path:
        """The disk as it is found after a cut now; with `chance`, some unsynced writes arrived."""
        self._lay_out(self.root, target, chance)
        return target

    def _lay_out(self, file: File, path: Path, chance: random.Random | None) -> None:
        if not file.is_folder:
            content = bytearray(file.sure)
            for change in file.asked if chance else ():
                if chance and chance.random() < 0.5:
                    _apply(content, *change)
            path.touch(mode=0o600)  # a key that others may read is refused
            path.write_bytes(content)
            return
        path.mkdir()
        names = dict(file.sure_names)
        if chance and chance.random() < 0.5:
            names = file.names
        for name, inode in names.items():
            if name != ACKS:
                self._lay_out(self.files[inode], path / name, chance)


def _apply(content: bytearray, kind: int, offset: int, data: bytes) -> None:
    if kind == TRUNCATED:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    content.extend(bytes(max(0, offset + len(data) - len(content))))
    content[offset : offset + len(data)] = data
