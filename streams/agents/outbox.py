"""What the agents of a process write while inputs are carried to completion, in the order written."""

from streams.kernel import I8, I32, NULL, Array, Struct, Table, addr_of, call1
from streams.slots import (
    KIND_BALANCE,
    KIND_DECISION,
    KIND_FILL,
    KIND_METRIC,
    KIND_ORDER,
    KIND_POSITION,
    KIND_REPORT,
    KIND_REQUEST,
    KIND_SIGNAL,
    BalanceSlot,
    DecisionSlot,
    FillSlot,
    MetricSlot,
    OrderSlot,
    PositionSlot,
    ReportSlot,
    RequestSlot,
    SignalSlot,
)
from streams.trading.order import Order
from streams.trading.order_terms import copy_algorithm_terms, copy_terms

__all__ = ["FOLLOWS", "ROOM", "TABLES", "Outbox"]

ROOM = 512  # entries that one input may cause at most; the outbox is emptied before it has less
FOLLOWS = 3  # entries that follow from one order record: a decision, a request, a report

TABLES = {
    KIND_SIGNAL: "signals",
    KIND_ORDER: "orders",
    KIND_DECISION: "decisions",
    KIND_REQUEST: "requests",
    KIND_REPORT: "reports",
    KIND_FILL: "fills",
    KIND_POSITION: "positions",
    KIND_BALANCE: "balances",
    KIND_METRIC: "metrics",
}
"""Which table of the outbox holds the slots of a kind."""


class Outbox(Struct, align=64):
    """One queue: `kinds` and `rows` say in which order the slots of the tables were written.

    cause_id, now_ns, recv_ts_ns : of the record being handled; every slot written meanwhile inherits them
    count, head                  : entries written, entries already carried to their readers
    promised                     : entries that will follow from the orders written for this input
    on_order, order_argument     : address of int64(order_argument), called as an order is asked for, risk has not seen it yet; 0 = nobody
                                   looks. No part of the state: both are 0 in what is packed
    first_id, sequence           : per kind, writer << 47 and the last sequence used (contract 6: dense per writer)
    """

    cause_id: int
    now_ns: int
    recv_ts_ns: int
    count: int
    head: int
    promised: int
    on_order: int
    order_argument: int
    kinds: Table[I8, "queue"]
    rows: Table[I32, "queue"]
    used: Array[int, 32]
    first_id: Array[int, 32]
    sequence: Array[int, 32]
    signals: Table[SignalSlot, "queue"]
    orders: Table[OrderSlot, "queue"]
    decisions: Table[DecisionSlot, "queue"]
    requests: Table[RequestSlot, "queue"]
    reports: Table[ReportSlot, "queue"]
    fills: Table[FillSlot, "queue"]
    positions: Table[PositionSlot, "queue"]
    balances: Table[BalanceSlot, "queue"]
    metrics: Table[MetricSlot, "queue"]

    def empty(self) -> None:
        """Forget what was written; the sequences go on."""
        self.count = 0
        self.head = 0
        self.promised = 0
        for kind in range(32):
            self.used[kind] = 0

    def room(self) -> int:
        """Entries that may still be written."""
        return self.kinds.n - self.count

    def free(self) -> int:
        """Entries that nothing written before lays claim to: what an agent may add of its own accord."""
        return self.kinds.n - self.count - self.promised

    def slot(self, kind: int, row: int) -> int:
        """The address of a slot that was written: the row-th of its kind; 0 for a kind that no agent writes."""
        address = 0
        if kind == KIND_ORDER:
            address = addr_of(self.orders[row])
        elif kind == KIND_DECISION:
            address = addr_of(self.decisions[row])
        elif kind == KIND_REQUEST:
            address = addr_of(self.requests[row])
        elif kind == KIND_REPORT:
            address = addr_of(self.reports[row])
        elif kind == KIND_FILL:
            address = addr_of(self.fills[row])
        elif kind == KIND_POSITION:
            address = addr_of(self.positions[row])
        elif kind == KIND_BALANCE:
            address = addr_of(self.balances[row])
        elif kind == KIND_SIGNAL:
            address = addr_of(self.signals[row])
        elif kind == KIND_METRIC:
            address = addr_of(self.metrics[row])
        return address

    def claim(self, kind: int) -> int:
        """The row of the next slot of a kind; the caller fills it at once."""
        row = self.used[kind]
        self.used[kind] = row + 1
        self.kinds[self.count] = kind
        self.rows[self.count] = row
        self.count += 1
        self.sequence[kind] += 1
        return row

    def last_id(self, kind: int) -> int:
        """The id of the slot claimed last."""
        return self.first_id[kind] + self.sequence[kind]

    def new_signal(self, instrument: int, side: int) -> SignalSlot:
        slot = self.signals[self.claim(KIND_SIGNAL)]
        slot.stamp(self.last_id(KIND_SIGNAL), self.cause_id, self.now_ns, self.recv_ts_ns, instrument, KIND_SIGNAL, side)
        return slot

    def new_metric(self, instrument: int) -> MetricSlot:
        slot = self.metrics[self.claim(KIND_METRIC)]
        slot.stamp(self.last_id(KIND_METRIC), self.cause_id, self.now_ns, self.recv_ts_ns, instrument, KIND_METRIC, -1)
        return slot

    def new_order(self, instrument: int, side: int) -> OrderSlot:
        """An order slot; what most orders do not have is NULL."""
        if self.on_order != 0:
            call1(self.on_order, self.order_argument)
        self.promised += FOLLOWS
        slot = self.orders[self.claim(KIND_ORDER)]
        slot.stamp(self.last_id(KIND_ORDER), self.cause_id, self.now_ns, self.recv_ts_ns, instrument, KIND_ORDER, side)
        slot.parent_id = NULL
        slot.reduce_only = 0
        slot.stop_px_ticks = NULL
        slot.display_qty_lots = NULL
        slot.min_qty_lots = NULL
        slot.expire_ts_ns = NULL
        slot.peg_offset_ticks = NULL
        slot.participation_e9 = NULL
        slot.start_ts_ns = NULL
        slot.end_ts_ns = NULL
        slot.max_floor_qty_lots = NULL
        return slot

    def change_order(self, o: Order, action: int) -> OrderSlot:
        """A REPLACE or CANCEL of an order, with the order's own terms."""
        slot = self.new_order(o.instrument, o.side)
        slot.action = action
        slot.order_id = o.order_id
        slot.account = o.account
        slot.strategy = o.strategy
        copy_terms(slot, o)
        copy_algorithm_terms(slot, o)
        slot.px_ticks = o.px_ticks
        slot.qty_lots = o.qty_lots
        return slot

    def new_decision(self, instrument: int, side: int) -> DecisionSlot:
        slot = self.decisions[self.claim(KIND_DECISION)]
        slot.stamp(self.last_id(KIND_DECISION), self.cause_id, self.now_ns, self.recv_ts_ns, instrument, KIND_DECISION, side)
        return slot

    def new_request(self, instrument: int, side: int) -> RequestSlot:
        slot = self.requests[self.claim(KIND_REQUEST)]
        slot.stamp(self.last_id(KIND_REQUEST), self.cause_id, self.now_ns, self.recv_ts_ns, instrument, KIND_REQUEST, side)
        slot.display_qty_lots = NULL
        slot.min_qty_lots = NULL
        slot.peg_offset_ticks = NULL
        slot.max_floor_qty_lots = NULL
        return slot

    def new_report(self, instrument: int, side: int) -> ReportSlot:
        slot = self.reports[self.claim(KIND_REPORT)]
        slot.stamp(self.last_id(KIND_REPORT), self.cause_id, self.now_ns, self.recv_ts_ns, instrument, KIND_REPORT, side)
        slot.parent_id = NULL
        return slot

    def new_fill(self, instrument: int, side: int) -> FillSlot:
        slot = self.fills[self.claim(KIND_FILL)]
        slot.stamp(self.last_id(KIND_FILL), self.cause_id, self.now_ns, self.recv_ts_ns, instrument, KIND_FILL, side)
        return slot

    def new_position(self, instrument: int) -> PositionSlot:
        slot = self.positions[self.claim(KIND_POSITION)]
        slot.stamp(self.last_id(KIND_POSITION), self.cause_id, self.now_ns, self.recv_ts_ns, instrument, KIND_POSITION, -1)
        return slot

    def new_balance(self) -> BalanceSlot:
        slot = self.balances[self.claim(KIND_BALANCE)]
        slot.stamp(self.last_id(KIND_BALANCE), self.cause_id, self.now_ns, self.recv_ts_ns, -1, KIND_BALANCE, -1)
        return slot
