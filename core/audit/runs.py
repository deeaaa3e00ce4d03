"""Rows of a whole journal in the order of a key, in memory that does not grow with it.

They are collected in runs of a million, each sorted and put into a file of the system's folder for
temporary files; what fits into one run needs none. The runs are then read side by side, a range of
keys after another: some 30 MiB at a time of rows of 24 bytes, and half a MiB more for each run.
"""

import tempfile
from bisect import bisect_left
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.void]
ROWS_A_RUN = 1 << 20
# Each run is sampled so often; a range spans so many samples.
ROWS_A_SAMPLE = 1 << 14
SAMPLES_A_RANGE = 64


class Runs:
    """Rows of one form. To be closed, which removes its files."""

    def __init__(
        self,
        form: np.dtype[Any],
        arrange: Callable[[Rows], Rows],
        key_of: Callable[[np.void], tuple[int, ...]],
    ) -> None:
        """`arrange` sorts rows; `key_of` is what of a row its order is by, first of all."""
        self._form = form
        self._arrange = arrange
        self._key_of = key_of
        self._rows: list[Rows] = []
        self._count = 0
        self._files: list[Path] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def close(self) -> None:
        """No more rows may be asked for."""
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, rows: Rows) -> None:
        """In any order."""
        self._rows.append(rows)
        self._count += len(rows)
        if self._count >= ROWS_A_RUN:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="onecard-verify-")
            path = Path(self._folder.name, str(len(self._files)))
            self._sorted().tofile(path)
            self._files.append(path)
            self._rows, self._count = [], 0

    def in_order(self) -> Iterator[Rows]:
        """All rows, some at a time; those of one key together. No more may be added."""
        runs: list[Rows] = [np.memmap(path, self._form, "r") for path in self._files]
        runs.append(self._sorted())
        samples = sorted(self._key_of(row) for run in runs[:-1] for row in run[::ROWS_A_SAMPLE])
        at = [0] * len(runs)
        for bound in [*samples[SAMPLES_A_RANGE::SAMPLES_A_RANGE], None]:
            parts = []
            for i, run in enumerate(runs):
                end = len(run)
                if bound is not None:
                    end = bisect_left(run, bound, at[i], key=self._key_of)
                parts.append(run[at[i] : end])
                at[i] = end
            if any(map(len, parts)):
                yield self._arrange(np.concatenate(parts))

    def _sorted(self) -> Rows:
        return self._arrange(np.concatenate([np.empty(0, self._form), *self._rows]))
