"""A manifest of which one bit is another is not taken for one, wherever in it that is."""

from pathlib import Path

import numpy as np
import pytest

from onecard.core.checkpoint.pages import FRAME, LAYOUT, MANIFEST, SavedPages
from onecard.core.config import MIB
from onecard.core.errors import LedgerFault
from onecard.core.storage.rebuildable import META, Rebuildable, open_rebuildable
from onecard.ext.shape import dtypes
from onecard.ext.state.state import State
from tests.storage.test_identity import LOG, ORIGIN

# The text may end with blanks and still be read, so a longer one may be read too.
BLANK = np.frombuffer(b" " * dtypes.TOTALS.itemsize, dtypes.TOTALS).tobytes()


def opened(path: Path) -> Rebuildable:
    found = open_rebuildable(path, ["pages"], ORIGIN.stamp(LAYOUT), 16 * MIB, LOG)
    assert found is not None
    return found


@pytest.mark.parametrize("totals", [bytes(dtypes.TOTALS.itemsize), BLANK])
def test_any_flipped_bit_is_noticed(tmp_path: Path, totals: bytes) -> None:
    saved = SavedPages(opened(tmp_path / "state"))
    saved.seal(7, bytes(32), totals)
    saved.close()
    environment = opened(tmp_path / "state")
    with environment.read(META) as txn:
        value = bytes(txn.get(MANIFEST) or b"")
    bits = [*range(8 * FRAME.size), *range(8 * FRAME.size, 8 * len(value), 61)]
    for bit in bits:
        changed = bytearray(value)
        changed[bit // 8] ^= 1 << bit % 8
        with environment.write() as txn:
            txn.put(MANIFEST, bytes(changed), db=environment.database(META))
        with pytest.raises(LedgerFault, match="expected a manifest"):
            SavedPages(environment).load(State(8, 8))
    environment.close()
