"""The recording through one process with everything in it, and the simulated venue beside it: what a whole run writes."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from streams.agents.process import Process
from streams.records import BookUpdate, Frame, Request, Trade, VenueEvent, VenueEventType
from streams.schema import ids
from streams.trading.venue import SimVenue
from streams.venues.binance.recording import Line, read_recording
from tests.agents.desk import control, spec
from tests.real_recording import PATH

__all__ = ["Run"]

AGENTS = ("normalize", "strategy", "risk", "execute", "account")
TICK_E9, LOT_E9 = 100_000_000, 1_000_000


class Run:
    """One run over a recording; every output is kept."""

    def __init__(self, compiled: bool, path: Path = PATH) -> None:
        self.lines = enumerate(read_recording(path), 1)
        room = {"orders": 256, "window": 4096, "far": 8192, "executions": 4096}
        self.process = Process(spec(*AGENTS, **room), compiled=compiled)
        self.venue = SimVenue(
            {"instruments": 1, "window": 4096, "far": 8192, "orders": 256, "order_lists": 3, "executions": 65536, "answers": 256}
        )
        self.venue.setup()
        specs = self.venue.specs[0]
        specs.instrument, specs.tick_e9, specs.lot_e9, specs.valid, specs.money_per_tick_lot = 0, TICK_E9, LOT_E9, 1, 10_000
        specs.instrument_type, specs.min_qty_lots, specs.max_qty_lots = 1, 1, 1_000_000
        specs.fees.maker_e9, specs.fees.taker_e9 = 200_000, 500_000
        self.records: list[Any] = []
        self.events = 0
        for record in control():
            self.process.on_input(record)

    def play(self, limit: int = 1 << 30) -> list[Any]:
        """Feed up to `limit` more lines; the records written so far."""
        for number, line in islice(self.lines, limit):
            if isinstance(line, Line):
                frame = Frame(ids.make(40, number), 0, 7, line.recv_ts_ns, line.recv_ts_ns, "binance", 1, number, line.payload)
                self.process.on_input(frame)
                self.carry(line.recv_ts_ns)
        return self.records

    def carry(self, now_ns: int) -> None:
        """Bring outputs to the venue, and its answers back, until both are quiet."""
        while outputs := self.process.take_outputs():
            for _, record in outputs:
                self.records.append(record)
                if isinstance(record, BookUpdate | Trade):
                    self.market(record)
                elif isinstance(record, Request):
                    self.request(record)
            for event in self.answers(now_ns):
                self.process.on_input(event)

    def market(self, record: Any) -> None:
        self.venue.on_time(record.recv_ts_ns)
        if isinstance(record, Trade):
            self.venue.on_trade(0, int(record.side), record.px_e9 // TICK_E9, record.qty_e9 // LOT_E9)
            return
        if record.snapshot:
            self.venue.on_snapshot(0)
        for level in record.levels:
            self.venue.on_level(0, int(level.side), level.px_e9 // TICK_E9, level.qty_e9 // LOT_E9)
        self.venue.on_update_end(0, 1 if record.snapshot else 0)

    def request(self, r: Request) -> None:
        px = r.px_e9 // TICK_E9 if r.px_e9 is not None else 0
        if r.action.name == "NEW":
            self.venue.on_new(
                r.order_id, 0, int(r.side), int(r.ord_type), int(r.time_in_force), int(r.post_only), px, r.qty_e9 // LOT_E9, 0, 0
            )
        elif r.action.name == "CANCEL":
            self.venue.on_cancel(r.order_id, r.id)
        else:
            self.venue.on_replace(r.order_id, r.id, px, r.qty_e9 // LOT_E9)

    def answers(self, now_ns: int) -> Iterator[VenueEvent]:
        queue = self.venue.answers
        while not queue.empty():
            a = queue.first()
            self.events += 1
            fill = a.kind == VenueEventType.FILL
            px, qty = a.px_ticks * TICK_E9 or None, a.qty_lots * LOT_E9
            yield VenueEvent(
                id=ids.make(41, self.events),
                cause_id=a.request_id,
                run_id=7,
                ts_ns=now_ns,
                recv_ts_ns=now_ns,
                kind=VenueEventType(a.kind),
                request_id=a.request_id,
                order_id=a.order_id,
                venue="binance",
                symbol="BTCUSDT",
                exch_ts_ns=now_ns,
                venue_order_id=str(a.order_id),
                exec_id=str(a.exec_seq) if fill else None,
                last_px_e9=px if fill else None,
                last_qty_e9=qty if fill else None,
                px_e9=None if fill else px,
                qty_e9=None if fill else qty,
                maker=bool(a.maker) if fill else None,
                raw=b"",
            )
            queue.take()
