"""A file as an operator would send it back, made of ours with a few breaks put in."""

import random
from pathlib import Path

from onecard.core.reconcile.dialect import AMOUNT
from onecard.core.reconcile.match import Finding

COLUMNS = ("sequence", "leg", AMOUNT)
BREAKS = {
    Finding.OURS_ONLY: 3,
    Finding.THEIRS_ONLY: 2,
    Finding.AMOUNT_DIFFERS: 4,
    Finding.REPEATED: 2,
}


def write_returned(ours: Path, theirs: Path, seed: int) -> dict[Finding, int]:
    """Write `theirs`, its lines in another order than those of `ours`; what was put in it.

    Lines are left out, added, changed by 100 fen and said twice: BREAKS of each, fewer where
    `ours` is too short.
    """
    rows = _rows(ours)
    mixed = random.Random(seed)
    moved = [at for at, row in enumerate(rows) if row[2] != 0]
    chosen = iter(mixed.sample(moved, min(len(moved), sum(BREAKS.values()))))

    def pick(what: Finding) -> list[int]:
        return [at for at, _ in zip(chosen, range(BREAKS[what]), strict=False)]

    left_out, changed, twice = (
        pick(what) for what in (Finding.OURS_ONLY, Finding.AMOUNT_DIFFERS, Finding.REPEATED)
    )
    back = [row for at, row in enumerate(rows) if at not in set(left_out)]
    for at in changed:
        sequence, leg, amount_fen = rows[at]
        back[back.index(rows[at])] = (sequence, leg, amount_fen + 100)
    back += [rows[at] for at in twice]
    beyond = max((row[0] for row in rows), default=0)
    added = [(beyond + at, 0, 100) for at in range(1, BREAKS[Finding.THEIRS_ONLY] + 1)]
    back += added
    mixed.shuffle(back)
    with theirs.open("w", encoding="ascii") as file:
        file.write(",".join(COLUMNS) + "\n")
        file.writelines(f"{sequence},{leg},{amount}\n" for sequence, leg, amount in back)
    return {
        Finding.OURS_ONLY: len(left_out),
        Finding.THEIRS_ONLY: len(added),
        Finding.AMOUNT_DIFFERS: len(changed),
        Finding.REPEATED: len(twice),
    }


def _rows(ours: Path) -> list[tuple[int, int, int]]:
    """(sequence, leg, amount_fen) of every line of a settlement file."""
    lines = ours.read_text("utf-8").splitlines()
    names = lines[1].split(",")
    # Names of participants do not occur in lines, so a comma always parts two columns.
    at = [names.index(name) for name in COLUMNS]
    rows = []
    for line in lines[2:-2]:
        values = line.split(",")
        rows.append((int(values[at[0]]), int(values[at[1]]), int(values[at[2]])))
    return rows
