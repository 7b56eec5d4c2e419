"""What a fast feed is told."""

from dataclasses import dataclass
from pathlib import Path

from streams.lanes.fast_rings import FastShard
from streams.lanes.spec import LaneSpec
from streams.lanes.waiting import Waiting, waiting_policy
from streams.venues.binance.feed import FeedSettings

__all__ = ["FastFeedSettings"]


@dataclass(frozen=True)
class FastFeedSettings:
    """Everything a fast feed is told.

    feed            : as of any feed; it gives the venue, its symbols and where their frames come from
    shard           : the rings, which are there
    market          : the process that normalize belongs to, as the Kafka lane takes it
    wait            : name of a policy: what the feed does until a frame of a recording is due
    checkpoint_path : file beside the rings
    status_path     : JSON file that is replaced each second with the counters; None = none
    snapshot_s      : wall time between checkpoints
    drop_s          : a connection whose frames find no room in the rings for so long is dropped, wall s
    """

    feed: FeedSettings
    shard: FastShard
    market: LaneSpec
    wait: str
    checkpoint_path: Path
    status_path: Path | None = None
    snapshot_s: float = 10.0
    drop_s: float = 1.0

    @property
    def waiting(self) -> Waiting:
        """The policy; ConfigError if there is none of that name."""
        return waiting_policy(self.wait)
