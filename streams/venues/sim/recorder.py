"""The exchange with its memory: each input is logged with its answers before they are sent, and a log is executed again to go on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streams.errors import VenueError
from streams.lanes.bus import watermarks
from streams.lanes.wire import Wire
from streams.records import Command, Instrument
from streams.schema import codec
from streams.trading.venue_models import VenueModels
from streams.venues.merge import Rows, merged
from streams.venues.sim.exchange import SimExchange
from streams.venues.sim.log import VenueLog, log_path, to_json
from streams.venues.sim.market import RunReader, read_again

__all__ = ["Recorder"]

Partitions = list[tuple[str, int]]
Said = tuple[str, str]  # session, report as JSON
_PLAIN = VenueModels()


class Recorder:
    """A simulated venue that survives `kill -9`. Each `on_...` returns what to send, (session, report as JSON): only after `write`.

    offsets : next offset to read per market partition
    """

    def __init__(
        self,
        log: VenueLog,
        run: int,
        instruments: Sequence[Instrument],
        partitions: Partitions,
        starts: list[int],
        compiled: bool = False,
        others: Sequence[Instrument] = (),
        models: VenueModels = _PLAIN,
    ) -> None:
        self.log, self.partitions = log, partitions
        self.exchange = SimExchange(run, instruments, compiled=compiled, others=others, models=models)
        self.offsets = list(starts)

    @classmethod
    def open(
        cls,
        folder: Path,
        process: str,
        run: Command,
        instruments: Sequence[Instrument],
        partitions: Partitions,
        kafka: str,
        wire: Wire,
        compiled: bool = False,
        others: Sequence[Instrument] = (),
        models: VenueModels = _PLAIN,
    ) -> "Recorder":
        """The venue of a run: empty where the run has no log yet, else as its log left it, with the models that the run began with. The
        log of a run of the same number on another broker (the stack was purged) is put aside.

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
            log.add("run", _head(run, instruments, partitions, starts, models))
            log.write()
            return cls(log, number, instruments, partitions, starts, compiled, others, models)
        head = first[1]
        known = [codec.decode(Instrument, bytes.fromhex(i)) for i in head["instruments"]]
        models = VenueModels.read(head.get("models", {}))  # an older log names none: it was the plain venue
        recorder = cls(log, number, known, [(t, p) for t, p in head["partitions"]], head["starts"], compiled, others, models)
        recorder._execute(kafka, wire)
        return recorder

    # ---- inputs ----
    def on_market(self, rows: Rows) -> list[Said]:
        """Follow market records in this order, which must be that of their receive times."""
        self._follow(rows)
        self.log.add("merged", rows.runs())
        return self._said()

    def on_request(self, session: str, message: dict[str, Any], text: str, now_ns: int) -> list[Said]:
        """Process one message, which was this text in one line. One that cannot be read is answered with an error: only time has passed."""
        try:
            self.exchange.on_request(session, message, now_ns)
        except VenueError as error:
            self.exchange.on_time(now_ns)
            self.log.add("time", now_ns)
            return [*self._said(), (session, to_json({"error": str(error)}))]
        self.log.add_text("in", session, text, now_ns)
        return self._said()

    def on_time(self, now_ns: int) -> list[Said]:
        """Let orders expire that are due."""
        if now_ns < self.exchange.next_expiry_ns():
            return []
        self.exchange.on_time(now_ns)
        self.log.add("time", now_ns)
        return self._said()

    def write(self) -> None:
        """Hand the log to the operating system. VenueError when it cannot be written: then nothing may be sent."""
        self.log.write()

    def close(self) -> None:
        """Close the log."""
        self.log.close()

    def _follow(self, rows: Rows) -> None:
        for place, last in zip(rows.place.tolist(), rows.offset.tolist(), strict=True):
            self.offsets[place] = last + 1
        self.exchange.on_market(rows.start, rows.size)

    def _said(self) -> list[Said]:
        said = [(session, to_json(report)) for session, report in self.exchange.take_reports()]
        for session, text in said:
            self.log.add_text("out", session, text)
        return said

    # ---- the log, executed again ----
    def _execute(self, kafka: str, wire: Wire) -> None:
        markets = read_again(kafka, wire, self.partitions, self.offsets, self.exchange.slots)
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
            self._again(markets, number, kind, rest)
            said = self.exchange.take_reports()
        for market in markets:
            market.close()
        for session, report in said:  # answered by nobody: the kill came between the two
            self.log.add("out", session, report)
        self.log.write()

    def _again(self, markets: list[RunReader], number: int, kind: str, rest: list[Any]) -> None:
        """One input of the log."""
        if kind in ("market", "merged"):
            try:
                rows = Rows.join([markets[place].take(offset, count) for place, offset, count in rest[0]])
            except VenueError as error:
                raise VenueError(f"{self.log.path}:{number}: {error}") from None
            self._follow(rows if kind == "market" else merged(rows))
        elif kind == "in":
            self.exchange.on_request(*rest)
        elif kind == "time":
            self.exchange.on_time(*rest)


def _head(
    run: Command, instruments: Sequence[Instrument], partitions: Partitions, starts: list[int], models: VenueModels
) -> dict[str, Any]:
    return {
        "run": run.run_number,
        "wall_start_ns": run.wall_start_ns,
        "instruments": [codec.encode(i).hex() for i in instruments],
        "partitions": partitions,
        "starts": starts,
        "models": models.describe(),
    }
