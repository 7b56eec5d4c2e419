"""The stages of the fast lane's latency, by process, and the file in which each process counts them.

The file stands beside the rings, in memory where they are: a file on a disk would hold its writer now and then while it is written back.
All stamps are of the monotonic clock of the host (`streams.kernel.system.monotonic_ns`). docs/latency.md says what each one is.
"""

from pathlib import Path

__all__ = ["FEED_STAGES", "GATEWAY_STAGES", "LANE_STAGES", "MIRROR_STAGES", "STAGES", "histogram_path", "histogram_paths"]

FEED_STAGES = ("wire_ring",)
"""wire_ring: a frame's first byte (or the instant at which it was due) to its records in the ring."""

LANE_STAGES = ("ring_taken", "taken_decided", "decided_checked", "wire_checked")
"""ring_taken: of every frame, until the lane begins its first record. taken_decided: of every input that wrote a request, its begin to
the first order that it led to, as the strategy asks for it. decided_checked: from there to its outputs in the ring, risk and the state of
orders behind it. wire_checked: the same from the wire."""

GATEWAY_STAGES = ("checked_sent", "wire_sent", "sent_answered")
"""checked_sent: a request in the lane's ring to its bytes given to the connection. wire_sent: the same from the wire. sent_answered: to the
venue's first answer in the ring."""

MIRROR_STAGES = ("ring_topic",)
"""ring_topic: the oldest slot of a batch in its ring to the batch's commit."""

STAGES = (*FEED_STAGES, *LANE_STAGES, *GATEWAY_STAGES, *MIRROR_STAGES)
"""All of them, in the order of the way."""

_ENDING = ".histograms"


def histogram_path(folder: Path, process: str, shard: int) -> Path:
    """The file of one process of one shard; folder: that of its rings."""
    return folder / f"{process}.{shard}{_ENDING}"


def histogram_paths(folder: Path) -> dict[tuple[str, int], Path]:
    """The files that are there, by process and shard, sorted."""
    found = {}
    for path in sorted(folder.glob(f"*{_ENDING}")):
        process, _, shard = path.stem.rpartition(".")
        if process and shard.isdigit():
            found[process, int(shard)] = path
    return found
