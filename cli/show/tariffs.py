"""`onecard show tariffs`."""

from typing import Any

from onecard.cli.show.looking import AsJson, Dir, local_time, opened, say
from onecard.core.ledger.opened import Ledger
from onecard.core.query.tariff import Tariff
from onecard.core.query.tariff import tariffs as every_tariff


def tariffs(data: Dir, as_json: AsJson = False) -> None:
    """The tariffs there are; of several of a network that have begun, the one with the latest start
    is used.

    Example: onecard show tariffs ./ledger
    """
    with opened(data) as ledger:
        found = [_tariff(ledger, one) for one in every_tariff(ledger.state, ledger.journal)]
    spare = ("record", "fares", "entry_min_fen")
    say(found, "tariffs", as_json, spare, "no tariff is loaded")


def _tariff(ledger: Ledger, one: Tariff) -> dict[str, Any]:
    return {
        "version": one.version,
        "network": one.network,
        "name": one.name,
        "effective_from": local_time(ledger, one.effective_from_us) or "always",
        "stations": one.stations,
        "fares": one.fares,
        "entry_min_fen": one.entry_min_fen,
        "record": one.record,
    }
