"""The fast lane as a user runs it: `millrace run` of topologies/fast.yaml on this machine, with everything, for each way of waiting.

Broker, registry, ClickHouse, feed, lane, gateway, mirror, simulated venue, books, sink and control plane share the machine's cores; nothing
is pinned. The market is a synthetic recording, played in its own time: a frame is due when the recording says so, and latency counts from
there (docs/latency.md). The figures are those of the histograms that every run records. Left out is the beginning: the market begins with
the run, while processes still start, so the first frames are late before anybody can read them. Counting begins WARM_S after the lane has
begun to trade, and ends with the ordered end of the run.

Checked before a figure is given: no process was started again, `millrace verify` executes the journals to equal bytes, and the stages have
counted each other's numbers: what the venue answered had been sent, what the lane took had been written.
"""

import sys
import tempfile
import time
from pathlib import Path

from claims import Claim, conditions, report
from kafka_stack import running

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.config import Endpoints
from streams.lanes.fast_rings import remove_rings, rings_folder
from streams.lanes.histogram_counts import Counts, Figures
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.stages import STAGES, histogram_paths
from streams.lanes.waiting import POLICIES
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.e2e.run_kit import CHECKOUT, Desk, Running

TOPOLOGY = CHECKOUT / "topologies" / "fast.yaml"
WARM_S, PLAYED_S, EVENTS_PER_S, MARKET_S = 5.0, 20.0, 1_000.0, 300.0
TRADED, _START_BOUND_S = 10, 120.0


def topology(folder: Path, policy: str) -> Path:
    """The fast topology whose feed, lane and gateway wait so."""
    text = TOPOLOGY.read_text()
    for agents in ("[normalize]", "[strategy, risk, execute]"):
        line = f"{{lane: fast, agents: {agents}}}"
        assert line in text, f"{TOPOLOGY} has no process {line}"
        text = text.replace(line, f"{{lane: fast, agents: {agents}, wait: {policy}}}")
    path = folder / f"fast-{policy}.yaml"
    path.write_text(f"{text}\nfast: {{gateway: {{wait: {policy}}}}}\n")
    return path


def one_run(stack: Endpoints, folder: Path, recording: Path, policy: str) -> dict[str, Figures]:
    """Figures by stage of a run, once it has been verified. Its rings go with it."""
    desk = Desk(stack, folder, topology(folder, policy))
    try:
        return verified(desk, recording)
    finally:
        remove_rings(rings_folder(desk.home))


def verified(desk: Desk, recording: Path) -> dict[str, Figures]:
    """The same of a desk whose rings stay."""
    desk.done("apply", str(desk.topology))
    with desk.start(recording, speed=1.0) as run:
        run.wait(lambda: answered(rings_folder(desk.home)) >= TRADED, "orders of the lane", "trade", "gateway", bound_s=_START_BOUND_S)
        wait_s(run, WARM_S)
        before = counts(rings_folder(desk.home))
        wait_s(run, PLAYED_S)
        run.stop()
    assert "processes started again: 0" in run.text or "processes started again" not in run.text, run.told()
    shown = desk.done("verify", str(desk.topology), "--run", str(run.number))
    assert shown.count(": equal: ") == 3, shown
    after = counts(rings_folder(desk.home))
    found = {stage: (after[stage].since(before[stage]) if stage in before else after[stage]).figures() for stage in after}
    assert 0 < after["wire_sent"].count <= after["checked_sent"].count, "the gateway has sent nothing that came of a frame"
    assert 0 < after["sent_answered"].count <= after["checked_sent"].count, "the venue has answered what the gateway has not sent"
    assert after["wire_ring"].count >= after["ring_taken"].count > 0, "the lane has taken frames that nobody wrote"
    return found


def wait_s(run: Running, seconds: float) -> None:
    """The run goes on for so long; AssertionError if it ends."""
    until_s = time.monotonic() + seconds
    run.wait(lambda: time.monotonic() > until_s, "the market to be played", "feed", "trade", "gateway", "mirror")


def answered(folder: Path) -> int:
    """Requests that have been sent and answered so far."""
    return counts(folder)["sent_answered"].count if "gateway" in {process for process, _ in histogram_paths(folder)} else 0


def counts(folder: Path) -> dict[str, Counts]:
    """What each process has counted, by stage; the processes have stages of their own."""
    files = [HistogramFile.open(path) for path in histogram_paths(folder).values()]
    return {stage: file.take(stage) for file in files for stage in file.stages}


def measure() -> list[Claim]:
    claims = []
    with running() as stack, tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "market.gz"
        write_synthetic(recording, SyntheticMarket(seed=8, seconds=MARKET_S, events_per_s=EVENTS_PER_S))
        for policy in POLICIES:
            found = one_run(stack, Path(folder), recording, policy)
            for stage in STAGES:
                f = found.get(stage)
                if f is None or not f.count:
                    continue
                told = f"{policy}: {stage}, {f.count:,} records"
                for name, ns, least in (("p50", f.p50_ns, 1), ("p99", f.p99_ns, 100), ("p99.9", f.p999_ns, 1_000), ("max", f.max_ns, 1)):
                    if f.count < least:  # no such quantile of so few
                        continue
                    claims.append(Claim(f"{told}: {name}", ns / 1e3, None, None, "us", "shown", True))
    return claims


if __name__ == "__main__":
    report("fast_run", conditions(warm_s=WARM_S, played_s=PLAYED_S, events_per_s=EVENTS_PER_S, mirror="running", pinned="nothing"), measure)
