"""The Kafka lane beside other clients and frameworks: writing, reading, and chains of five hops, exactly-once, on one broker.

Everything runs on this machine in one run: broker, generator, chain and reader share its cores. Written values, read values and the ends
of all chains are checked record by record; ids of the shipped chain must be dense.
"""

import logging
import sys
import tempfile
from pathlib import Path

from kafka_stack import header_of, running

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import kafka_chain
from claims import Claim, conditions, report
from kafka_chain import hops
from kafka_io import io_claims
from kafka_paced import Latency
from kafka_shipped import APART, FUSED, frames, shipped
from kafka_stack import TOPIC, values

from streams.config import Endpoints
from streams.schema import bulk, model

Market = list[tuple[int, bytes]]
Processes = dict[str, tuple[str, ...]]
FRAMES = 400_000
PACED_S, RATE, PEER_RATE = 15, 20_000, 2_000
LOOP, QUIX, WARM = 100_000, 20_000, 2_000
COMMITS_MS = (5, 20, 100)
GOAL_QUIX, GOAL_LOOP = 25, 5
REFERENCE = {"p50": 10.1, "p99": 18.8}
"""ms of four fused hops without Avro and agents (the prototype of this lane); the goal is 1.5 times that."""


def measure() -> list[Claim]:
    logging.disable(logging.CRITICAL)
    with running() as stack, tempfile.TemporaryDirectory() as folder:
        header = header_of(stack)
        claims = io_claims(stack, header)
        market = frames(FRAMES)
        claims += throughput(stack, header, market, Path(folder))
        claims += latencies(stack, header, market, Path(folder))
        return claims


def throughput(stack: Endpoints, header: bytes, market: Market, folder: Path) -> list[Claim]:
    """Chains over a backlog."""
    made = values(WARM + LOOP, header)
    warm, load = made[:WARM], made[WARM:]
    with hops(stack, header, "loop") as chain:
        loop = kafka_chain.backlog(stack, chain, warm, load)
    with hops(stack, header, "quix", 0.5) as chain:
        quix = kafka_chain.backlog(stack, chain, warm, load[:QUIX])
    claims = []
    for name, processes in (("fused", FUSED), ("a process each", APART)):
        ours = shipped(stack, folder, f"backlog-{len(processes)}", processes, 20).backlog(market)
        said = f"shipped chain, {name}, market records to positions"
        claims.append(_rate(f"{said} (peer: Quix, 5 hops)", ours.rate, quix, GOAL_QUIX))
        claims.append(_rate(f"{said} (peer: transactional loop, 5 hops)", ours.rate, loop, GOAL_LOOP))
    return claims


def latencies(stack: Endpoints, header: bytes, market: Market, folder: Path) -> list[Claim]:
    """Chains that are sent records by schedule."""
    made = values(WARM + PACED_S * PEER_RATE, header)
    warm, load = made[:WARM], bulk.decode(model.for_topic(TOPIC), made[WARM:].listed(), header)
    with hops(stack, header, "loop") as chain:
        loop = kafka_chain.latency(stack, chain, warm, load, PEER_RATE)
    claims = []
    for name, processes in (("fused", FUSED), ("a process each", APART)):
        found = _paced(stack, folder, f"paced-{len(processes)}", processes, 5, market, PEER_RATE)
        said = f"frame to order request, {name}, {PEER_RATE:,} frames/s"
        claims.append(_less(f"{said}, p50 (peer: loop, 5 hops)", found.p50, loop.p50, 1.0))
        claims.append(_less(f"{said}, p99 (peer: loop, 5 hops)", found.p99, loop.p99, 0.5))
    for commit_ms in COMMITS_MS:
        found = _paced(stack, folder, f"paced-{commit_ms}", FUSED, commit_ms, market, RATE)
        said = f"frame to order request, fused, {RATE:,} frames/s, commit {commit_ms} ms"
        for name in ("p50", "p99"):
            goal = 1.5 * REFERENCE[name]
            text = f"<= {goal:.1f}" if commit_ms == COMMITS_MS[0] else "none"
            ms = getattr(found, name)
            claims.append(Claim(f"{said}, {name}", ms, None, None, "ms", text, text == "none" or ms <= goal))
        claims.append(Claim(f"{said}, p99.9", found.p999, None, None, "ms", "none", True))
    return claims


def _paced(
    stack: Endpoints,
    folder: Path,
    name: str,
    processes: dict[str, tuple[str, ...]],
    commit_ms: int,
    market: Market,
    rate: float,
) -> Latency:
    """Of order requests."""
    found = shipped(stack, folder, name, processes, commit_ms).latency(market[: int(PACED_S * rate)], rate)
    for topic, latency in found.items():
        print(f"{name} {topic:<18} {latency}", file=sys.stderr)
    return found["requests.v1"]


def _rate(claim: str, ours: float, peer: float, goal: float) -> Claim:
    return Claim(claim, ours, peer, ours / peer, "records/s", f"{goal}x", ours >= goal * peer)


def _less(claim: str, ours: float, peer: float, share: float) -> Claim:
    return Claim(claim, ours, peer, peer / ours, "ms", f"<= {share:g} of the peer's", ours <= share * peer)


if __name__ == "__main__":
    report("kafka_lane", conditions(frames=FRAMES, hops=kafka_chain.HOPS, partitions=1, broker="Kafka 4.3.0, one node"), measure)
