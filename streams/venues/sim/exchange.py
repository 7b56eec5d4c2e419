"""The simulated venue without its socket: market records and messages in, reports out. The same inputs give the same reports.

Orders are known by their client order id, which is accepted once in a run. Every report carries the session it is for.

Messages (JSON objects; prices and quantities as decimal strings; from "px" on only what the order has):

    {"op": "new", "req": 7, "cl_ord_id": "mr...", "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "tif": "GTC", "qty": "0.5",
     "px": "61800.3", "post_only": true, "stop_px": "61900", "expire_ts_ns": 1723161602000000000,
     "display_qty": "0.1", "min_qty": "0.05", "max_floor_qty": "0.2", "peg_offset": "-0.1"}
    {"op": "replace", "req": 8, "cl_ord_id": "mr...", "qty": "0.4", "px": "61800.2"}
    {"op": "cancel", "req": 9, "cl_ord_id": "mr..."}
    {"op": "cancel_all"}
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from streams.errors import UnitError, VenueError
from streams.records import Instrument, OrdType, Side, TimeInForce, VenueEventType
from streams.schema import units
from streams.trading.venue_answer import REASONS
from streams.trading.venue_models import VENUE_SIZES, VenueModels, make_venue
from streams.venues.sim.market_slots import MarketSlots
from streams.venues.sim.matcher import Answer, Matcher

__all__ = ["SIZES", "SimExchange", "SimOrder"]

SIZES = dict(VENUE_SIZES)
_PLAIN = VenueModels()
_UNASKED = {VenueEventType.EXPIRED, VenueEventType.TRIGGERED}
_ENDS = {VenueEventType.REJECT, VenueEventType.CANCELLED, VenueEventType.EXPIRED}


class SimOrder:
    """What the venue remembers of an order, for as long as the run lasts."""

    __slots__ = ("cl_ord_id", "cum_lots", "ended", "number", "px_ticks", "qty_lots", "reason", "row", "session", "ts_ns")

    def __init__(self, number: int, cl_ord_id: str, session: str, row: int) -> None:
        self.number, self.cl_ord_id, self.session, self.row = number, cl_ord_id, session, row
        self.px_ticks = self.qty_lots = self.cum_lots = self.ts_ns = 0
        self.ended: VenueEventType | None = None
        self.reason = ""


class SimExchange:
    """A venue for some instruments. `reports` gathers what the last inputs made it say, until the caller takes it.

    run         : number of the run; execution ids are "<run>-<n>", n dense from 1
    instruments : one record a symbol
    others      : instruments of other venues, whose records are passed over the sooner
    models      : how it fills and charges
    """

    def __init__(
        self,
        run: int,
        instruments: Sequence[Instrument],
        sizes: dict[str, int] | None = None,
        compiled: bool = False,
        others: Sequence[Instrument] = (),
        models: VenueModels = _PLAIN,
    ) -> None:
        self.run, self.instruments = run, list(instruments)
        self.rows = {i.symbol: row for row, i in enumerate(self.instruments)}
        self.matcher = Matcher(make_venue(models, self.instruments, {**SIZES, **(sizes or {})}), compiled)
        self.slots = MarketSlots(run, self.instruments, others)
        self.orders: dict[str, SimOrder] = {}
        self.by_number: list[SimOrder] = []
        self.executions: dict[str, list[dict[str, Any]]] = {}  # by session
        self.execution_place: dict[str, int] = {}
        self.reports: list[tuple[str, dict[str, Any]]] = []

    # ---- inputs ----
    def on_time(self, now_ns: int) -> None:
        """Time passes; orders expire."""
        self.matcher.on_time(now_ns)
        self._collect(None)

    def next_expiry_ns(self) -> int:
        """No order expires before."""
        return self.matcher.next_expire_ns()

    def on_market(self, starts: np.ndarray, sizes: np.ndarray) -> None:
        """Market records of the run in this order, as `slots` made them: address and bytes of each, int64[n]; 0 bytes = not for us."""
        first = 0
        while first < len(starts):
            first += self.matcher.follow(starts[first:], sizes[first:])
            self._collect(None)

    def on_request(self, session: str, message: dict[str, Any], now_ns: int) -> None:
        """A message that may change state. VenueError names what is wrong with one that cannot be read; the state is then as before."""
        op: Callable[[str, dict[str, Any]], None] | None = {
            "new": self._new,
            "replace": self._replace,
            "cancel": self._cancel,
            "cancel_all": self._cancel_all,
        }.get(message.get("op", ""))
        if op is None:
            raise VenueError(f"op is {message.get('op')!r}; new, replace, cancel, cancel_all, order, open, executions are known")
        self.matcher.on_time(now_ns)
        self._collect(None)
        try:
            op(session, message)
        except (KeyError, TypeError, ValueError, UnitError) as error:
            self._refuse(session, message, f"{type(error).__name__}: {error}")

    def take_reports(self) -> list[tuple[str, dict[str, Any]]]:
        """(session, report) of all that was said since the last call, in order."""
        reports, self.reports = self.reports, []
        return reports

    # ---- questions ----
    def order_state(self, session: str, cl_ord_id: str) -> dict[str, Any] | None:
        """An order as it stands; None if it was never here, or belongs to another session."""
        order = self.orders.get(cl_ord_id)
        return None if order is None or order.session != session else self._state(order)

    def open_orders(self, session: str) -> list[dict[str, Any]]:
        """A session's open orders."""
        return [self._state(o) for o in self.by_number if o.session == session and o.ended is None]

    def executions_after(self, session: str, exec_id: str | None) -> list[dict[str, Any]]:
        """A session's executions after one of them, oldest first; all of them for None. VenueError for an id that is not its."""
        done = self.executions.get(session, [])
        if exec_id is None:
            return list(done)
        place = self.execution_place.get(exec_id)
        if place is None or place >= len(done) or done[place]["exec_id"] != exec_id:
            raise VenueError(f"executions: {exec_id!r} is no execution of session {session!r}")
        return done[place + 1 :]

    # ---- requests ----
    def _new(self, session: str, m: dict[str, Any]) -> None:
        cl_ord_id, row = str(m["cl_ord_id"]), self.rows.get(m["symbol"], -1)
        known = cl_ord_id in self.orders
        if row < 0 or known:
            why = REASONS[1] if known else REASONS[3]
            self._say(session, VenueEventType.REJECT, cl_ord_id, str(m["symbol"]), m["req"], reason=why)
            return
        number = len(self.by_number) + 1
        i = self.instruments[row]
        ord_type, px_ticks, qty_lots = OrdType[m["type"]], _ticks(m.get("px"), i), _lots(m["qty"], i)
        terms = (
            *(row, int(Side[m["side"]]), int(ord_type), int(TimeInForce[m["tif"]]), int(bool(m.get("post_only", False)))),
            *(px_ticks, qty_lots, _ticks(m.get("stop_px"), i), int(m.get("expire_ts_ns") or 0)),
            *(_lots(m.get("display_qty"), i), _lots(m.get("min_qty"), i), _lots(m.get("max_floor_qty"), i), _ticks(m.get("peg_offset"), i)),
        )
        self.matcher.submit(number, *terms)  # before anything is noted: it refuses what is no int64
        order = SimOrder(number, cl_ord_id, session, row)
        order.px_ticks = 0 if ord_type in (OrdType.MARKET, OrdType.STOP) else px_ticks
        order.qty_lots = qty_lots
        self.orders[cl_ord_id] = order
        self.by_number.append(order)
        self._collect(m["req"])

    def _replace(self, session: str, m: dict[str, Any]) -> None:
        order = self._own(session, m, VenueEventType.REPLACE_REJECT)
        if order is not None:
            i = self.instruments[order.row]
            self.matcher.replace(order.number, int(m["req"]), _ticks(m.get("px"), i), _lots(m["qty"], i))
            self._collect(m["req"])

    def _cancel(self, session: str, m: dict[str, Any]) -> None:
        order = self._own(session, m, VenueEventType.CANCEL_REJECT)
        if order is not None:
            self.matcher.cancel(order.number, int(m["req"]))
            self._collect(m["req"])

    def _cancel_all(self, session: str, m: dict[str, Any]) -> None:
        for order in [o for o in self.by_number if o.session == session and o.ended is None]:
            self.matcher.cancel(order.number, 0)
        self._collect(None)

    def _refuse(self, session: str, m: dict[str, Any], reason: str) -> None:
        """Answer a message that cannot be read, if it says what it is about; else VenueError."""
        kind = {"new": VenueEventType.REJECT, "replace": VenueEventType.REPLACE_REJECT, "cancel": VenueEventType.CANCEL_REJECT}.get(m["op"])
        if kind is None or not isinstance(m.get("cl_ord_id"), str) or not isinstance(m.get("req"), int):
            raise VenueError(f"{m['op']}: {reason}")
        self._say(session, kind, m["cl_ord_id"], str(m.get("symbol", "")), m["req"], reason=reason)

    def _own(self, session: str, m: dict[str, Any], refusal: VenueEventType) -> SimOrder | None:
        """The session's order a message names; refused when there is none or it has ended."""
        order, req = self.orders.get(str(m["cl_ord_id"])), int(m["req"])
        if order is None or order.session != session or order.ended is not None:
            symbol = "" if order is None else self.instruments[order.row].symbol
            self._say(session, refusal, str(m["cl_ord_id"]), symbol, req, reason=REASONS[2])
            return None
        return order

    # ---- reports ----
    def _collect(self, req: int | None) -> None:
        """Turn the kernel's answers into reports. req: request that the answers of its own order are to; fills answer none."""
        for answer in self.matcher.take_answers():
            self._on_answer(answer, req)

    def _on_answer(self, a: Answer, req: int | None) -> None:
        order = self.by_number[a.order_id - 1]
        kind = VenueEventType(a.kind)
        order.cum_lots, order.ts_ns = a.cum_qty_lots, a.ts_ns
        i = self.instruments[order.row]
        if kind == VenueEventType.FILL:
            if a.leaves_qty_lots == 0:
                order.ended = kind
            self._fill(order, a, i)
            return
        if kind in _ENDS:
            order.ended, order.reason = kind, REASONS[a.reason]
        elif kind in (VenueEventType.ACK, VenueEventType.REPLACED):
            order.px_ticks, order.qty_lots = a.px_ticks, a.qty_lots
        asked = req if kind not in _UNASKED else None
        terms = {"px": _px(a.px_ticks, i), "qty": units.from_e9(a.qty_lots * i.lot_e9)}
        self._say(order.session, kind, order.cl_ord_id, i.symbol, asked, order=order, reason=REASONS[a.reason], **terms)

    def _fill(self, order: SimOrder, a: Answer, i: Instrument) -> None:
        done = self.executions.setdefault(order.session, [])
        exec_id = f"{self.run}-{a.exec_seq}"
        self.execution_place[exec_id] = len(done)
        figures = {
            "exec_id": exec_id,
            "last_px": _px(a.px_ticks, i),
            "last_qty": units.from_e9(a.qty_lots * i.lot_e9),
            "maker": a.maker != 0,
            "fee": str(units.money_to_decimal(a.fee, i.money_scale)),
            "fee_currency": i.quote,
        }
        done.append(self._say(order.session, VenueEventType.FILL, order.cl_ord_id, i.symbol, None, order=order, **figures))

    def _say(
        self, session: str, kind: VenueEventType, cl_ord_id: str, symbol: str, req: int | None, order: SimOrder | None = None, **more: Any
    ) -> dict[str, Any]:
        """Note a report. Of an order: as of its last answer, with which time may have passed since."""
        ts_ns = self.matcher.now_ns() if order is None else order.ts_ns
        report: dict[str, Any] = {"report": kind.name, "cl_ord_id": cl_ord_id, "symbol": symbol, "ts_ns": ts_ns}
        if order is not None:
            lot_e9 = self.instruments[order.row].lot_e9
            report |= {"order_id": str(order.number), "cum_qty": units.from_e9(order.cum_lots * lot_e9)}
        if req is not None:
            report["req"] = req
        report |= {name: value for name, value in more.items() if value not in (None, "")}
        self.reports.append((session, report))
        return report

    def _state(self, o: SimOrder) -> dict[str, Any]:
        i = self.instruments[o.row]
        return {
            "cl_ord_id": o.cl_ord_id,
            "symbol": i.symbol,
            "ts_ns": o.ts_ns,
            "order_id": str(o.number),
            "px": _px(o.px_ticks, i),
            "qty": units.from_e9(o.qty_lots * i.lot_e9),
            "cum_qty": units.from_e9(o.cum_lots * i.lot_e9),
            "ended": None if o.ended is None else o.ended.name,
            "reason": o.reason,
        }


def _ticks(px: str | None, i: Instrument) -> int:
    return 0 if px is None else units.to_ticks(units.to_e9(px), i.tick_e9)


def _lots(qty: str | None, i: Instrument) -> int:
    return 0 if qty is None else units.to_lots(units.to_e9(qty), i.lot_e9)


def _px(px_ticks: int, i: Instrument) -> str | None:
    return units.from_e9(px_ticks * i.tick_e9) if px_ticks > 0 else None
