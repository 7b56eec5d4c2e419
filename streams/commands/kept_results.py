"""Where the records that a backtest writes are kept: in a folder of Parquet files, in ClickHouse, or nowhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from streams.backtest.manifest import Manifest
from streams.backtest.replays import kept, replays_folder
from streams.backtest.results import Outcome, Sink
from streams.backtest.results_parquet import Parquet

__all__ = ["RESULTS", "Kept", "kept_results"]

RESULTS = ("parquet", "clickhouse", "none")
"""What `--results` takes."""


@dataclass
class Kept:
    """The sinks of a backtest; and what came of it, to be set when it has been played, for the manifest beside its results."""

    all: list[Sink] = field(default_factory=list)
    outcome: Outcome | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def kept_results(manifest: Manifest, results: str) -> Iterator[Kept]:
    """Where a backtest of this manifest goes. After a fault in the block nothing is left of it; an older one stays where it was."""
    found = Kept()
    if results == "none":
        yield found
    elif results == "clickhouse":
        yield from _in_clickhouse(manifest, found)
    else:
        with kept(manifest) as folder:
            found.all.append(Parquet(folder))
            yield found
            if found.outcome is not None:
                manifest.write(folder, found.outcome, found.figures)


def _in_clickhouse(manifest: Manifest, found: Kept) -> Iterator[Kept]:
    from streams.backtest.results_clickhouse import ClickHouse
    from streams.config import endpoints

    where = endpoints()
    found.all.append(ClickHouse(manifest.run_id, where.clickhouse, where.database))
    yield found
    folder = replays_folder() / str(manifest.run_id)
    if found.outcome is not None and not folder.exists():  # Parquet files of the same manifest stay
        with kept(manifest) as aside:
            manifest.write(aside, found.outcome, found.figures)
