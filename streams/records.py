"""Every record of the platform, in topic units. Generated from schemas/ by `make generate`: edit the schemas, not this file.

Every record begins with
    id          this record's id: writer (16 bits) << 47 | sequence (47 bits), dense per writer (streams.schema.ids)
    cause_id    id of the input that caused it; 0 = none
    run_id      number of the run; 0 = outside a run
    ts_ns       the writer's now, ns since 1970 UTC by the run's clock
    recv_ts_ns  when the frame that started it all was received, same clock; inherited
Prices and quantities end in `_e9` (x 10^9), instants in `_ns`; money is Decimal with 9 digits; an enum's value is its Avro symbol's index.
"""

from decimal import Decimal
from enum import IntEnum
from typing import NamedTuple

__all__ = [
    "Alert",
    "Audit",
    "Balance",
    "BookLevel",
    "BookUpdate",
    "Clock",
    "Command",
    "CommandType",
    "DeadLetter",
    "Decision",
    "DenyCode",
    "ExecType",
    "FeeRounding",
    "Fill",
    "Frame",
    "Funding",
    "InputRun",
    "Instrument",
    "InstrumentType",
    "JournalEntry",
    "Latency",
    "Limit",
    "Metric",
    "Name",
    "NameKind",
    "OrdStatus",
    "OrdType",
    "Order",
    "OrderAction",
    "Outcome",
    "OutputCount",
    "Param",
    "Position",
    "Quote",
    "Report",
    "Request",
    "RiskMetric",
    "Rule",
    "SchemaVersion",
    "Severity",
    "Shard",
    "ShardKind",
    "Side",
    "Signal",
    "SnapshotPart",
    "StartPosition",
    "TimeInForce",
    "Trade",
    "ValueUnit",
    "VenueEvent",
    "VenueEventType",
]


class Clock(IntEnum):
    """What the run's clock follows: the wall clock, or a recording."""

    WALL = 0
    RECORDING = 1


class CommandType(IntEnum):
    """What a command asks for."""

    RUN = 0
    KILL = 1
    RESUME = 2
    PAUSE = 3
    STOP = 4
    MODE = 5
    RESYNC = 6
    MIRROR_BEHIND = 7
    MIRROR_CAUGHT_UP = 8


class DenyCode(IntEnum):
    """Why an order was denied or reduced. Values are stored: add at the end, never renumber."""

    OK = 0
    HALTED = 1
    ORDER_SIZE = 2
    ORDER_NOTIONAL = 3
    COLLAR = 4
    LONG = 5
    SHORT = 6
    GROSS = 7
    OPEN_ORDERS = 8
    OPEN_NOTIONAL = 9
    ORDER_RATE = 10
    DAILY_LOSS = 11
    BOOK_STALE = 12
    NO_REFERENCE_PRICE = 13
    UNKNOWN_INSTRUMENT = 14
    UNKNOWN_ACCOUNT = 15
    UNKNOWN_ORDER = 16
    DUPLICATE = 17
    BAD_FIELD = 18
    ORDER_POOL_FULL = 19
    STALE_REQUEST = 20
    LAGGING = 21
    VENUE = 22
    NET = 23
    SECTOR = 24
    CURRENCY = 25
    CONCENTRATION = 26
    CORRELATED = 27
    VAR = 28
    MESSAGES_PER_FILL = 29
    DAILY_TRADES = 30
    DAILY_VOLUME = 31
    DRAWDOWN = 32
    STOP_LOSS = 33
    MARGIN = 34
    LEVERAGE = 35
    SELF_MATCH = 36
    REPEATED = 37
    RESTRICTED = 38
    REDUCE_ONLY = 39
    PRICE_MOVE = 40
    LOSS_RATE = 41
    REJECT_RATE = 42
    DATA_STALE = 43
    UNSUPPORTED = 44
    MIRROR_BEHIND = 45


class ExecType(IntEnum):
    """What happened to an order (FIX 150)."""

    PENDING_NEW = 0
    NEW = 1
    TRADE = 2
    PENDING_CANCEL = 3
    CANCELLED = 4
    PENDING_REPLACE = 5
    REPLACED = 6
    REJECTED = 7
    EXPIRED = 8
    CANCEL_REJECT = 9
    REPLACE_REJECT = 10
    TRIGGERED = 11


class FeeRounding(IntEnum):
    """How a fee is rounded to the money unit, once per fill: to the nearest (ties away from zero), or always away from zero."""

    HALF_UP = 0
    UP = 1


class InstrumentType(IntEnum):
    """What is traded: spot, a contract settled in the quote currency, a contract settled in the base currency."""

    SPOT = 0
    LINEAR = 1
    INVERSE = 2


class NameKind(IntEnum):
    """What a name of the dictionary names. Each kind is numbered apart."""

    VENUE = 0
    INSTRUMENT = 1
    ACCOUNT = 2
    STRATEGY = 3
    WRITER = 4
    CURRENCY = 5
    SCOPE = 6
    DESK = 7
    TRADER = 8
    SECTOR = 9
    CLUSTER = 10
    METRIC = 11


class OrdStatus(IntEnum):
    """State of an order after the report (FIX 39)."""

    PENDING_NEW = 0
    NEW = 1
    PARTIALLY_FILLED = 2
    FILLED = 3
    PENDING_CANCEL = 4
    PENDING_REPLACE = 5
    CANCELLED = 6
    REJECTED = 7
    EXPIRED = 8


class OrdType(IntEnum):
    """Type of an order. TWAP, VWAP and IMPLEMENTATION_SHORTFALL are worked with child orders."""

    MARKET = 0
    LIMIT = 1
    STOP = 2
    STOP_LIMIT = 3
    ICEBERG = 4
    TWAP = 5
    VWAP = 6
    IMPLEMENTATION_SHORTFALL = 7
    PEGGED = 8


class OrderAction(IntEnum):
    """What an order record asks for."""

    NEW = 0
    REPLACE = 1
    CANCEL = 2


class Outcome(IntEnum):
    """Answer of risk: as asked, with approved_qty_e9 less than asked, not at all."""

    APPROVE = 0
    REDUCE = 1
    DENY = 2


class Rule(IntEnum):
    """Risk rule that a limit belongs to."""

    ORDER_SIZE = 0
    ORDER_NOTIONAL = 1
    COLLAR = 2
    LONG = 3
    SHORT = 4
    GROSS = 5
    OPEN_ORDERS = 6
    OPEN_NOTIONAL = 7
    ORDER_RATE = 8
    DAILY_LOSS = 9
    NET = 10
    SECTOR = 11
    CURRENCY = 12
    CONCENTRATION = 13
    CORRELATED = 14
    VAR = 15
    MESSAGES_PER_FILL = 16
    DAILY_TRADES = 17
    DAILY_VOLUME = 18
    DRAWDOWN = 19
    STOP_LOSS = 20
    MARGIN = 21
    LEVERAGE = 22
    SELF_MATCH = 23
    REPEATED = 24
    RESTRICTED = 25
    REDUCE_ONLY = 26
    PRICE_MOVE = 27
    LOSS_RATE = 28
    REJECT_RATE = 29
    DATA_STALE = 30
    LATENCY = 31
    CAPITAL = 32
    VAR_WEIGHT = 33
    REDUCE = 34


class Severity(IntEnum):
    """How urgent an alert is."""

    INFO = 0
    WARNING = 1
    ERROR = 2


class ShardKind(IntEnum):
    """What is assigned to a shard."""

    INSTRUMENT = 0
    ACCOUNT = 1


class Side(IntEnum):
    """Side of an order, a trade's aggressor or a book level (BUY is the bid side)."""

    BUY = 0
    SELL = 1


class TimeInForce(IntEnum):
    """How long an order stands: until cancelled, immediate or cancel, fill or kill, end of the UTC day, until expire_ts_ns."""

    GTC = 0
    IOC = 1
    FOK = 2
    DAY = 3
    GTD = 4


class ValueUnit(IntEnum):
    """Unit of a limit and of what is used of it. LOTS is lots in memory, quantity on topics; MONEY is money units in memory, money on
    topics.
    """

    NONE = 0
    LOTS = 1
    MONEY = 2
    COUNT = 3
    BPS = 4
    NS = 5


class VenueEventType(IntEnum):
    """What a venue said about an order."""

    ACK = 0
    REJECT = 1
    FILL = 2
    CANCELLED = 3
    REPLACED = 4
    CANCEL_REJECT = 5
    REPLACE_REJECT = 6
    EXPIRED = 7
    TRIGGERED = 8


class BookLevel(NamedTuple):
    """One price level of a book after the change."""

    side: Side  # bid side (BUY) or ask side (SELL)
    px_e9: int  # price of the level x 10^9, > 0
    qty_e9: int  # whole size now resting at the level x 10^9, >= 0; 0 = level removed


class InputRun(NamedTuple):
    """Consecutive inputs of one batch that came from one place."""

    # topic name; "" = clock ticks; "*" = the next records of the windows before it, merged by receive time, order of their topics
    # there, id
    topic: str
    partition: int  # partition, >= 0; -1 for clock ticks and "*"
    first_offset: int  # offset of the first record of the run; -1 for clock ticks and "*"
    last_offset: int  # offset of the last record of the run (offsets between may be commit markers); -1 for clock ticks and "*"
    # writer number of clock ticks, from their ids; -1 for records (their ids are in the topic); -2 for a window: records that the runs
    # with topic "*" behind it consume
    writer: int
    first_id: int  # id of the first record or tick of the run
    count: int  # number of records or ticks, > 0


class OutputCount(NamedTuple):
    """What one batch wrote to one topic."""

    topic: str  # topic name
    writer: int  # writer number of the ids
    last_id: int  # id of the last record written
    count: int  # number of records written, >= 0: every writer is listed, so that one entry tells where all ids stand


class SchemaVersion(NamedTuple):
    """Schema version that a batch read or wrote."""

    topic: str  # topic name
    schema_id: int  # id of the schema in the registry


class StartPosition(NamedTuple):
    """A place in a topic partition."""

    topic: str  # topic name
    partition: int  # partition, >= 0
    offset: int  # offset of the next record to read, >= 0


class Alert(NamedTuple):
    """Something that a person should know. Topic alerts.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    severity: Severity  # how urgent
    source: str  # who says so: process, agent or shell
    text: str  # what happened and what to do


class Audit(NamedTuple):
    """An entry of the audit trail, chained by hash. Topic audit.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    actor: str  # who acted
    action: str  # what was done
    detail: str  # with which values, JSON
    prev_hash: bytes  # 32 bytes: hash of the entry before; empty in the first
    hash: bytes  # 32 bytes: hash over this entry and prev_hash


class Balance(NamedTuple):
    """Cash of an account in a currency, and its profit in the instruments that settle in it, as of a fill or a funding settlement.
    Topic balances.v1.
    """

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    account: str  # account name ("maker-1")
    currency: str  # currency ("USDT")
    # what the account has more than at the start of the run: profit realized and funding less fees, and of spot what was received less
    # paid
    cash: Decimal
    fees: Decimal  # fees paid in this run; negative = rebates
    funding: Decimal = Decimal("0")  # funding received less paid in this run; it is in cash
    realized_pnl: Decimal = Decimal("0")  # profit realized in this run, without fees and funding, of all strategies
    unrealized_pnl: Decimal = Decimal("0")  # profit of what is open, each position at its last mark
    spread_pnl: Decimal = Decimal("0")  # part of the profit earned against the mid at each fill
    # part of the profit earned by holding while the mid moved; with spread_pnl it is realized_pnl + unrealized_pnl
    inventory_pnl: Decimal = Decimal("0")


class BookUpdate(NamedTuple):
    """Levels of a book that changed together, or a whole book. Topic book_updates.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    exch_ts_ns: int  # the venue's own time, ns since 1970 UTC; 0 = not given; information, never the clock
    first_seq: int  # first venue sequence number covered; 0 = the venue has none
    last_seq: int  # last venue sequence number covered; 0 = the venue has none
    snapshot: bool  # true: the levels are the whole book, what stood before is void
    gap: bool  # true: sequence numbers are missing before this update; the book is not to be trusted until the next snapshot
    levels: tuple[BookLevel, ...]  # levels that changed, bids then asks in the venue's order
    bid_px_e9: int | None = None  # best bid of the rebuilt book after this update x 10^9; null while it is not synchronised
    bid_qty_e9: int | None = None  # size at the best bid x 10^9; null while the book is not synchronised
    ask_px_e9: int | None = None  # best ask of the rebuilt book after this update x 10^9; null while it is not synchronised
    ask_qty_e9: int | None = None  # size at the best ask x 10^9; null while the book is not synchronised


class Command(NamedTuple):
    """What is asked of the whole: open a run, kill, resume, pause, stop, resynchronise; and whether a fast lane may trade. Topic
    commands.v1.
    """

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    kind: CommandType  # what is asked
    target: str  # "" = all; a scope, a strategy, a process, or "venue:symbol"
    reason: str  # who asks and why
    run_number: int | None = None  # RUN: number of the run it opens
    topology_hash: str | None = None  # RUN: hash of the topology
    topology: str | None = None  # RUN: name of the topology
    clock: Clock | None = None  # RUN: what the run's clock follows
    clock_start_ns: int | None = None  # RUN: first recv_ts_ns of the recording, ns since 1970 UTC
    wall_start_ns: int | None = None  # RUN: wall clock when the run opened, ns since 1970 UTC
    speed: float | None = None  # RUN: recorded seconds per wall second
    start_positions: tuple[StartPosition, ...] = ()  # RUN: where each topic partition is read from


class DeadLetter(NamedTuple):
    """What could not be read: where it stood, why, and its bytes. Topic *.dlq.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    topic: str  # topic it was read from
    partition: int  # partition, >= 0
    offset: int  # offset, >= 0
    reason: str  # field, place and reason
    payload: bytes  # the record's value, byte for byte


class Decision(NamedTuple):
    """The answer of risk to one order record, with the whole order in it. cause_id is the order record. Topic decisions.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    outcome: Outcome  # approved, reduced or denied
    code: DenyCode  # why it was denied or reduced; OK when approved
    scope: str  # scope whose limit spoke ("desk:crypto"); "" = none
    approved_qty_e9: int  # quantity approved x 10^9, 0 when denied
    action: OrderAction  # new order, change of a working one, or its cancellation
    order_id: int  # id of the NEW record of this order
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    account: str  # account name ("maker-1")
    strategy: str  # strategy name ("maker"); "" = none
    side: Side  # buy or sell
    ord_type: OrdType  # type of the order
    time_in_force: TimeInForce  # how long it stands
    post_only: bool  # refuse rather than take liquidity
    reduce_only: bool  # only ever reduces the position
    qty_e9: int  # whole quantity asked for x 10^9, > 0; for CANCEL 0
    limit_value: Decimal | None = None  # the limit of the code's rule, in value_unit; null = none
    used_value: Decimal | None = None  # what the order would have used of it, in value_unit; null = none
    parent_id: int | None = None  # order_id of the parent order, when an algorithm sent this one
    px_e9: int | None = None  # limit price x 10^9, > 0; null for MARKET and STOP
    stop_px_e9: int | None = None  # trigger price x 10^9, > 0; only STOP and STOP_LIMIT
    display_qty_e9: int | None = None  # visible quantity x 10^9, > 0; only ICEBERG
    min_qty_e9: int | None = None  # smallest quantity to fill at once x 10^9, > 0
    expire_ts_ns: int | None = None  # when a GTD order ends, ns since 1970 UTC
    peg_offset_e9: int | None = None  # distance from the reference price x 10^9, signed; only PEGGED
    participation_e9: int | None = None  # share of the market's volume x 10^9, > 0, at most 10^9; only VWAP and IMPLEMENTATION_SHORTFALL
    start_ts_ns: int | None = None  # when an algorithm begins, ns since 1970 UTC
    end_ts_ns: int | None = None  # when an algorithm ends, ns since 1970 UTC
    value_unit: ValueUnit = ValueUnit.NONE  # unit of limit_value and used_value
    max_floor_qty_e9: int | None = None  # most that may be visible at any time x 10^9, > 0 (FIX 111); null = all of it
    risk_score: float = 0.0  # largest share of any limit that the order would use, 0 to 1; 1 when a limit denied it


class Fill(NamedTuple):
    """One execution of one of our orders. Each execution of the venue gives one fill. Topic fills.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    order_id: int  # id of the NEW record of this order
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    account: str  # account name ("maker-1")
    strategy: str  # strategy name ("maker"); "" = none
    side: Side  # buy or sell
    exec_id: str  # the venue's id of the execution
    last_px_e9: int  # price x 10^9, > 0
    last_qty_e9: int  # quantity x 10^9, > 0
    leaves_qty_e9: int  # quantity still open x 10^9, >= 0
    fee: Decimal  # fee, in fee_currency; negative = rebate
    fee_currency: str  # currency of the fee
    maker: bool  # true: added liquidity
    mid_px_e9: int | None = None  # mid of the market when filled x 10^9, for attribution; null = no market


class Frame(NamedTuple):
    """A frame of a venue exactly as it was received. Whatever else is known of the market follows from it. Topic frames.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    venue: str  # venue name, as in names.v1 ("binance")
    connection: int  # which connection of the feed, from 0; a reconnection keeps the number
    source_seq: int  # line of the recording, from 1, or the number of the message on the socket, from 1
    payload: bytes  # the frame, byte for byte


class Funding(NamedTuple):
    """A funding settlement of a perpetual contract: who is long pays rate x value at the mark to who is short. Topic funding.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    funding_ts_ns: int  # instant of the settlement, ns since 1970 UTC by the venue's clock
    rate_e9: int  # rate of the interval x 10^9, signed: > 0 longs pay
    mark_e9: int  # mark price of the settlement x 10^9, > 0; it need not lie on a tick


class Instrument(NamedTuple):
    """What can be traded where, and its rules. The newest record whose valid_from_ns has passed holds. Topic instruments.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    instrument_type: InstrumentType  # spot, linear or inverse contract
    base: str  # currency of the quantity ("BTC")
    quote: str  # currency of the price ("USDT")
    tick_e9: int  # price step x 10^9, > 0
    lot_e9: int  # quantity step x 10^9, > 0
    # contract multiplier x 10^9, > 0: notional = price x quantity x multiplier, of an inverse contract quantity x multiplier / price
    multiplier_e9: int
    maker_fee_e9: int  # maker fee as a fraction of the notional x 10^9; negative = rebate
    taker_fee_e9: int  # taker fee as a fraction of the notional x 10^9; negative = rebate
    min_qty_e9: int  # smallest order quantity x 10^9, >= 0
    max_qty_e9: int  # largest order quantity x 10^9; 0 = no limit
    min_notional: Decimal  # smallest order notional, in the quote currency; 0 = no limit
    # digits of the money unit: 8 = money is counted in 10^-8 of the settlement currency (the quote, of an inverse contract the base); 0
    # to 9
    money_scale: int
    fee_rounding: FeeRounding  # how a fee is rounded to the money unit
    valid_from_ns: int  # from when these rules hold, ns since 1970 UTC
    sector: str | None = None  # sector that its exposure counts to; null = none
    cluster: str | None = None  # cluster of correlated instruments that it belongs to; null = none
    beta_e9: int = 1000000000  # weight of its exposure in its cluster x 10^9, signed


class JournalEntry(NamedTuple):
    """One batch of one process and shard: what it read, in which order, and what it wrote. Same transaction as its outputs. Topic
    journal.v1.
    """

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    process: str  # process name of the topology
    shard: int  # shard, >= 0
    batch: int  # number of the batch, from 0, dense
    inputs: tuple[InputRun, ...]  # what was read, in the order it was consumed
    tick_ts_ns: tuple[int, ...]  # times of the clock ticks among the inputs, ns since 1970 UTC, in order
    positions: tuple[StartPosition, ...]  # per input partition the next offset to read after the batch
    outputs: tuple[OutputCount, ...]  # what was written, per topic
    outputs_hash: bytes  # 16 bytes: rolling BLAKE2b-128 over all output bodies of this run, in order
    schemas: tuple[SchemaVersion, ...]  # schema versions read and written
    dead_letters: tuple[StartPosition, ...]  # inputs of this batch that could not be read
    code_hash: str  # hash of the code that ran


class Latency(NamedTuple):
    """Wall-clock stamps of one input on its way through a process; of the fast lane, how long a stage took within a second. Never
    hashed. Topic latency.v1.
    """

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    process: str  # process name of the topology
    topic: str  # topic of the input; "" = a stage of the fast lane
    input_id: int  # id of the input; 0 = a stage
    ingest_wall_ns: int  # Kafka's timestamp of the input, ns since 1970 UTC (a multiple of 1 ms); of a stage, when counting began
    taken_wall_ns: int  # when the batch was taken from the consumer, ns since 1970 UTC; of a stage, when counting ended, as in the next two
    stepped_wall_ns: int  # when the agents had stepped it, ns since 1970 UTC
    committed_wall_ns: int  # when its transaction was committed, ns since 1970 UTC
    records: int  # records in the batch, or counted by the stage, > 0
    stage: str | None = None  # which way through the fast lane was measured (docs/latency.md); null = stamps of a batch
    p50_ns: int | None = None  # half of the records took no longer than this, at most 1/128 more; null = stamps of a batch
    p99_ns: int | None = None  # 99 of 100 records took no longer than this
    p999_ns: int | None = None  # 999 of 1000 records took no longer than this
    max_ns: int | None = None  # the longest, at most 1/128 more


class Limit(NamedTuple):
    """A limit of one rule on one scope. A later record for the same scope, instrument and rule replaces it. Topic limits.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    scope: str  # scope it holds for ("account:maker-1")
    rule: Rule  # rule it belongs to
    parent: str | None = None  # scope above; null for the root
    venue: str | None = None  # venue; null = every instrument
    symbol: str | None = None  # symbol; null = every instrument
    limit_qty_e9: int | None = None  # limit in quantity x 10^9; ORDER_SIZE, LONG and SHORT of one instrument
    limit_money: Decimal | None = None  # limit in money; ORDER_NOTIONAL, GROSS, OPEN_NOTIONAL, DAILY_LOSS, and LONG and SHORT of a scope
    limit_count: int | None = None  # limit as a count; OPEN_ORDERS, ORDER_RATE
    limit_bps: int | None = None  # limit in basis points of the opposite touch; COLLAR
    interval_ns: int | None = None  # interval of ORDER_RATE, ns: limit_count orders in any interval
    sector: str | None = None  # sector it holds for; only SECTOR
    currency: str | None = None  # currency it holds for; only CURRENCY
    cluster: str | None = None  # cluster of correlated instruments it holds for; only CORRELATED


class Metric(NamedTuple):
    """A named number that a strategy reports about itself. Topic metrics.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    strategy: str  # strategy name ("maker"); "" = none
    metric: str  # name of the metric ("inventory_risk")
    value: float  # its value, in the metric's own unit


class Name(NamedTuple):
    """An entry of the dictionary: the number of a name. Numbers are dense from 0 per kind, append-only, never reused. Topic names.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    kind: NameKind  # what is named; each kind is numbered apart
    number: int  # the number, dense from 0 per kind
    name: str  # the name: INSTRUMENT "binance:BTCUSDT", SCOPE "firm" or "desk:crypto" or "account:maker-1", WRITER "risk/0/decisions"
    epoch: int  # when the dictionary was created, s since 1970 UTC; equal in all its entries


class Order(NamedTuple):
    """An order, its change or its cancellation, as strategy or algorithm wants it. Topic orders.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    action: OrderAction  # new order, change of a working one, or its cancellation
    order_id: int  # id of the NEW record of this order
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    account: str  # account name ("maker-1")
    strategy: str  # strategy name ("maker"); "" = none
    side: Side  # buy or sell
    ord_type: OrdType  # type of the order
    time_in_force: TimeInForce  # how long it stands
    post_only: bool  # refuse rather than take liquidity
    reduce_only: bool  # only ever reduces the position
    qty_e9: int  # whole quantity asked for x 10^9, > 0; for CANCEL 0
    parent_id: int | None = None  # order_id of the parent order, when an algorithm sent this one
    px_e9: int | None = None  # limit price x 10^9, > 0; null for MARKET and STOP
    stop_px_e9: int | None = None  # trigger price x 10^9, > 0; only STOP and STOP_LIMIT
    display_qty_e9: int | None = None  # visible quantity x 10^9, > 0; only ICEBERG
    min_qty_e9: int | None = None  # smallest quantity to fill at once x 10^9, > 0
    expire_ts_ns: int | None = None  # when a GTD order ends, ns since 1970 UTC
    peg_offset_e9: int | None = None  # distance from the reference price x 10^9, signed; only PEGGED
    participation_e9: int | None = None  # share of the market's volume x 10^9, > 0, at most 10^9; only VWAP and IMPLEMENTATION_SHORTFALL
    start_ts_ns: int | None = None  # when an algorithm begins, ns since 1970 UTC
    end_ts_ns: int | None = None  # when an algorithm ends, ns since 1970 UTC
    max_floor_qty_e9: int | None = None  # most that may be visible at any time x 10^9, > 0 (FIX 111); null = all of it


class Param(NamedTuple):
    """A parameter of a strategy: exactly one value is set. Applied between two inputs. Topic params.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    strategy: str  # strategy name
    name: str  # field of the strategy
    value_double: float | None = None  # value of a float field
    value_long: int | None = None  # value of an int or bool field
    value_text: str | None = None  # value of a text parameter (hash of a model file)


class Position(NamedTuple):
    """Position of a strategy of an account in an instrument, after a fill or a mark. Topic positions.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    account: str  # account name ("maker-1")
    strategy: str  # strategy name ("maker"); "" = none
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    qty_e9: int  # position x 10^9, signed: > 0 long
    # signed cost of what is open, in the settlement currency: price x quantity x multiplier; of an inverse contract -(quantity x
    # multiplier / price)
    cost: Decimal
    realized_pnl: Decimal  # profit realized in this run, without fees, in the settlement currency
    unrealized_pnl: Decimal  # profit of what is open at the mark, in the settlement currency
    fees: Decimal  # fees paid in this run in the settlement currency; negative = rebates
    spread_pnl: Decimal  # part of the profit earned against the mid at each fill, in the settlement currency
    bought_qty_e9: int  # quantity bought in this run x 10^9, >= 0
    sold_qty_e9: int  # quantity sold in this run x 10^9, >= 0
    fill_count: int  # fills booked in this run
    avg_px: float | None = None  # average price of what is open, price units; null when flat
    mark_px: float | None = None  # price it is valued at, price units; null = none yet
    # profit realized in this run if the oldest open lots are closed first, without fees, in the settlement currency
    realized_fifo_pnl: Decimal = Decimal("0")
    # part of the profit earned by holding while the mid moved, in the settlement currency; with spread_pnl it is realized_pnl +
    # unrealized_pnl
    inventory_pnl: Decimal = Decimal("0")
    funding: Decimal = Decimal("0")  # funding received less paid in this run, in the settlement currency


class Quote(NamedTuple):
    """Best bid and ask of a market, as the venue published them. Topic quotes.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    exch_ts_ns: int  # the venue's own time, ns since 1970 UTC; 0 = not given; information, never the clock
    seq: int  # the venue's sequence number; 0 = none
    bid_px_e9: int  # best bid x 10^9, > 0
    bid_qty_e9: int  # size at the best bid x 10^9, >= 0
    ask_px_e9: int  # best ask x 10^9, > 0
    ask_qty_e9: int  # size at the best ask x 10^9, >= 0
    spread_e9: int  # ask - bid x 10^9; negative when crossed
    imbalance: float  # (bid size - ask size) / (bid size + ask size), -1 to 1
    microprice: float  # size-weighted mid, price units: (bid x ask size + ask x bid size) / (bid size + ask size)


class Report(NamedTuple):
    """One state change of one order. Topic reports.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    order_id: int  # id of the NEW record of this order
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    account: str  # account name ("maker-1")
    strategy: str  # strategy name ("maker"); "" = none
    exec_type: ExecType  # what happened
    ord_status: OrdStatus  # state after it
    side: Side  # buy or sell
    ord_type: OrdType  # type of the order
    time_in_force: TimeInForce  # how long it stands
    qty_e9: int  # whole quantity x 10^9
    leaves_qty_e9: int  # quantity still open x 10^9, >= 0
    cum_qty_e9: int  # quantity executed so far x 10^9, >= 0
    code: DenyCode  # why it was rejected; OK otherwise
    px_e9: int | None = None  # limit price x 10^9
    last_px_e9: int | None = None  # price of this execution x 10^9
    last_qty_e9: int | None = None  # quantity of this execution x 10^9
    parent_id: int | None = None  # order_id of the parent order, when an algorithm sent this one


class Request(NamedTuple):
    """What is to be sent to a venue. Topic requests.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    action: OrderAction  # send, change or cancel
    order_id: int  # id of the NEW record of this order
    cl_ord_id: str  # client order id at the venue: "mr" + epoch + id in base 36
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    account: str  # account name ("maker-1")
    strategy: str  # strategy name ("maker"); "" = none
    side: Side  # buy or sell
    ord_type: OrdType  # type of the order at the venue
    time_in_force: TimeInForce  # how long it stands at the venue
    post_only: bool  # refuse rather than take liquidity
    reduce_only: bool  # only ever reduces the position
    qty_e9: int  # whole quantity x 10^9, > 0; for CANCEL 0
    orig_cl_ord_id: str | None = None  # client order id of the order to change or cancel
    px_e9: int | None = None  # limit price x 10^9, > 0
    stop_px_e9: int | None = None  # trigger price x 10^9, > 0
    expire_ts_ns: int | None = None  # when a GTD order ends, ns since 1970 UTC
    display_qty_e9: int | None = None  # visible quantity x 10^9, > 0; only ICEBERG
    min_qty_e9: int | None = None  # smallest quantity to fill at once x 10^9, > 0
    peg_offset_e9: int | None = None  # distance from the reference price x 10^9, signed; only PEGGED
    max_floor_qty_e9: int | None = None  # most that may be visible at any time x 10^9, > 0 (FIX 111); null = all of it


class RiskMetric(NamedTuple):
    """One figure of risk of one scope. Topic risk_metrics.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    scope: str  # scope ("desk:crypto")
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    metric: str  # what is measured: exposure, var, es, leverage, ...
    value: float  # the figure, in the metric's unit
    limit_value: float | None = None  # its limit, same unit; null = none


class Shard(NamedTuple):
    """The shard of an instrument or an account. A shard is a partition of every topic that carries its records. Topic shards.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    kind: ShardKind  # what is assigned
    name: str  # "venue:symbol", or the account
    shard: int  # the shard, >= 0


class Signal(NamedTuple):
    """What a strategy thinks: telemetry, nobody trades on it. Topic signals.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    strategy: str  # strategy name ("maker"); "" = none
    side: Side  # direction of the view
    strength: float  # strength of the view, 0 to 1
    fair_px: float  # fair price, price units
    horizon_ns: int  # how far ahead the view looks, ns
    urgency: float  # urgency, 0 to 1
    rank: int = 0  # place by urgency, then strength, among the live signals of its instrument: 1 = first; 0 = not ranked


class SnapshotPart(NamedTuple):
    """A part of the state of one agent between two inputs, with the positions it stands for. Topic snapshots.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    process: str  # process name of the topology
    shard: int  # shard, >= 0
    agent: str  # agent whose state it is
    number: int  # number of the snapshot, from 0
    part: int  # this part, from 0
    parts: int  # how many parts
    batch: int  # journal batch after which it was taken; -1 = before the first
    layout: str  # fingerprint of the layout, hex
    fields: str  # field list of the layout, JSON
    data: bytes  # this part of the block, at most 900 kB
    positions: tuple[StartPosition, ...]  # per input partition the next offset to read
    outputs_hash: bytes  # 16 bytes: the journal's rolling hash at that batch
    hash: bytes | None = None  # 16 bytes on the last part: BLAKE2b-128 over the whole block; null on the others


class Trade(NamedTuple):
    """A trade of the market. Topic trades.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    exch_ts_ns: int  # the venue's own time, ns since 1970 UTC; 0 = not given; information, never the clock
    trade_id: int  # the venue's number of the trade
    side: Side  # side of the aggressor
    px_e9: int  # price x 10^9, > 0
    qty_e9: int  # quantity x 10^9, > 0


class VenueEvent(NamedTuple):
    """What a venue answered or told of an order, raw and parsed. Topic venue_events.v1."""

    id: int
    cause_id: int
    run_id: int
    ts_ns: int
    recv_ts_ns: int
    kind: VenueEventType  # what the venue said
    order_id: int  # order it is about; 0 = not ours
    venue: str  # venue name, as in names.v1 ("binance")
    symbol: str  # the venue's symbol ("BTCUSDT")
    exch_ts_ns: int  # the venue's own time, ns since 1970 UTC; 0 = not given; information, never the clock
    venue_order_id: str  # the venue's own order id; "" = none
    raw: bytes  # the venue's message, byte for byte
    request_id: int | None = None  # id of the request it answers; null when unasked
    exec_id: str | None = None  # the venue's id of the execution; in memory 16 bytes, longer ones by BLAKE2b-128
    last_px_e9: int | None = None  # price of this execution x 10^9, > 0
    last_qty_e9: int | None = None  # quantity of this execution x 10^9, > 0
    px_e9: int | None = None  # limit price accepted x 10^9, > 0
    qty_e9: int | None = None  # quantity accepted x 10^9, > 0
    maker: bool | None = None  # true: this execution added liquidity
    fee: Decimal | None = None  # fee of this execution, in fee_currency; negative = rebate
    fee_currency: str | None = None  # currency of the fee
    reason: str | None = None  # why it was refused, in the venue's words
    # why the gateway itself refused the request (HALTED, STALE_REQUEST); OK = the venue did, or nothing was refused
    code: DenyCode = DenyCode.OK
