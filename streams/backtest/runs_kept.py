"""Which live runs have market records for a backtest, and where: in Kafka as long as it keeps them, else in ClickHouse."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from streams.backtest.events import MARKET_TOPICS
from streams.backtest.tables import Tables
from streams.backtest.topic_ranges import Probe, Range
from streams.config import Endpoints
from streams.errors import ConfigError, SinkError
from streams.lanes.admin import kept_offsets, list_topics, open_admin
from streams.lanes.control import COMMANDS, Control, read_control
from streams.lanes.place import Place
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.records import Clock, Command

__all__ = ["KeptRun", "RunsKept"]

_EARLY_NS = 10_000_000_000  # searched offsets begin and end so much beside the range: receive times of a partition may step back a little


@dataclass(frozen=True)
class KeptRun:
    """A live run. record: its RUN record; places: offsets that its market records have in Kafka, as far as they are kept.

    lost  : partitions of which Kafka does not keep the beginning any more
    """

    number: int
    record: Command
    places: dict[Place, Range]
    lost: tuple[Place, ...]


class RunsKept:
    """The runs of a cluster, with the ends of its market topics as they are now: what is written later is not seen.

    control : names, instruments and runs; wire: reads its topics
    """

    def __init__(self, where: Endpoints) -> None:
        self.where = where
        self.wire = Wire(SchemaIds(where.registry))
        self.control: Control = read_control(where.kafka, self.wire, ("names.v1", "instruments.v1", COMMANDS))
        there = list_topics(where.kafka)
        places = [(topic, partition) for topic in MARKET_TOPICS for partition in range(there.get(topic, 0))]
        self._kept = kept_offsets(open_admin(where.kafka), places)
        self._tables = Tables(where)

    def chosen(self, run: int | None, from_ns: int | None, to_ns: int | None) -> list[KeptRun]:
        """The runs to be replayed, in the order of their times: the one asked for, or the newest that has records in the range; where that
        one's clock is the wall clock, the earlier ones of such clocks too that have some. ConfigError if there is none."""
        if run is not None:
            if run not in self.control.runs:
                known = ", ".join(map(str, sorted(self.control.runs)[-5:])) or "none at all"
                raise ConfigError(f"run {run}: {COMMANDS} has no such run; the last ones are {known}")
            return [self._run(run)]
        found: list[KeptRun] = []
        with Probe(self.where.kafka, self.wire) as probe:
            for one in self._newest_first():
                is_wall = one.record.clock == Clock.WALL
                if (found and not is_wall) or not _may_be_before(one.record, to_ns):
                    continue
                last_ns = self._last_ns(one, probe)
                if last_ns is not None and (from_ns is None or last_ns >= from_ns):
                    found.insert(0, one)
                    if not is_wall or from_ns is None:
                        break
                elif found:
                    break
        if not found:
            raise ConfigError(
                f"no run has market records in the range, in {', '.join(MARKET_TOPICS)} or in ClickHouse; `millrace query "
                '"SELECT run_id, min(recv_ts), max(recv_ts) FROM quotes GROUP BY run_id"` shows what there is; --recording FILE reads files'
            )
        return found

    def covers(self, run: KeptRun, from_ns: int | None) -> bool:
        """Whether Kafka keeps all that a replay from then on needs."""
        if not run.lost:
            return True
        if from_ns is None or any(topic == MARKET_TOPICS[0] for topic, _ in run.lost):
            return False
        with Probe(self.where.kafka, self.wire) as probe:
            firsts = [probe.first(place, run.places[place]) for place in run.lost]
        return all(first is not None and first[1] < from_ns - _EARLY_NS for first in firsts)

    def narrowed(self, run: KeptRun, from_ns: int | None, to_ns: int | None) -> dict[Place, Range]:
        """The offsets that a range needs: of book updates from the run's beginning, since a book is made of all before."""
        places = dict(run.places)
        with Probe(self.where.kafka, self.wire) as probe:
            for place, within in run.places.items():
                first, end = within
                if from_ns is not None and place[0] != MARKET_TOPICS[0]:
                    first = probe.around(place, within, from_ns - _EARLY_NS).first
                if to_ns is not None:
                    end = probe.around(place, Range(first, end), to_ns + _EARLY_NS).end
                places[place] = Range(first, end)
        return places

    def _newest_first(self) -> Iterator[KeptRun]:
        return (self._run(number) for number in sorted(self.control.runs, reverse=True))

    def _run(self, number: int) -> KeptRun:
        record, _ = self.control.runs[number]
        starts = {(p.topic, p.partition): p.offset for p in record.start_positions}
        later = [self.control.runs[n][0] for n in sorted(self.control.runs) if n > number]
        ends = {(p.topic, p.partition): p.offset for p in later[0].start_positions} if later else {}
        places, lost = {}, []
        for place, (low, high) in self._kept.items():
            first, end = starts.get(place, 0), min(ends.get(place, high), high)
            if first < low and first < end:
                lost.append(place)
            places[place] = Range(min(max(first, low), end), end)
        return KeptRun(number, record, places, tuple(lost))

    def _last_ns(self, run: KeptRun, probe: Probe) -> int | None:
        """The last receive time of a run's market records, None if it has none."""
        if run.lost:
            with suppress(SinkError):
                span = self._tables.span(run.number)
                return span[1] if span else None
        return max((found[1] for place, one in run.places.items() if (found := probe.last(place, one)) is not None), default=None)


def _may_be_before(run: Command, to_ns: int | None) -> bool:
    """Whether a run can have records received before that: its clock starts at its beginning."""
    start_ns = run.clock_start_ns if run.clock == Clock.RECORDING else run.ts_ns
    return to_ns is None or (start_ns or 0) < to_ns
