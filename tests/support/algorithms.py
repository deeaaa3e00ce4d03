"""Which algorithms ledgers of a test run have: ONECARD_TEST_ALGORITHMS=sm for the Chinese set."""

import os
from pathlib import Path

from onecard.core.config import Settings
from onecard.core.journal.algorithms import CHINESE, INTERNATIONAL, Algorithms
from onecard.core.ledger import card_number
from onecard.core.ledger.card_number import CardForm
from onecard.core.ledger.opened import Ledger
from onecard.core.storage.rebuildable import Origin

SWITCH = "ONECARD_TEST_ALGORITHMS"
SETS = {"": INTERNATIONAL, "sm": CHINESE}


def chosen() -> Algorithms:
    """Of the whole run; a name that is no set would test the same twice and say nothing."""
    name = os.environ.get(SWITCH, "")
    if name not in SETS:
        raise ValueError(f"{SWITCH}: expected {' or '.join(filter(None, SETS))}, found {name!r}")
    return SETS[name]


def choose() -> None:
    """Ledgers that do not say which algorithms they want are made with those of this run."""
    make, default = Ledger.create, chosen()

    def create(
        path: Path,
        settings: Settings | None = None,
        form: CardForm = card_number.DEFAULT,
        algorithms: Algorithms = default,
    ) -> Origin:
        return make(path, settings, form, algorithms)

    Ledger.create = create  # type: ignore[method-assign, assignment]
