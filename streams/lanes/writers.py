"""Names of the writers that a lane itself is, beside those of its agents: ticks, journal, latency, snapshots, alerts, dead letters."""

from collections.abc import Iterable

__all__ = ["ALERTS", "JOURNAL", "LATENCY", "SNAPSHOTS", "TICKS", "dlq_topic", "lane_writers", "writer_name"]

TICKS = ""  # the clock stands where a topic stands
ALERTS = "alerts.v1"
JOURNAL = "journal.v1"
LATENCY = "latency.v1"
SNAPSHOTS = "snapshots.v1"


def dlq_topic(topic: str) -> str:
    """The dead-letter topic of a topic."""
    return f"{topic}.dlq.v1"


def writer_name(owner: str, shard: int, topic: str) -> str:
    """The name in the dictionary of what `owner` (agent, process or shell) writes to a topic.

    >>> writer_name("risk", 0, "decisions.v1"), writer_name("trade", 1, ""), writer_name("trade", 0, "frames.v1.dlq.v1")
    ('risk/0/decisions', 'trade/1/ticks', 'trade/0/frames.dlq')
    """
    return f"{owner}/{shard}/{topic.replace('.v1', '') or 'ticks'}"


def lane_writers(process: str, shard: int, topics: Iterable[str]) -> dict[str, str]:
    """Writer name by topic ("" = ticks) of one process and shard that reads and writes `topics`. `apply` gives each its number."""
    own = [TICKS, JOURNAL, LATENCY, SNAPSHOTS, *(dlq_topic(topic) for topic in sorted(set(topics)))]
    return {topic: writer_name(process, shard, topic) for topic in own} | {ALERTS: writer_name(f"{process}-lane", shard, ALERTS)}
