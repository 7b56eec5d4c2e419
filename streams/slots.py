"""Every record as it lies in memory: ticks, lots, money units, numbers. Generated from schemas/ by `make generate`.

A slot is 64, 128 or 256 bytes; its first 40 are equal in all of them:
    id          int  this record's id: writer (16 bits) << 47 | sequence (47 bits)
    cause_id    int  id of the input that caused it; 0 = none
    ts_ns       int  the writer's now, ns since 1970 UTC
    recv_ts_ns  int  when the frame that started it was received, ns since 1970 UTC
    instrument  I32  number of "venue:symbol"; -1 = none
    kind        I8   KIND_..., which slot this is
    side        I8   0 BUY, 1 SELL; -1 = the record has no side
    flags       I8   bits LAST 1, GAP 2, SNAPSHOT 4, FIRST 8 of a book update; else 0
    spare       I8   always 0
Null is NULL in an int64, -1 in a number of the dictionary or a flag. A book update is one LevelSlot a level (qty_lots -1: no level at all).
`streams.schema.edge` converts records to slots and back.
"""

from streams.kernel import I8, I32, NULL, Struct

__all__ = [
    "FLAG_FIRST",
    "FLAG_GAP",
    "FLAG_LAST",
    "FLAG_SNAPSHOT",
    "KIND_BALANCE",
    "KIND_COMMAND",
    "KIND_DECISION",
    "KIND_FILL",
    "KIND_FUNDING",
    "KIND_INSTRUMENT",
    "KIND_LEVEL",
    "KIND_LIMIT",
    "KIND_METRIC",
    "KIND_ORDER",
    "KIND_POSITION",
    "KIND_QUOTE",
    "KIND_REPORT",
    "KIND_REQUEST",
    "KIND_SIGNAL",
    "KIND_TRADE",
    "KIND_VENUE_EVENT",
    "SLOTS",
    "BalanceSlot",
    "CommandSlot",
    "DecisionSlot",
    "FillSlot",
    "FundingSlot",
    "InstrumentSlot",
    "LevelSlot",
    "LimitSlot",
    "MetricSlot",
    "OrderSlot",
    "PositionSlot",
    "QuoteSlot",
    "ReportSlot",
    "RequestSlot",
    "SignalSlot",
    "Slot",
    "TradeSlot",
    "VenueEventSlot",
]

KIND_INSTRUMENT = 1
KIND_LEVEL = 2
KIND_TRADE = 3
KIND_QUOTE = 4
KIND_SIGNAL = 5
KIND_ORDER = 6
KIND_DECISION = 7
KIND_REQUEST = 8
KIND_VENUE_EVENT = 9
KIND_REPORT = 10
KIND_FILL = 11
KIND_POSITION = 12
KIND_BALANCE = 13
KIND_LIMIT = 14
KIND_COMMAND = 15
KIND_METRIC = 16
KIND_FUNDING = 17

FLAG_LAST = 1  # last slot of its record
FLAG_GAP = 2  # sequence numbers are missing before it
FLAG_SNAPSHOT = 4  # the whole book
FLAG_FIRST = 8  # first slot of its record: a snapshot clears the book here


class Slot(Struct, align=64):
    """The first 40 bytes of every slot."""

    id: int
    cause_id: int
    ts_ns: int
    recv_ts_ns: int
    instrument: I32 = -1
    kind: I8
    side: I8 = -1
    flags: I8
    spare: I8

    def stamp(self, id: int, cause_id: int, ts_ns: int, recv_ts_ns: int, instrument: int, kind: int, side: int) -> None:
        """Fill in the header of a record that is written now."""
        self.id = id
        self.cause_id = cause_id
        self.ts_ns = ts_ns
        self.recv_ts_ns = recv_ts_ns
        self.instrument = instrument
        self.kind = kind
        self.side = side
        self.flags = 0
        self.spare = 0


class InstrumentSlot(Slot, align=256):
    """What can be traded where, and its rules. The newest record whose valid_from_ns has passed holds. 256 bytes."""

    tick_e9: int  # price step x 10^9, > 0
    lot_e9: int  # quantity step x 10^9, > 0
    # contract multiplier x 10^9, > 0: notional = price x quantity x multiplier, of an inverse contract quantity x multiplier / price
    multiplier_e9: int
    maker_fee_e9: int  # maker fee as a fraction of the notional x 10^9; negative = rebate
    taker_fee_e9: int  # taker fee as a fraction of the notional x 10^9; negative = rebate
    min_qty_lots: int  # smallest order quantity, lots, >= 0
    max_qty_lots: int  # largest order quantity, lots; 0 = no limit
    min_notional: int  # smallest order notional, in the quote currency; 0 = no limit, money units
    valid_from_ns: int  # from when these rules hold, ns since 1970 UTC
    beta_e9: int  # weight of its exposure in its cluster x 10^9, signed
    base: I32 = -1  # number of the base; -1 = none
    quote: I32 = -1  # number of the quote; -1 = none
    # digits of the money unit: 8 = money is counted in 10^-8 of the settlement currency (the quote, of an inverse contract the base); 0
    # to 9
    money_scale: I32
    sector: I32 = -1  # number of the sector; -1 = none
    cluster: I32 = -1  # number of the cluster; -1 = none
    instrument_type: I8  # spot, linear or inverse contract (InstrumentType)
    fee_rounding: I8  # how a fee is rounded to the money unit (FeeRounding)


class LevelSlot(Slot, align=64):
    """Levels of a book that changed together, or a whole book. 64 bytes."""

    last_seq: int  # last venue sequence number covered; 0 = the venue has none
    px_ticks: int  # price of the level, ticks, > 0
    qty_lots: int  # whole size now resting at the level, lots, >= 0; 0 = level removed


class TradeSlot(Slot, align=64):
    """A trade of the market. 64 bytes."""

    trade_id: int  # the venue's number of the trade
    px_ticks: int  # price, ticks, > 0
    qty_lots: int  # quantity, lots, > 0


class QuoteSlot(Slot, align=128):
    """Best bid and ask of a market, as the venue published them. 128 bytes."""

    bid_px_ticks: int  # best bid, ticks, > 0
    bid_qty_lots: int  # size at the best bid, lots, >= 0
    ask_px_ticks: int  # best ask, ticks, > 0
    ask_qty_lots: int  # size at the best ask, lots, >= 0


class SignalSlot(Slot, align=128):
    """What a strategy thinks: telemetry, nobody trades on it. 128 bytes."""

    strength: float  # strength of the view, 0 to 1
    fair_px: float  # fair price, price units
    horizon_ns: int  # how far ahead the view looks, ns
    urgency: float  # urgency, 0 to 1
    strategy: I32 = -1  # number of the strategy; -1 = none
    rank: I32  # place by urgency, then strength, among the live signals of its instrument: 1 = first; 0 = not ranked


class OrderSlot(Slot, align=256):
    """An order, its change or its cancellation, as strategy or algorithm wants it. 256 bytes."""

    order_id: int  # id of the NEW record of this order
    qty_lots: int  # whole quantity asked for, lots, > 0; for CANCEL 0
    parent_id: int = NULL  # order_id of the parent order, when an algorithm sent this one; NULL = none
    px_ticks: int = NULL  # limit price, ticks, > 0; NULL for MARKET and STOP
    stop_px_ticks: int = NULL  # trigger price, ticks, > 0; only STOP and STOP_LIMIT; NULL = none
    display_qty_lots: int = NULL  # visible quantity, lots, > 0; only ICEBERG; NULL = none
    min_qty_lots: int = NULL  # smallest quantity to fill at once, lots, > 0; NULL = none
    expire_ts_ns: int = NULL  # when a GTD order ends, ns since 1970 UTC; NULL = none
    peg_offset_ticks: int = NULL  # distance from the reference price, ticks, signed; only PEGGED; NULL = none
    # share of the market's volume x 10^9, > 0, at most 10^9; only VWAP and IMPLEMENTATION_SHORTFALL; NULL = none
    participation_e9: int = NULL
    start_ts_ns: int = NULL  # when an algorithm begins, ns since 1970 UTC; NULL = none
    end_ts_ns: int = NULL  # when an algorithm ends, ns since 1970 UTC; NULL = none
    max_floor_qty_lots: int = NULL  # most that may be visible at any time, lots, > 0 (FIX 111); NULL = all of it
    account: I32 = -1  # number of the account; -1 = none
    strategy: I32 = -1  # number of the strategy; -1 = none
    action: I8  # new order, change of a working one, or its cancellation (OrderAction)
    ord_type: I8  # type of the order (OrdType)
    time_in_force: I8  # how long it stands (TimeInForce)
    post_only: I8  # refuse rather than take liquidity (1 true, 0 false)
    reduce_only: I8  # only ever reduces the position (1 true, 0 false)


class DecisionSlot(Slot, align=256):
    """The answer of risk to one order record, with the whole order in it. cause_id is the order record. 256 bytes."""

    approved_qty_lots: int  # quantity approved, lots, 0 when denied
    order_id: int  # id of the NEW record of this order
    qty_lots: int  # whole quantity asked for, lots, > 0; for CANCEL 0
    limit_value: int = NULL  # the limit of the code's rule, in value_unit; NULL = none
    used_value: int = NULL  # what the order would have used of it, in value_unit; NULL = none
    parent_id: int = NULL  # order_id of the parent order, when an algorithm sent this one; NULL = none
    px_ticks: int = NULL  # limit price, ticks, > 0; NULL for MARKET and STOP
    stop_px_ticks: int = NULL  # trigger price, ticks, > 0; only STOP and STOP_LIMIT; NULL = none
    display_qty_lots: int = NULL  # visible quantity, lots, > 0; only ICEBERG; NULL = none
    min_qty_lots: int = NULL  # smallest quantity to fill at once, lots, > 0; NULL = none
    expire_ts_ns: int = NULL  # when a GTD order ends, ns since 1970 UTC; NULL = none
    peg_offset_ticks: int = NULL  # distance from the reference price, ticks, signed; only PEGGED; NULL = none
    # share of the market's volume x 10^9, > 0, at most 10^9; only VWAP and IMPLEMENTATION_SHORTFALL; NULL = none
    participation_e9: int = NULL
    start_ts_ns: int = NULL  # when an algorithm begins, ns since 1970 UTC; NULL = none
    end_ts_ns: int = NULL  # when an algorithm ends, ns since 1970 UTC; NULL = none
    max_floor_qty_lots: int = NULL  # most that may be visible at any time, lots, > 0 (FIX 111); NULL = all of it
    risk_score: float  # largest share of any limit that the order would use, 0 to 1; 1 when a limit denied it
    scope: I32 = -1  # number of the scope; -1 = none
    account: I32 = -1  # number of the account; -1 = none
    strategy: I32 = -1  # number of the strategy; -1 = none
    outcome: I8  # approved, reduced or denied (Outcome)
    code: I8  # why it was denied or reduced; OK when approved (DenyCode)
    action: I8  # new order, change of a working one, or its cancellation (OrderAction)
    ord_type: I8  # type of the order (OrdType)
    time_in_force: I8  # how long it stands (TimeInForce)
    post_only: I8  # refuse rather than take liquidity (1 true, 0 false)
    reduce_only: I8  # only ever reduces the position (1 true, 0 false)
    value_unit: I8  # unit of limit_value and used_value (ValueUnit)


class RequestSlot(Slot, align=128):
    """What is to be sent to a venue. 128 bytes."""

    order_id: int  # id of the NEW record of this order
    qty_lots: int  # whole quantity, lots, > 0; for CANCEL 0
    px_ticks: int = NULL  # limit price, ticks, > 0; NULL = none
    stop_px_ticks: int = NULL  # trigger price, ticks, > 0; NULL = none
    expire_ts_ns: int = NULL  # when a GTD order ends, ns since 1970 UTC; NULL = none
    display_qty_lots: int = NULL  # visible quantity, lots, > 0; only ICEBERG; NULL = none
    min_qty_lots: int = NULL  # smallest quantity to fill at once, lots, > 0; NULL = none
    peg_offset_ticks: int = NULL  # distance from the reference price, ticks, signed; only PEGGED; NULL = none
    max_floor_qty_lots: int = NULL  # most that may be visible at any time, lots, > 0 (FIX 111); NULL = all of it
    account: I32 = -1  # number of the account; -1 = none
    strategy: I32 = -1  # number of the strategy; -1 = none
    action: I8  # send, change or cancel (OrderAction)
    ord_type: I8  # type of the order at the venue (OrdType)
    time_in_force: I8  # how long it stands at the venue (TimeInForce)
    post_only: I8  # refuse rather than take liquidity (1 true, 0 false)
    reduce_only: I8  # only ever reduces the position (1 true, 0 false)


class VenueEventSlot(Slot, align=128):
    """What a venue answered or told of an order, raw and parsed. 128 bytes."""

    order_id: int  # order it is about; 0 = not ours
    request_id: int = NULL  # id of the request it answers; NULL when unasked
    exec_hi: int = NULL  # first 8 of the 16 bytes of the execution id, as a big-endian int64; NULL = none
    exec_lo: int = NULL  # last 8 of the 16 bytes of the execution id, as a big-endian int64; NULL = none
    last_px_ticks: int = NULL  # price of this execution, ticks, > 0; NULL = none
    last_qty_lots: int = NULL  # quantity of this execution, lots, > 0; NULL = none
    px_ticks: int = NULL  # limit price accepted, ticks, > 0; NULL = none
    qty_lots: int = NULL  # quantity accepted, lots, > 0; NULL = none
    fee: int = NULL  # fee of this execution, in fee_currency; negative = rebate, money units; NULL = none
    fee_currency: I32 = -1  # number of the fee currency; -1 = none
    event_type: I8  # what the venue said (VenueEventType)
    maker: I8 = -1  # true: this execution added liquidity (1 true, 0 false, -1 = null)
    code: I8  # why the gateway itself refused the request (HALTED, STALE_REQUEST); OK = the venue did, or nothing was refused (DenyCode)


class ReportSlot(Slot, align=128):
    """One state change of one order. 128 bytes."""

    order_id: int  # id of the NEW record of this order
    qty_lots: int  # whole quantity, lots
    leaves_qty_lots: int  # quantity still open, lots, >= 0
    cum_qty_lots: int  # quantity executed so far, lots, >= 0
    px_ticks: int = NULL  # limit price, ticks; NULL = none
    last_px_ticks: int = NULL  # price of this execution, ticks; NULL = none
    last_qty_lots: int = NULL  # quantity of this execution, lots; NULL = none
    parent_id: int = NULL  # order_id of the parent order, when an algorithm sent this one; NULL = none
    account: I32 = -1  # number of the account; -1 = none
    strategy: I32 = -1  # number of the strategy; -1 = none
    exec_type: I8  # what happened (ExecType)
    ord_status: I8  # state after it (OrdStatus)
    ord_type: I8  # type of the order (OrdType)
    time_in_force: I8  # how long it stands (TimeInForce)
    code: I8  # why it was rejected; OK otherwise (DenyCode)


class FillSlot(Slot, align=128):
    """One execution of one of our orders. Each execution of the venue gives one fill. 128 bytes."""

    order_id: int  # id of the NEW record of this order
    exec_hi: int  # first 8 of the 16 bytes of the execution id, as a big-endian int64
    exec_lo: int  # last 8 of the 16 bytes of the execution id, as a big-endian int64
    last_px_ticks: int  # price, ticks, > 0
    last_qty_lots: int  # quantity, lots, > 0
    leaves_qty_lots: int  # quantity still open, lots, >= 0
    fee: int  # fee, in fee_currency; negative = rebate, money units
    mid2_ticks: int = NULL  # twice the mid of the market when filled, ticks; NULL = none
    account: I32 = -1  # number of the account; -1 = none
    strategy: I32 = -1  # number of the strategy; -1 = none
    fee_currency: I32 = -1  # number of the fee currency; -1 = none
    maker: I8  # true: added liquidity (1 true, 0 false)


class PositionSlot(Slot, align=256):
    """Position of a strategy of an account in an instrument, after a fill or a mark. 256 bytes."""

    qty_lots: int  # position, lots, signed: > 0 long
    # signed cost of what is open, in the settlement currency: price x quantity x multiplier; of an inverse contract -(quantity x
    # multiplier / price), money units
    cost: int
    realized_pnl: int  # profit realized in this run, without fees, in the settlement currency, money units
    unrealized_pnl: int  # profit of what is open at the mark, in the settlement currency, money units
    fees: int  # fees paid in this run in the settlement currency; negative = rebates, money units
    spread_pnl: int  # part of the profit earned against the mid at each fill, in the settlement currency, money units
    bought_qty_lots: int  # quantity bought in this run, lots, >= 0
    sold_qty_lots: int  # quantity sold in this run, lots, >= 0
    fill_count: int  # fills booked in this run
    mark2_ticks: int = NULL  # twice the price it is valued at, ticks; NULL = none
    # profit realized in this run if the oldest open lots are closed first, without fees, in the settlement currency, money units
    realized_fifo_pnl: int
    # part of the profit earned by holding while the mid moved, in the settlement currency; with spread_pnl it is realized_pnl +
    # unrealized_pnl, money units
    inventory_pnl: int
    funding: int  # funding received less paid in this run, in the settlement currency, money units
    account: I32 = -1  # number of the account; -1 = none
    strategy: I32 = -1  # number of the strategy; -1 = none


class BalanceSlot(Slot, align=128):
    """Cash of an account in a currency, and its profit in the instruments that settle in it, as of a fill or a funding settlement. 128
    bytes.
    """

    # what the account has more than at the start of the run: profit realized and funding less fees, and of spot what was received less
    # paid, money units
    cash: int
    fees: int  # fees paid in this run; negative = rebates, money units
    funding: int  # funding received less paid in this run; it is in cash, money units
    realized_pnl: int  # profit realized in this run, without fees and funding, of all strategies, money units
    unrealized_pnl: int  # profit of what is open, each position at its last mark, money units
    spread_pnl: int  # part of the profit earned against the mid at each fill, money units
    # part of the profit earned by holding while the mid moved; with spread_pnl it is realized_pnl + unrealized_pnl, money units
    inventory_pnl: int
    account: I32 = -1  # number of the account; -1 = none
    currency: I32 = -1  # number of the currency; -1 = none


class LimitSlot(Slot, align=128):
    """A limit of one rule on one scope. A later record for the same scope, instrument and rule replaces it. 128 bytes."""

    limit_qty_lots: int = NULL  # limit in quantity, lots; ORDER_SIZE, LONG and SHORT of one instrument; NULL = none
    # limit in money; ORDER_NOTIONAL, GROSS, OPEN_NOTIONAL, DAILY_LOSS, and LONG and SHORT of a scope, money units; NULL = none
    limit_money: int = NULL
    limit_count: int = NULL  # limit as a count; OPEN_ORDERS, ORDER_RATE; NULL = none
    limit_bps: int = NULL  # limit in basis points of the opposite touch; COLLAR; NULL = none
    interval_ns: int = NULL  # interval of ORDER_RATE, ns: limit_count orders in any interval; NULL = none
    scope: I32 = -1  # number of the scope; -1 = none
    parent: I32 = -1  # number of the parent; -1 = none
    sector: I32 = -1  # number of the sector; -1 = none
    currency: I32 = -1  # number of the currency; -1 = none
    cluster: I32 = -1  # number of the cluster; -1 = none
    rule: I8  # rule it belongs to (Rule)


class CommandSlot(Slot, align=64):
    """What is asked of the whole: open a run, kill, resume, pause, stop, resynchronise; and whether a fast lane may trade. 64 bytes."""

    run_number: int = NULL  # RUN: number of the run it opens; NULL = none
    target_scope: I32 = -1  # number of the scope meant; -1 = none
    target_strategy: I32 = -1  # number of the strategy meant; -1 = none
    command_type: I8  # what is asked (CommandType)


class MetricSlot(Slot, align=64):
    """A named number that a strategy reports about itself. 64 bytes."""

    value: float  # its value, in the metric's own unit
    strategy: I32 = -1  # number of the strategy; -1 = none
    metric: I32 = -1  # number of the metric; -1 = none


class FundingSlot(Slot, align=64):
    """A funding settlement of a perpetual contract: who is long pays rate x value at the mark to who is short. 64 bytes."""

    funding_ts_ns: int  # instant of the settlement, ns since 1970 UTC by the venue's clock
    rate_e9: int  # rate of the interval x 10^9, signed: > 0 longs pay
    mark_e9: int  # mark price of the settlement x 10^9, > 0; it need not lie on a tick


SLOTS: dict[int, type[Slot]] = {
    KIND_INSTRUMENT: InstrumentSlot,
    KIND_LEVEL: LevelSlot,
    KIND_TRADE: TradeSlot,
    KIND_QUOTE: QuoteSlot,
    KIND_SIGNAL: SignalSlot,
    KIND_ORDER: OrderSlot,
    KIND_DECISION: DecisionSlot,
    KIND_REQUEST: RequestSlot,
    KIND_VENUE_EVENT: VenueEventSlot,
    KIND_REPORT: ReportSlot,
    KIND_FILL: FillSlot,
    KIND_POSITION: PositionSlot,
    KIND_BALANCE: BalanceSlot,
    KIND_LIMIT: LimitSlot,
    KIND_COMMAND: CommandSlot,
    KIND_METRIC: MetricSlot,
    KIND_FUNDING: FundingSlot,
}
