"""The tables of a compiled tariff while it is made: rows by name, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onecard.ext.fare import shapes

Arrays = dict[str, NDArray[np.integer[Any]]]
TABLES = shapes.TABLES  # array -> the struct of its rows, each field 64 bits
EVERY = -1  # of a mask: all bits


@dataclass(slots=True)
class Building:
    """Rows are added and numbered; `arrays()` is all of them. `words` is what they are called."""

    rows: dict[str, list[tuple[int, ...]]] = field(
        default_factory=lambda: {name: [] for name in TABLES}
    )
    wide: Arrays = field(default_factory=dict)  # those that are no tables of structs
    words: dict[str, Any] = field(default_factory=dict)

    def add(self, table: str, **fields: int) -> int:
        """Append a row, what is not said is 0; answers its number. KeyError for another field."""
        names = TABLES[table].names or ()
        unknown = set(fields) - set(names)
        if unknown:
            raise KeyError(f"{table} has no {unknown}")
        self.rows[table].append(tuple(fields.get(name, 0) for name in names))
        return len(self.rows[table]) - 1

    def count(self, table: str) -> int:
        return len(self.rows[table])

    def arrays(self) -> Arrays:
        """Every array by name, none of them empty: a row of zeros stands where a table has none,
        and `counts` says how many are meant, in the order of TABLES."""
        made: Arrays = {
            "counts": np.array([len(rows) for rows in self.rows.values()], np.int64),
        }
        for name, rows in self.rows.items():
            width = len(TABLES[name].names or ())
            made[name] = np.array(rows or [(0,) * width], np.int64).reshape(-1, width)
        return {**made, **self.wide}
