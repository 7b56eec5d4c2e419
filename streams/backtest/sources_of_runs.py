"""Market records of live runs: from Kafka, or from ClickHouse where Kafka does not keep them any more."""

from collections.abc import Sequence
from typing import Any

from streams.backtest.names import MarketNames
from streams.backtest.runs_kept import KeptRun, RunsKept
from streams.backtest.source import Source
from streams.backtest.source_clickhouse import ClickHouseSource
from streams.backtest.source_kafka import KafkaSource, RunRange
from streams.backtest.tables import Tables
from streams.config import Endpoints
from streams.errors import ConfigError, SinkError

__all__ = ["of_runs"]


def of_runs(names: MarketNames, where: Endpoints, run: int | None, options: dict[str, Any]) -> Source:
    """The market records of live runs, from Kafka or ClickHouse; see `open_source`. options: from_ns, to_ns and more of a Source."""
    kept = RunsKept(where)
    runs = kept.chosen(run, options["from_ns"], options["to_ns"])
    if gone := [one for one in runs if not kept.covers(one, options["from_ns"])]:
        tables = Tables(where)
        _check_tables(tables, gone)
        return ClickHouseSource(names, tables, [one.number for one in runs], **options)
    ranges = [RunRange(one.number, one.record.id, kept.narrowed(one, options["from_ns"], options["to_ns"])) for one in runs]
    return KafkaSource(names, where.kafka, kept.wire, kept.control.epoch, ranges, kept.control.instruments, **options)


def _check_tables(tables: Tables, runs: Sequence[KeptRun]) -> None:
    """ConfigError if ClickHouse has nothing of runs that Kafka does not keep."""
    for one in runs:
        places = ", ".join(f"{topic}[{partition}]" for topic, partition in one.lost)
        where = f"run {one.number}: Kafka does not keep what it needs of {places} any more"
        try:
            span = tables.span(one.number)
        except SinkError as error:
            raise ConfigError(f"{where}, and ClickHouse cannot be asked: {error}") from None
        if span is None:
            raise ConfigError(f"{where}, and ClickHouse has none of it; `sinks: {{clickhouse: all}}` in the topology keeps runs there")
