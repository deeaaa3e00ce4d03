"""A real feed with Fares v2: the buses of Zakroczym (gtfs.cc, MIT licence), folder and zip."""

from pathlib import Path

import pytest

from onecard.core.tariff.gtfs.feed import compile_feed, is_feed
from onecard.core.tariff.gtfs.trips import networks_between
from onecard.core.tariff.notice import Notices
from onecard.core.tariff.source import of_path
from tests.tariff.small_feed import Rider

DATA = Path(__file__).resolve().parent.parent.parent / "../shared/data/gtfs_zakroczym"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data/gtfs_zakroczym"),
]
FARES = [("100", "117", 400), ("100", "120", 500), ("117", "120", 400), ("100", "101", 0)]


@pytest.fixture(params=["", "gtfs.zip"])
def feed(request: pytest.FixtureRequest) -> Path:
    return DATA / str(request.param)


def test_its_fares(feed: Path) -> None:
    notices = Notices()
    source = of_path(feed)
    assert is_feed(source)
    tariff = compile_feed(source, notices)
    assert tariff is not None and notices.errors == 0
    # Monthly tickets are sold beside the fares of legs; no rule names them.
    assert sorted({one.code for one in notices.found}) == ["default_ambiguous", "product_unused"]
    assert tariff.words["currency"] == "PLN"
    for begin, end, amount in FARES:
        assert Rider(tariff).amounts(f"- {begin} {end} 10:00 10:20") == [amount]
        assert Rider(tariff, "3").amounts(f"- {begin} {end} 10:00 10:20") == [None]
    ids = [word["id"] for word in tariff.words["places"]]
    assert networks_between(tariff, ids.index("100") + 1, ids.index("101") + 1) == [1]
