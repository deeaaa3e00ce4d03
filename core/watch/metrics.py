"""Every Prometheus name, and the one collector over counters kept in C.

Nothing is observed per tap in Python: a scrape takes one snapshot and formats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import make_wsgi_app
from prometheus_client.registry import Collector

from onecard.core.watch.scrape import ScrapeServer
from onecard.ext.judge.counters import BOUNDS_NS, STAGES, Counters
from onecard.ext.shape.numbers import Kind, Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KINDS = {0: "unknown"} | {int(kind): kind.name.lower() for kind in Kind}
OUTCOMES = {int(outcome): outcome.name.lower() for outcome in Outcome}
STAGE_HELP = {
    "decode": "Time to find the columns of one batch.",
    "judge": "Time to decide one batch, without the journal.",
    "commit": "Time of one durable commit of a group of batches.",
    "reply": "Time to hand the answers of one group back to their streams.",
}

# Of Snapshot.used, and what each is; pasts have as much room as what they are of.
ROOMS = {
    "cards": "cards",
    "terminals": "terminals",
    "card_pasts": "what cards were before",
    "terminal_pasts": "what terminals were before",
    "lots": "lots that something is left of",
    "travels": "accounts that ever began a journey",
    "journeys": "rows of journeys of a second mode that are open at once",
    "scenes": "scenes",
    "open_holds": "open holds that have an end",
}


@dataclass
class Snapshot:
    """What a scrape sees; the server fills it, so that this file knows no node."""

    counters: Counters = field(default_factory=Counters)  # zeros until there is a node
    batches: Mapping[str, int] = field(default_factory=dict)  # by outcome: answered, refused, ...
    streams: int = 0
    streams_max: int = 0
    cuts: Mapping[str, int] = field(default_factory=dict)  # calls ended or refused, by why
    refusals: Mapping[str, int] = field(default_factory=dict)  # by whether they are on record
    connections: int = 0
    connections_max: int = 0
    inbox_batches: int = 0
    in_flight_bytes: int = 0
    journal_bytes: int = 0
    journal_map_bytes: int = 0
    last_sequence: int = 0
    checkpoint_age_s: float = 0.0
    startup_s: float = 0.0
    replay_s: float = 0.0
    replayed: int = 0
    readers: int = 0
    reader_lag_commits: int = 0
    disk_low: bool = False
    disk_free_bytes: int | None = None  # None where the system cannot say
    clock_doubtful: bool = False
    clock_booked_minus_wall_s: float = 0.0
    serving: bool = False
    engine_stopped: bool = False
    log_lines_dropped: int = 0
    # By kind: what is due, how long the first of it is, what was done and failed since the start.
    sweeps: Mapping[str, tuple[int, float, int, int]] = field(default_factory=dict)
    # Rows in use and rows there is room for, by what they are: as ROOMS.
    used: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    calendar_ends_s: float | None = None  # when its last day ends, since 1970; None without one
    window_open_s: float | None = None  # None until the ledger is open
    backup_age_s: float | None = None  # None where no copy was ever noted


class LedgerCollector(Collector):
    """Formats a snapshot; holds no state of its own."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self.snapshot = snapshot

    def describe(self) -> list[Metric]:
        # Without it, registering would take a snapshot before there is anything to see.
        return []

    def collect(self) -> Iterator[Metric]:
        now = self.snapshot()
        yield items(now.counters)
        yield repeats(now.counters)
        yield conflicts(now.counters)
        yield suspended(now.counters)
        yield from stages(now.counters)
        yield batches(now.batches)
        yield CounterMetricFamily(
            "onecard_log_lines_dropped", "Lines of the log that nobody got.", now.log_lines_dropped
        )
        yield cuts(now.cuts)
        yield refusals(now.refusals)
        yield from gauges(now)
        yield from sweeps(now.sweeps)
        yield from rooms(now.used)
        yield build_info()


def items(counters: Counters) -> Metric:
    """Decided items by kind and outcome; those never seen are left out."""
    family = CounterMetricFamily(
        "onecard_items", "Items decided, by kind and outcome.", labels=("kind", "outcome")
    )
    table = counters.items_table()
    for kind, outcome in zip(*table.nonzero(), strict=True):
        labels = (KINDS.get(int(kind), "unknown"), OUTCOMES.get(int(outcome), "unknown"))
        family.add_metric(labels, float(table[kind, outcome]))
    return family


def repeats(counters: Counters) -> Metric:
    """Items that were answered from history."""
    family = CounterMetricFamily(
        "onecard_duplicates", "Items answered from history, nothing booked again.", labels=("kind",)
    )
    for kind, count in enumerate(counters.repeats_table().tolist()):
        if kind in KINDS and (count or kind == Kind.RIDE):
            family.add_metric((KINDS[kind],), count)
    return family


def conflicts(counters: Counters) -> Metric:
    """Items whose identity was bound to another body."""
    count = int(counters.items_table()[:, int(Outcome.CONFLICT)].sum())
    return CounterMetricFamily(
        "onecard_conflicts", "Items whose identity is bound to another body.", value=count
    )


def suspended(counters: Counters) -> Metric:
    """Offline taps that were booked into suspense, there from the start at 0.

    How many are open still is not kept: the two legs of such a tap have one owner and sum to zero,
    so no balance shows them. An increase is what somebody has to look into.
    """
    count = int(counters.items_table()[:, int(Outcome.ACCEPTED_SUSPENSE)].sum())
    return CounterMetricFamily(
        "onecard_suspense_taps", "Offline taps booked into suspense since the start.", value=count
    )


def stages(counters: Counters) -> Iterator[Metric]:
    """One histogram a stage of the way of a batch, in seconds."""
    for number, name in enumerate(STAGES):
        alone, sum_ns, _ = counters.stage(number)
        bounds = [f"{bound / 1e9:g}" for bound in BOUNDS_NS] + ["+Inf"]
        buckets: list[tuple[str, float]] = []
        below = 0
        for bound, count in zip(bounds, alone, strict=True):
            below += count
            buckets.append((bound, below))
        # The count is the last bucket's, so that the two agree while others are writing.
        yield HistogramMetricFamily(
            f"onecard_batch_{name}_seconds",
            STAGE_HELP[name],
            buckets=buckets,
            sum_value=sum_ns / 1e9,
        )


def batches(counted: Mapping[str, int]) -> Metric:
    """Messages by how they ended."""
    family = CounterMetricFamily("onecard_batches", "Batches, by outcome.", labels=("outcome",))
    for outcome, count in counted.items():
        family.add_metric((outcome,), count)
    return family


def cuts(counted: Mapping[str, int]) -> Metric:
    """Calls and connections that a limit ended or refused."""
    family = CounterMetricFamily(
        "onecard_calls_cut", "Calls and connections ended or refused by a limit.", labels=("why",)
    )
    for why, count in counted.items():
        family.add_metric((why,), count)
    return family


def refusals(counted: Mapping[str, int]) -> Metric:
    """Calls that were refused for who asked; the first of each minute are on record."""
    family = CounterMetricFamily(
        "onecard_access_refused", "Calls refused for who asked.", labels=("record",)
    )
    for record, count in counted.items():
        family.add_metric((record,), count)
    return family


def gauges(now: Snapshot) -> Iterator[Metric]:
    """What is now: queues, disk, sequence, start."""
    for name, text, value in (
        ("onecard_streams", "Open streams.", now.streams),
        ("onecard_streams_limit", "Streams that may be open.", now.streams_max),
        ("onecard_connections", "Open connections.", now.connections),
        ("onecard_connections_limit", "Connections that may be open.", now.connections_max),
        ("onecard_inbox_batches", "Batches waiting to be judged.", now.inbox_batches),
        ("onecard_in_flight_bytes", "Bytes of batches not yet answered.", now.in_flight_bytes),
        ("onecard_journal_bytes", "Bytes of the journal, all segments.", now.journal_bytes),
        ("onecard_journal_map_bytes", "Bytes the journal's map may take.", now.journal_map_bytes),
        ("onecard_last_durable_sequence", "Last sequence on disk.", now.last_sequence),
        ("onecard_checkpoint_age_seconds", "Age of the newest checkpoint.", now.checkpoint_age_s),
        ("onecard_startup_seconds", "Time from start to serving.", now.startup_s),
        ("onecard_replay_seconds", "Time spent replaying at start.", now.replay_s),
        ("onecard_replayed_records", "Records replayed at start.", now.replayed),
        ("onecard_readers", "Read transactions open, of any process.", now.readers),
        ("onecard_reader_lag_commits", "Commits since the oldest began.", now.reader_lag_commits),
        ("onecard_disk_low", "1 while nothing is taken for want of space.", int(now.disk_low)),
        (
            "onecard_clock_doubtful",
            "1 while nothing is taken because the clock is not to be believed.",
            int(now.clock_doubtful),
        ),
        (
            "onecard_clock_booked_minus_wall_seconds",
            "Booking time of the last block less the wall clock; above 0, it is ahead.",
            now.clock_booked_minus_wall_s,
        ),
        ("onecard_serving", "1 while taps are taken.", int(now.serving)),
        ("onecard_engine_stopped", "1 once the engine failed.", int(now.engine_stopped)),
        ("onecard_disk_free_bytes", "Free bytes of the ledger's disk.", now.disk_free_bytes),
        ("onecard_window_open_seconds", "Age of the open window.", now.window_open_s),
        (
            "onecard_calendar_end_timestamp_seconds",
            "When the last day of the calendar ends.",
            now.calendar_ends_s,
        ),
        ("onecard_backup_age_seconds", "Age of the newest noted copy.", now.backup_age_s),
    ):
        # What is not known is left out: a number in its place would be taken for one.
        family = GaugeMetricFamily(name, text)
        if value is not None:
            family.add_metric((), value)
        yield family


def sweeps(by_kind: Mapping[str, tuple[int, float, int, int]]) -> Iterator[Metric]:
    """What is due and not done yet, and what was done by itself, by kind."""
    families: tuple[GaugeMetricFamily | CounterMetricFamily, ...] = (
        GaugeMetricFamily("onecard_sweep_due", "What is due and not done.", labels=("kind",)),
        GaugeMetricFamily(
            "onecard_sweep_oldest_seconds",
            "How long the first of what is due is due, 0 where nothing is.",
            labels=("kind",),
        ),
        CounterMetricFamily("onecard_sweep_done", "What was done when due.", labels=("kind",)),
        CounterMetricFamily(
            "onecard_sweep_failed", "Slices that failed and taps refused.", labels=("kind",)
        ),
    )
    for kind, figures in by_kind.items():
        for family, value in zip(families, figures, strict=True):
            family.add_metric((kind,), value)
    yield from families


def rooms(used: Mapping[str, tuple[int, int]]) -> Iterator[Metric]:
    """What there is bounded room for, and the bound."""
    for name, what in ROOMS.items():
        rows, most = used.get(name, (0, 0))
        yield GaugeMetricFamily(f"onecard_{name}", f"Rows of {what} in use.", value=rows)
        yield GaugeMetricFamily(f"onecard_{name}_limit", f"Rows of {what} at most.", value=most)


def build_info() -> Metric:
    """Which build this is, as labels of a constant 1."""
    family = GaugeMetricFamily(
        "onecard_build_info", "The version that runs.", labels=("version", "python")
    )
    family.add_metric((version("onecard"), python_version()), 1)
    return family


def new_registry(snapshot: Callable[[], Snapshot]) -> CollectorRegistry:
    """A registry of our collector and the process's own figures; no `_created` series."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LedgerCollector(snapshot))
    ProcessCollector(registry=registry)
    return registry


def serve_metrics(snapshot: Callable[[], Snapshot], host: str, port: int) -> ScrapeServer:
    """Starts the endpoint. OSError where the port is taken."""
    return ScrapeServer(host, port, answered(make_wsgi_app(new_registry(snapshot))))


def answered(app: WSGIApplication) -> WSGIApplication:
    """The same, but a scrape that fails is answered 500 and touches nothing else."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start)
        except Exception as error:
            start("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"onecard: this scrape failed: {type(error).__name__}\n".encode()]

    return answer
