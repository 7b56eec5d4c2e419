"""Where a backtest's market data comes from: recordings, the topics of the broker, or ClickHouse beyond what those keep."""

from collections.abc import Iterable

from streams.agents.process import Process
from streams.backtest.source import Source
from streams.backtest.sources import open_source
from streams.config import endpoints
from streams.errors import ConfigError
from streams.topology.model import Topology
from streams.topology.recordings import recordings_of
from streams.topology.world import feeds_of

__all__ = ["open_market_data"]


def open_market_data(
    topology: Topology,
    process: Process,
    recordings: Iterable[str] = (),
    from_ns: int | None = None,
    to_ns: int | None = None,
    run: int | None = None,
    plain: bool = False,
) -> Source:
    """The market data that was asked for, of the instruments of a process that was told of names and instruments.

    recordings : `[VENUE=]FILE` each. Without any, a range or a run is read from the broker; without that, the topology's own recordings
    ConfigError when there is none to be found
    """
    recordings, feeds = tuple(recordings), feeds_of(topology, process)
    ranged = run is not None or from_ns is not None or to_ns is not None
    files = recordings_of(topology, recordings) if recordings or not ranged else {}
    if not files and not ranged:
        raise ConfigError(f"{topology.path}: what is to be replayed? name --recording FILE, a range --from T --to T, or a live --run N")
    where = None if files else endpoints()
    return open_source(process, recordings=files, feeds=feeds, where=where, run=run, from_ns=from_ns, to_ns=to_ns, plain=plain)
