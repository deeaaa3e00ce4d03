"""Every Prometheus name, and the one collector over counters kept in C.

Nothing is observed per tap in Python: a scrape takes one snapshot and formats it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from platform import python_version
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import start_http_server
from prometheus_client.registry import Collector

from onecard.ext.counters import BOUNDS_NS, STAGES, Counters
from onecard.ext.outcome import Kind, Outcome

KINDS = {0: "unknown"} | {int(kind): kind.name.lower() for kind in Kind}
OUTCOMES = {int(outcome): outcome.name.lower() for outcome in Outcome}
STAGE_HELP = {
    "decode": "Time to find the columns of one batch.",
    "judge": "Time to decide one batch, without the journal.",
    "commit": "Time of one durable commit of a group of batches.",
    "reply": "Time to hand the answers of one group back to their streams.",
}


@dataclass
class Snapshot:
    """What a scrape sees; the server fills it, so that this file knows no node."""

    counters: Counters
    batches: Mapping[str, int] = field(default_factory=dict)  # by outcome: answered, refused, ...
    streams: int = 0
    streams_max: int = 0
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
    serving: bool = False


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
        yield from stages(now.counters)
        yield batches(now.batches)
        yield from gauges(now)
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


def gauges(now: Snapshot) -> Iterator[Metric]:
    """What is now: queues, disk, sequence, start."""
    for name, text, value in (
        ("onecard_streams", "Open streams.", now.streams),
        ("onecard_streams_limit", "Streams that may be open.", now.streams_max),
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
        ("onecard_serving", "1 while taps are taken.", int(now.serving)),
    ):
        yield GaugeMetricFamily(name, text, value=value)


def build_info() -> Metric:
    """Which build this is, as labels of a constant 1."""
    family = GaugeMetricFamily(
        "onecard_build_info", "The version that runs.", labels=("version", "python")
    )
    family.add_metric((version("onecard"), python_version()), 1)
    return family


@dataclass
class MetricsServer:
    """The scrape endpoint, on its own port and its own daemon thread."""

    server: WSGIServer
    thread: Thread

    @property
    def address(self) -> str:
        """host:port as it is, also where port 0 was asked for."""
        host, port = self.server.server_address[:2]
        return f"{host!s}:{port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def new_registry(snapshot: Callable[[], Snapshot]) -> CollectorRegistry:
    """A registry of our collector and the process's own figures; no `_created` series."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry(auto_describe=False)
    registry.register(LedgerCollector(snapshot))
    ProcessCollector(registry=registry)
    return registry


def serve_metrics(snapshot: Callable[[], Snapshot], host: str, port: int) -> MetricsServer:
    """Starts the endpoint. OSError where the port is taken."""
    server, thread = start_http_server(port, host, new_registry(snapshot))
    return MetricsServer(server, thread)
