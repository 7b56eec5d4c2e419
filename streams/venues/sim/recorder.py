"""The exchange with its memory: each input is logged with its answers before they are sent, and a log is executed again to go on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streams.errors import VenueError
from streams.lanes.bus import watermarks
from streams.lanes.wire import Wire
from streams.records import Command, Instrument
from streams.schema import codec
from streams.venues.sim.exchange import SimExchange
from streams.venues.sim.log import VenueLog, log_path
from streams.venues.sim.market import MarketRecord, reread

__all__ = ["Recorder"]

Partitions = list[tuple[str, int]]


class Recorder:
    """A simulated venue that survives `kill -9`. Each `on_...` returns the reports to send: they are in the log already.

    offsets : next offset to read per market partition
    """

    def __init__(self, log: VenueLog, run: int, instruments: Sequence[Instrument], partitions: Partitions, starts: list[int]) -> None:
        self.log, self.partitions = log, partitions
        self.exchange = SimExchange(run, instruments)
        self.offsets = list(starts)

    @classmethod
    def open(
        cls, folder: Path, process: str, run: Command, instruments: Sequence[Instrument], partitions: Partitions, kafka: str, wire: Wire
    ) -> "Recorder":
        """The venue of a run: empty where the run has no log yet, else as its log left it. The log of a run of the same number on another
        broker (the stack was purged) is put aside.

        Raises VenueError where executing the log again gives other answers: code, instruments or market data have changed since.
        """
        number = run.run_number or 0
        path = log_path(folder, process, number)
        first = VenueLog.first(path)
        if first is not None and first[1]["wall_start_ns"] != run.wall_start_ns:
            path.rename(path.with_suffix(f".{first[1]['wall_start_ns']}.jsonl"))
            first = None
        log = VenueLog(path)
        if first is None:
            positions = {(p.topic, p.partition): p.offset for p in run.start_positions}
            starts = [positions[p] if p in positions else watermarks(kafka, *p)[0] for p in partitions]
            log.add("run", _head(run, instruments, partitions, starts))
            log.write()
            return cls(log, number, instruments, partitions, starts)
        head = first[1]
        known = [codec.decode(Instrument, bytes.fromhex(i)) for i in head["instruments"]]
        recorder = cls(log, number, known, [(t, p) for t, p in head["partitions"]], head["starts"])
        recorder._execute(kafka, wire)
        return recorder

    # ---- inputs ----
    def on_market(self, records: list[MarketRecord]) -> list[tuple[str, dict[str, Any]]]:
        """Process market records in this order."""
        runs: list[list[int]] = []
        for place, offset, record in records:
            if runs and runs[-1][0] == place:
                runs[-1][2] += 1
            else:
                runs.append([place, offset, 1])
            self._market(place, offset, record)
        return self._log("market", runs) if records else []

    def on_request(self, session: str, message: dict[str, Any], now_ns: int) -> list[tuple[str, dict[str, Any]]]:
        """Process one message. VenueError for one that cannot be read: nothing happened."""
        self.exchange.on_request(session, message, now_ns)
        return self._log("in", session, message, now_ns)

    def on_time(self, now_ns: int) -> list[tuple[str, dict[str, Any]]]:
        """Let orders expire that are due."""
        if now_ns < self.exchange.next_expiry_ns():
            return []
        self.exchange.on_time(now_ns)
        return self._log("time", now_ns)

    def close(self) -> None:
        """Close the log."""
        self.log.close()

    def _market(self, place: int, offset: int, record: Any) -> None:
        self.offsets[place] = offset + 1
        if record is not None and record.run_id == self.exchange.run:
            self.exchange.on_market(record)

    def _log(self, *line: Any) -> list[tuple[str, dict[str, Any]]]:
        self.log.add(*line)
        reports = self.exchange.take_reports()
        for session, report in reports:
            self.log.add("out", session, report)
        self.log.write()
        return reports

    # ---- the log, executed again ----
    def _execute(self, kafka: str, wire: Wire) -> None:
        markets = reread(kafka, wire, self.partitions, self.offsets)
        said: list[tuple[str, dict[str, Any]]] = []
        for number, (kind, *rest) in enumerate(self.log.lines(), 1):
            if kind == "run":
                continue
            if kind == "out":
                if not said or said[0] != tuple(rest):
                    found = said[0] if said else "nothing"
                    raise VenueError(f"{self.log.path}:{number}: answered {rest} then, and {found} now; start a fresh run")
                said.pop(0)
                continue
            if said:
                raise VenueError(f"{self.log.path}:{number}: {said[0]} is answered now, and was not then; start a fresh run")
            if kind == "market":
                for place, offset, count in rest[0]:
                    self._market_again(markets[place], place, offset, count, number)
            elif kind == "in":
                self.exchange.on_request(*rest)
            elif kind == "time":
                self.exchange.on_time(*rest)
            said = self.exchange.take_reports()
        for session, report in said:  # answered by nobody: the kill came between the two
            self.log.add("out", session, report)
        self.log.write()

    def _market_again(self, market: Any, place: int, offset: int, count: int, number: int) -> None:
        for n in range(count):
            record = next(market, None)
            if record is None or (n == 0 and record[1] != offset):
                topic, partition = self.partitions[place]
                raise VenueError(f"{self.log.path}:{number}: {topic}[{partition}] no longer has offset {offset}; start a fresh run")
            self._market(*record)


def _head(run: Command, instruments: Sequence[Instrument], partitions: Partitions, starts: list[int]) -> dict[str, Any]:
    return {
        "run": run.run_number,
        "wall_start_ns": run.wall_start_ns,
        "instruments": [codec.encode(i).hex() for i in instruments],
        "partitions": partitions,
        "starts": starts,
    }
