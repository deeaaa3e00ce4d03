"""A tariff by the name people have for it: one that comes with onecard, a folder, a zip, a feed."""

from __future__ import annotations

import zipfile
from importlib.resources import files
from pathlib import Path

from onecard.core.errors import BadInput
from onecard.core.tariff import source as sources
from onecard.core.tariff.compiled import Compiled
from onecard.core.tariff.gtfs.feed import compile_feed, is_feed
from onecard.core.tariff.language.folder import compile_folder, is_folder
from onecard.core.tariff.language.head import RULES
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.packed import is_packed, unpack
from onecard.core.tariff.source import Source

READY = {
    "beijing": "onecard.core.tariff.cities.beijing",
    "shenzhen-2018": "onecard.core.tariff.cities.shenzhen_2018",
    "linhu": "onecard.core.tariff.cities.linhu",
}


def is_tariff(name: str) -> bool:
    """Returns True when a name is that of a ready tariff, or a path that may hold one: a folder, a
    zip, or what was compiled. A file of rows is none."""
    path = Path(name)
    if name in READY or path.is_dir():
        return True
    return path.is_file() and (is_packed(path) or zipfile.is_zipfile(path))


def find(name: str) -> Source:
    """The files of a tariff. BadInput where there is none of that name."""
    if name in READY:
        return sources.of_folder(files(READY[name]), name)
    if not Path(name).exists():
        raise BadInput(
            f"{name}: expected one of {', '.join(READY)}, or a tariff's folder or zip, found none"
        )
    if Path(name).is_file() and is_packed(Path(name)):
        raise BadInput(
            f"{name}: expected a tariff's folder or zip, found a compiled one; name what it was "
            "compiled from"
        )
    return sources.of_path(Path(name))


def compiled(source: Source, notices: Notices) -> Compiled | None:
    """A tariff of its files, whichever form they have; what is wrong is noticed."""
    if is_folder(source):
        return compile_folder(source, notices)
    if is_feed(source):
        return compile_feed(source, notices)
    if source.has("fares.toml"):
        notices.error(
            "form", "fares.toml", 0, "expected tariff.toml, found the form of before",
            'write it as tariff.toml with a [[network]] of basis = "distance" (docs/tariffs.md)',
        )  # fmt: skip
        return None
    found = f"expected {RULES}, or stops.txt of a GTFS feed, found neither"
    notices.error("form", source.name, 0, found, "name the folder or the zip that has it")
    return None


def load(name: str) -> Compiled:
    """A compiled tariff by name or path, of a file that was compiled before too. BadInput with the
    first thing that is wrong in it."""
    path = Path(name)
    if name not in READY and path.is_file() and is_packed(path):
        if path.stat().st_size > sources.ALL_BYTES_MAX:
            raise BadInput(
                f"{name}: expected at most {sources.ALL_BYTES_MAX} bytes, found "
                f"{path.stat().st_size}; compile it again"
            )
        return unpack(path.read_bytes(), name)
    source = find(name)
    notices = Notices()
    made = compiled(source, notices)
    notices.refuse(name)
    if made is None:
        raise BadInput(f"{name}: expected a tariff, found none; onecard tariff check says why")
    return made
