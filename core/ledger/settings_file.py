"""DIR/settings.toml: what of the settings is the ledger's own, so that every command agrees on it.

`onecard init` writes it, a process that writes the ledger with other values keeps those for the
others, and anybody may edit it; the next start takes it. A ledger from before has none and the
defaults of core/config.py.
"""

import os
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from onecard.core.config import KIB, Settings
from onecard.core.errors import BadInput, quoted
from onecard.core.storage.disk import is_irregular
from onecard.core.storage.environment import sync_folder
from onecard.ext.state.state import State
from onecard.ext.state.table import SHAPES

SETTINGS = "settings.toml"
REASON_CHARACTERS_MAX = 160  # of what a parser says, which names the place at its end
ADDRESSES_MAX = 1 << 46  # half of what a process of Linux may address
# Least and most of each. Rows are numbered in 32 bits, and a table of look-ups is twice as long.
LIMITS = {
    "cards_max": (1, 1 << 31),
    "terminals_max": (1, 1 << 26),  # 64 times as many as a country has
    "holds_max": (1, 1 << 31),
    "lots_max": (1, 1 << 31),
}
# Of the disk it lies on: whoever writes the ledger needs the same, with a server or without.
DISK = {
    "watermark_bytes": (0, 1 << 62),
    "checkpoint_map_bytes": (64 * KIB, ADDRESSES_MAX),
    "identities_map_bytes": (64 * KIB, ADDRESSES_MAX),
}
# What a time is held against, by whoever books: half a minute is what NTP corrects by a step.
CLOCK = {
    "downtime_max_s": (60, 1 << 32),
    "clock_step_max_s": (30, 1 << 32),
}
# Of what is kept beside the journal, whoever writes it; a hundred years are for good.
ERASABLE = {"numbers_kept_days": (0, 36_500)}
# What older ledgers say and nothing asks any more: read over, and not written again.
ENDED = ("claims_max",)
KEPT = LIMITS | DISK | CLOCK | ERASABLE
HEAD = """\
# What this ledger has room for. Every command reads it. Change it here while nothing is served, or
# by `onecard serve DIR --set NAME=VALUE`. Room costs addresses; memory only where it is used.
"""


def read_settings(path: Path) -> Settings:
    """The settings of the ledger in `path`: the defaults, and what its file says. BadInput."""
    file = path / SETTINGS
    if is_irregular(file):
        raise BadInput(f"{file}: expected a regular file, found a folder, a pipe or a device")
    try:
        found: dict[str, Any] = tomllib.loads(file.read_bytes().decode())
    except (FileNotFoundError, NotADirectoryError):  # whoever opens the ledger says what is wrong
        return Settings()
    except (ValueError, RecursionError) as error:
        raise BadInput(
            f"{file}: expected lines such as cards_max = {Settings.cards_max}, found otherwise: "
            f"{quoted(error, REASON_CHARACTERS_MAX)}; mend it"
        ) from None
    try:
        for name in ENDED:
            found.pop(name, None)
        for name, value in found.items():
            check_setting(name, value)
    except BadInput as error:
        raise BadInput(f"{file}: {error}; mend it") from None
    return replace(Settings(), **found)


def check_setting(name: str, value: object) -> None:
    """BadInput unless it is a setting that a ledger keeps, and in its range."""
    if name not in KEPT:
        raise BadInput(f"expected only {', '.join(KEPT)}, found {quoted(repr(name))}")
    least, most = KEPT[name]
    if type(value) is not int or not least <= value <= most:
        raise BadInput(f"{name}: expected {least} to {most}, found {quoted(repr(value))}")


def check_settings(settings: Settings) -> None:
    """BadInput for one that a ledger keeps and that is out of its range."""
    for name in KEPT:
        check_setting(name, getattr(settings, name))


def check_in_use(path: Path, settings: Settings, state: State) -> None:
    """BadInput, naming the setting, where more rows are in use than it allows."""
    for name in LIMITS:
        limit = getattr(settings, name)
        for shape in SHAPES:
            used = int(state.totals[shape.name][0])
            need = shape.setting_for(used)
            if name == f"{shape.room}_max" and need > limit:
                many = "so many" if need == used else used
                raise BadInput(
                    f"{name}: expected at least {need}, {many} {shape.name} are in use, found "
                    f"{limit}; raise it in {path / SETTINGS}, or by onecard serve {path} --set "
                    f"{name}={need}"
                )


def keep_settings(path: Path, settings: Settings) -> None:
    """Write the file, whole or not at all, where it does not say the same already. OSError."""
    known = (path / SETTINGS).exists()
    if known and all(getattr(read_settings(path), n) == getattr(settings, n) for n in KEPT):
        return
    part = path / (SETTINGS + ".new")
    with part.open("w", encoding="utf-8") as file:
        file.write(_text(settings))
        file.flush()
        os.fsync(file.fileno())
    part.rename(path / SETTINGS)
    sync_folder(path)


def _text(settings: Settings) -> str:
    said = [n for n in KEPT if n in LIMITS or getattr(settings, n) != getattr(Settings, n)]
    return HEAD + "".join(f"{name} = {getattr(settings, name)}\n" for name in said)
