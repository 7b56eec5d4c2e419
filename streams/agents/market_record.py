"""The record that a market made last, as a Python object: for processes that carry records, and for what compiled code does not write."""

from typing import Any, NamedTuple

from streams.agents.market_work import OLD_SNAPSHOT
from streams.records import BookLevel, BookUpdate, Command, CommandType, Funding, NameKind, Quote, Side, Trade
from streams.schema.derived import imbalance, microprice
from streams.slots import KIND_FUNDING, KIND_LEVEL, KIND_QUOTE, KIND_TRADE

__all__ = ["record_of"]


def record_of(node: Any, run_id: int) -> NamedTuple:
    """The record that stands in the scratch of a MarketNode."""
    w, f = node.work, node.work.frame
    target = node.edge.name(NameKind.INSTRUMENT, w.book)
    venue, symbol = target.split(":", 1)
    head = w.id, w.cause_id, run_id, w.ts_ns, w.recv_ts_ns
    place = *head, venue, symbol
    if w.kind == KIND_LEVEL:
        touch = (w.bid_px_e9, w.bid_qty_e9, w.ask_px_e9, w.ask_qty_e9) if w.touched else (None, None, None, None)
        levels = (*_levels(f, Side.BUY, f.bids, f.bid_count), *_levels(f, Side.SELL, f.asks, f.ask_count))
        return BookUpdate(*place, f.exch_ts_ns, f.first_seq, f.last_seq, bool(w.snapshot), bool(w.gap), levels, *touch)
    if w.kind == KIND_QUOTE:
        bid, bid_qty, ask, ask_qty = int(f.px_e9[0]), int(f.qty_e9[0]), int(f.px_e9[1]), int(f.qty_e9[1])
        derived = ask - bid, imbalance(bid_qty, ask_qty), microprice(bid, bid_qty, ask, ask_qty)
        return Quote(*place, f.exch_ts_ns, f.last_seq, bid, bid_qty, ask, ask_qty, *derived)
    if w.kind == KIND_TRADE:
        return Trade(*place, f.exch_ts_ns, f.trade_id, Side(f.side), int(f.px_e9[0]), int(f.qty_e9[0]))
    if w.kind == KIND_FUNDING:
        return Funding(*place, w.funding_ts_ns, w.rate_e9, w.mark_e9)
    old = f"snapshot {w.reason_seq} is older than the diffs held"
    return Command(*head, CommandType.RESYNC, target, old if w.reason == OLD_SNAPSHOT else f"sequence gap before {w.reason_seq}")


def _levels(frame: Any, side: Side, start: int, count: int) -> list[BookLevel]:
    return [BookLevel(side, int(frame.px_e9[i]), int(frame.qty_e9[i])) for i in range(start, start + count)]
