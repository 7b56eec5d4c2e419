"""The fast lane as a user runs it: `millrace run` of topologies/fast.yaml on this machine, with everything, for each way of waiting.

Broker, registry, ClickHouse, feed, lane, gateway, mirror, simulated venue, books, sink and control plane share the machine's cores; nothing
is pinned. The market is a synthetic recording, played in its own time: a frame is due when the recording says so, and latency counts from
there (docs/latency.md). The figures are those of the histograms that every run records, from its first frame to its ordered end: nothing
is warmed, nothing is left out.

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
from streams.lanes.histogram_counts import Figures
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.stages import histogram_paths
from streams.lanes.waiting import POLICIES
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.e2e.run_kit import CHECKOUT, Desk

TOPOLOGY = CHECKOUT / "topologies" / "fast.yaml"
PLAYED_S, EVENTS_PER_S, MARKET_S = 20.0, 1_000.0, 300.0
_START_BOUND_S = 120.0
SHOWN = ("wire_ring", "ring_taken", "taken_decided", "wire_decided", "decided_sent", "wire_sent", "sent_answered", "ring_topic")


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
    """Figures by stage of a run, once it has been verified."""
    desk = Desk(stack, folder, topology(folder, policy))
    desk.done("apply", str(desk.topology))
    with desk.start(recording, speed=1.0) as run:
        run.wait(lambda: run.status("trade").get("records_in", 0), "the lane to trade", "feed", "trade", bound_s=_START_BOUND_S)
        until_s = time.monotonic() + PLAYED_S
        run.wait(lambda: time.monotonic() > until_s, "the market to be played", "feed", "trade", "gateway", "mirror")
        run.stop()
    assert "processes started again: 0" in run.text or "processes started again" not in run.text, run.told()
    shown = desk.done("verify", str(desk.topology), "--run", str(run.number))
    assert shown.count(": equal: ") == 3, shown
    found = figures(rings_folder(desk.home))
    assert 0 < found["wire_sent"].count <= found["decided_sent"].count, "the gateway has sent nothing that came of a frame"
    assert 0 < found["sent_answered"].count <= found["decided_sent"].count, "the venue has answered what the gateway has not sent"
    assert found["wire_ring"].count >= found["ring_taken"].count > 0, "the lane has taken frames that nobody wrote"
    remove_rings(rings_folder(desk.home))
    return found


def figures(folder: Path) -> dict[str, Figures]:
    """What each process counted, by stage; the processes have stages of their own."""
    files = [HistogramFile.open(path) for path in histogram_paths(folder).values()]
    return {stage: file.take(stage).figures() for file in files for stage in file.stages}


def measure() -> list[Claim]:
    claims = []
    with running() as stack, tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "market.gz"
        write_synthetic(recording, SyntheticMarket(seed=8, seconds=MARKET_S, events_per_s=EVENTS_PER_S))
        for policy in POLICIES:
            found = one_run(stack, Path(folder), recording, policy)
            for stage in SHOWN:
                f = found.get(stage)
                if f is None or not f.count:
                    continue
                told = f"{policy}: {stage}, {f.count:,} records"
                for name, ns in (("p50", f.p50_ns), ("p99", f.p99_ns), ("p99.9", f.p999_ns), ("max", f.max_ns)):
                    claims.append(Claim(f"{told}: {name}", ns / 1e3, None, None, "us", "shown", True))
    return claims


if __name__ == "__main__":
    report("fast_run", conditions(played_s=PLAYED_S, events_per_s=EVENTS_PER_S, mirror="running", pinned="nothing"), measure)
