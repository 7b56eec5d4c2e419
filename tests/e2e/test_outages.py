"""Services that go away while a run goes on, and disks that are full: it is said, and when they are back nothing was lost."""

import contextlib
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from streams.local import services
from streams.local.service import JVM_SHORT
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.e2e.foreign import first_row, open_client, topic_ends
from tests.e2e.run_kit import OUTLASTS_S, Desk, Running
from tests.e2e.witness import check_run, played

pytestmark = [pytest.mark.nightly, pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

AWAY_S = 60.0
STACK = ("MILLRACE_KAFKA", "MILLRACE_REGISTRY", "MILLRACE_CLICKHOUSE")


def start_services() -> None:
    """What of the stack is down comes up again, where it was."""
    with pytest.MonkeyPatch.context() as environment:
        for name in STACK:
            environment.delenv(name)
        services.up(lambda _: None, home=Path(os.environ["MILLRACE_HOME"]), jvm=JVM_SHORT)


def service(name: str) -> psutil.Process:
    """The process of a service of the stack."""
    with pytest.MonkeyPatch.context() as environment:
        for given in STACK:
            environment.delenv(given)
        found = services.status(home=Path(os.environ["MILLRACE_HOME"]))
    return psutil.Process(next(one.pid for one in found if one.name == name))


@contextlib.contextmanager
def killed(name: str) -> Iterator[None]:
    """Without this service; it is back afterwards, whatever happens meanwhile."""
    service(name).kill()
    try:
        yield
    finally:
        start_services()


@contextlib.contextmanager
def full_disk(process: psutil.Process) -> Iterator[None]:
    """The process can write no byte beyond the first thousand of a file, as on a disk that is full."""
    process.rlimit(psutil.RLIMIT_FSIZE, (1_000, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.rlimit(psutil.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_run_over_outages_and_full_disks_says_so_and_loses_nothing(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    recording = tmp_path / "market.gz"
    write_synthetic(recording, SyntheticMarket(seed=12, seconds=OUTLASTS_S, events_per_s=150.0))
    took_s = {}
    with desk.start(recording, speed=1.0) as running:
        running.wait(lambda: running.venue_log_bytes().count(b'["out"') > 20, "the venue to answer", "trade", "venue")
        for name, outage in OUTAGES.items():
            began_s = time.monotonic()
            outage(desk, running)
            took_s[name] = time.monotonic() - began_s
        running.stop()
    with capsys.disabled():
        print("\noutages, s:", ", ".join(f"{name} {s:.1f}" for name, s in took_s.items()))
    check_run(desk, running, played(desk, running, recording))


def without_registry(desk: Desk, running: Running) -> None:
    """What runs goes on; what starts says what it needs, and starts when it is there."""
    with killed("registry"):
        wait_for_flow(desk, running, "fills.v1", "quotes.v1")
        running.kill("market")
        running.wait(lambda: "does not answer" in running.news("market"), "market to say that it needs the registry", "market")
    wait_for_flow(desk, running, "quotes.v1")


def without_room_for_the_tables(desk: Desk, running: Running) -> None:
    """The sink says so, waits, and inserts when there is room."""
    with full_disk(service("clickhouse")):
        running.wait(lambda: "ClickHouse does not take the batch" in running.news("sink"), "the sink to say so", "sink")
    running.wait(lambda: "ClickHouse takes batches again" in running.news("sink"), "the sink to go on", "sink")


def without_room_for_the_venues_log(desk: Desk, running: Running) -> None:
    """The venue answers nothing that it cannot write down: it says so and ends, and the next one goes on from what stands there."""
    pid = running.pid("venue")
    with full_disk(psutil.Process(pid)):
        running.wait(lambda: running.pid("venue") not in (0, pid), "another venue", "venue")
    assert "cannot be written (File too large)" in running.news("venue"), running.told("venue")
    answers = running.venue_log_bytes().count(b'["out"')
    running.wait(lambda: running.venue_log_bytes().count(b'["out"') > answers, "the venue to answer again", "venue", "gateway")


def with_another_broker(desk: Desk, running: Running) -> None:
    """A broker that ends in order and is back at once."""
    broker = service("kafka")
    broker.terminate()
    broker.wait(60.0)
    start_services()
    wait_for_flow(desk, running, "frames.v1", "quotes.v1", "venue_events.v1")


def without_broker(desk: Desk, running: Running) -> None:
    """Killed and away for a minute: every process says so and goes on when it is back."""
    with killed("kafka"):
        back_s = time.monotonic() + AWAY_S
        for name in ("market", "trade", "books", "sink", "gateway", "feed"):
            running.wait(lambda name=name: says_broker_is_away(running.news(name)), f"{name} to say that the broker is away", name)
        running.wait(lambda: time.monotonic() > back_s, "the minute to pass", bound_s=AWAY_S + 1)
    wait_for_flow(desk, running, "frames.v1", "quotes.v1", "venue_events.v1")
    client = open_client(desk.where.clickhouse, desk.where.database)
    count = f"SELECT count() FROM quotes WHERE run_id = {running.number}"
    before = first_row(client, count)[0]
    running.wait(lambda: first_row(client, count)[0] > before, "the sink to go on", "sink")


def says_broker_is_away(news: str) -> bool:
    """In librdkafka's words or ours."""
    return "_ALL_BROKERS_DOWN" in news or "Connection refused" in news


def wait_for_flow(desk: Desk, running: Running, *topics: str) -> None:
    """Until each of these topics has grown."""
    before = topic_ends(desk.where.kafka, topics)
    for topic in topics:
        running.wait(lambda topic=topic: topic_ends(desk.where.kafka, [topic])[topic] > before[topic], f"{topic} to grow")


OUTAGES = {
    "registry": without_registry,
    "full disk under ClickHouse": without_room_for_the_tables,
    "full disk under the venue": without_room_for_the_venues_log,
    "broker ended and started": with_another_broker,
    "broker killed, away for a minute": without_broker,
}
