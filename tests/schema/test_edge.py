"""Contract 1 and 2: records become slots exactly or are refused with a reason, and come back the same."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import slots
from streams.errors import EdgeError
from streams.records import (
    BookLevel,
    BookUpdate,
    Command,
    CommandType,
    Decision,
    DenyCode,
    Fill,
    Funding,
    Latency,
    Limit,
    Name,
    NameKind,
    Order,
    OrderAction,
    OrdType,
    Outcome,
    Quote,
    Request,
    Rule,
    Side,
    TimeInForce,
    Trade,
    ValueUnit,
    VenueEvent,
    VenueEventType,
)
from streams.schema import ids
from streams.schema.edge import Edge
from streams.schema.execid import exec_id_text, exec_id_words
from streams.schema.layout import NULL, layout
from streams.schema.model import SCHEMAS
from tests.schema.made import any_slots, edge, instrument

COMMON: dict[str, Any] = {"id": 5, "cause_id": 4, "run_id": 7, "ts_ns": 3, "recv_ts_ns": 2}
BTC: dict[str, Any] = COMMON | {"venue": "binance", "symbol": "BTCUSDT"}
TRADE = Trade(**BTC, exch_ts_ns=0, trade_id=1, side=Side.SELL, px_e9=61_800_300_000_000, qty_e9=15_000_000)
ORDER = Order(
    **BTC,
    action=OrderAction.NEW,
    order_id=5,
    account="maker-1",
    strategy="maker",
    side=Side.BUY,
    ord_type=OrdType.LIMIT,
    time_in_force=TimeInForce.GTC,
    post_only=True,
    reduce_only=False,
    qty_e9=10**6,
    px_e9=61_800 * 10**9,
)
FILL = Fill(
    **BTC,
    order_id=5,
    account="maker-1",
    strategy="maker",
    side=Side.BUY,
    exec_id="9",
    last_px_e9=61_800 * 10**9,
    last_qty_e9=10**6,
    leaves_qty_e9=0,
    fee=Decimal("0.01"),
    fee_currency="USDT",
    maker=True,
)
PX, LOT, BTCUSDT = 10**8, 10**6, "binance:BTCUSDT"
LATENCY = Latency(
    **COMMON, process="p", topic="t", input_id=1, ingest_wall_ns=1, taken_wall_ns=1, stepped_wall_ns=1, committed_wall_ns=1, records=1
)
SLOTTED = sorted(name for name, s in SCHEMAS.items() if s.slot)


@pytest.mark.parametrize("name", SLOTTED)
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 40))
def test_edge_any_record_of_slots_gives_the_same_slots_and_record(name: str, seed: int) -> None:
    made, schema = edge(), SCHEMAS[name]
    kind = layout(schema).kind
    data = any_slots(schema, seed)
    record = made.from_slot(kind, data, run_id=7)
    assert type(record) is schema.record
    assert record.run_id == 7
    assert made.to_slots(record) == data
    assert made.from_slot(kind, memoryview(data), run_id=7) == record


def test_edge_trade_in_memory_is_ticks_lots_and_numbers() -> None:
    slot = slots.TradeSlot().unpack(bytearray(edge().to_slots(TRADE)))
    assert (slot.id, slot.cause_id, slot.ts_ns, slot.recv_ts_ns) == (5, 4, 3, 2)
    assert (slot.instrument, slot.kind, slot.side, slot.flags) == (0, slots.KIND_TRADE, Side.SELL, 0)
    assert (slot.trade_id, slot.px_ticks, slot.qty_lots) == (1, 618_003, 15)


def test_edge_nulls_in_memory_are_the_smallest_int64() -> None:
    slot = slots.OrderSlot().unpack(bytearray(edge().to_slots(ORDER)))
    assert (slot.px_ticks, slot.stop_px_ticks, slot.expire_ts_ns, slot.parent_id) == (618_000, NULL, NULL, NULL)


def test_edge_update_is_one_slot_a_level_first_and_last_marked() -> None:
    levels = tuple(BookLevel(Side.BUY, px * 10**9, 0) for px in (3, 2, 1))
    update = BookUpdate(**BTC, exch_ts_ns=0, first_seq=0, last_seq=9, snapshot=True, gap=True, levels=levels)
    made = edge()
    data = made.to_slots(update)
    assert len(data) == 3 * 64
    flags = [data[i * 64 + 38] for i in range(3)]
    assert flags == [2 | 4 | 8, 2 | 4, 2 | 4 | 1]
    assert made.from_slot(slots.KIND_LEVEL, data, 7) == update


def test_edge_update_without_levels_keeps_gap_and_snapshot() -> None:
    update = BookUpdate(**BTC, exch_ts_ns=0, first_seq=0, last_seq=9, snapshot=False, gap=True, levels=())
    made = edge()
    slot = slots.LevelSlot().unpack(bytearray(made.to_slots(update)))
    assert (slot.qty_lots, slot.flags, slot.last_seq) == (-1, 1 | 2 | 8, 9)
    assert made.from_slot(slots.KIND_LEVEL, made.to_slots(update), 7) == update


def test_edge_request_gets_its_client_order_id_back() -> None:
    made = edge()
    values = {k: v for k, v in ORDER._asdict().items() if k in Request._fields} | {"run_id": 7}
    new = Request(**values, cl_ord_id=ids.cl_ord_id(made.dictionary.epoch, 5))
    cancel = new._replace(action=OrderAction.CANCEL, orig_cl_ord_id=new.cl_ord_id)
    for request in (new, cancel):
        assert made.from_slot(slots.KIND_REQUEST, made.to_slots(request), 7) == request


def test_edge_quote_derives_spread_imbalance_and_microprice() -> None:
    made = edge()
    quote = Quote(
        **BTC,
        exch_ts_ns=0,
        seq=0,
        bid_px_e9=10**9,
        bid_qty_e9=3 * 10**6,
        ask_px_e9=2 * 10**9,
        ask_qty_e9=10**6,
        spread_e9=10**9,
        imbalance=0.5,
        microprice=1.75,
    )
    assert made.from_slot(slots.KIND_QUOTE, made.to_slots(quote), 7) == quote


REFUSED = [
    (TRADE._replace(px_e9=61_800_350_000_000), f"trades.px_e9: 61800350000000 is not a multiple of the tick {PX} of {BTCUSDT}"),
    (TRADE._replace(qty_e9=1), f"trades.qty_e9: 1 is not a multiple of the lot {LOT} of {BTCUSDT}"),
    (TRADE._replace(px_e9=PX << 38), f"trades.px_e9: {PX << 38} is {1 << 38} ticks of {PX}; fewer than 2^38 are allowed"),
    (TRADE._replace(qty_e9=LOT << 40), f"trades.qty_e9: {LOT << 40} is {1 << 40} lots of {LOT}; fewer than 2^40 are allowed"),
    (ORDER._replace(qty_e9=LOT << 31), f"orders.qty_e9: {LOT << 31} is {1 << 31} lots of {LOT}; fewer than 2^31 are allowed"),
    (
        TRADE._replace(px_e9=PX << 37, qty_e9=LOT << 39),
        f"trades: price {PX << 37} x quantity {LOT << 39} of {BTCUSDT} is 2^62 money units or more",
    ),
    (TRADE._replace(symbol="X"), "trades.symbol: binance:X is unknown; no record of it in instruments.v1"),
    (ORDER._replace(account="x"), "orders.account: ACCOUNT 'x' is not in the dictionary; `millrace apply` adds it"),
    (ORDER._replace(px_e9=NULL), f"orders.px_e9: {NULL} is not a multiple of the tick {PX}"),
    (ORDER._replace(parent_id=NULL), "orders.parent_id: -2^63 is null in memory; greater values are allowed"),
    (FILL._replace(fee=Decimal("1e-9")), "fills.fee: money 1E-9 is finer than the money unit 10^-8"),
    (FILL._replace(fee=Decimal("1e11")), f"fills.fee: money 1E+11 is {10**19} units of 10^-8; less than 2^62 is allowed"),
    (FILL._replace(mid_px_e9=1), f"fills.mid_px_e9: 1 is not a multiple of half the tick {PX} of {BTCUSDT}"),
    (TRADE._replace(id=1 << 63), f"trades: {1 << 63}: "),
    (LATENCY, "Latency has no form in memory"),
    (Command(**COMMON, kind=CommandType.KILL, target="desk:x", reason=""), "commands.target: 'desk:x' is no scope, strategy or instrument"),
    (
        Limit(**COMMON, scope="firm", rule=Rule.LONG, limit_qty_e9=LOT),
        f"limits.limit_qty_e9: {LOT} without an instrument has no ticks and lots",
    ),
]


@pytest.mark.parametrize(("record", "reason"), REFUSED)
def test_edge_inexact_unknown_or_too_large_is_refused_with_reason(record: Any, reason: str) -> None:
    with pytest.raises(EdgeError) as caught:
        edge().to_slots(record)
    assert str(caught.value)[: len(reason)] == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mark_e9": 0}, r"funding.mark_e9: 0 of binance:BTCUSDT; above 0 and below 2\^61 is allowed"),
        ({"mark_e9": 1 << 61}, r"funding.mark_e9: 2305843009213693952 of"),
        ({"rate_e9": 10**9 + 1}, r"funding.rate_e9: 1000000001 of binance:BTCUSDT; -10\^9 to 10\^9"),
        ({"rate_e9": -(10**9) - 1}, r"funding.rate_e9: -1000000001 of"),
    ],
)
def test_edge_funding_out_of_range_is_refused(changes: dict[str, int], reason: str) -> None:
    widest = Funding(**BTC, funding_ts_ns=0, rate_e9=-(10**9), mark_e9=(1 << 61) - 1)
    assert edge().to_slots(widest)
    with pytest.raises(EdgeError, match=reason):
        edge().to_slots(widest._replace(**changes))


def test_edge_levels_inexact_or_negative_are_refused() -> None:
    for px, qty, reason in (
        (1, 0, "book_updates.px_e9: 1 is not"),
        (10**8, 1, "book_updates.qty_e9: 1 is not"),
        (10**8, -(10**6), "is negative"),
    ):
        update = BookUpdate(**BTC, exch_ts_ns=0, first_seq=0, last_seq=9, snapshot=False, gap=False, levels=(BookLevel(Side.BUY, px, qty),))
        with pytest.raises(EdgeError, match=reason):
            edge().to_slots(update)


def test_edge_command_to_a_process_has_no_slot() -> None:
    assert edge().to_slots(Command(**COMMON, kind=CommandType.STOP, target="market", reason="")) == b""


def test_edge_instrument_in_another_money_unit_of_the_same_currency_is_refused() -> None:
    with pytest.raises(EdgeError, match=r"instruments.money_scale: 6 for USDT, which has 8; a currency has one money unit"):
        edge().on_instrument(instrument(money_scale=6))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tick_e9": 0}, r"instruments.tick_e9: 0 of binance:BTCUSDT; it must be > 0"),
        ({"money_scale": 10}, "instruments.money_scale: 10 of binance:BTCUSDT; 0 to 9 are allowed"),
        ({"symbol": "X"}, "binance:X is not in the dictionary"),
    ],
)
def test_edge_instrument_that_cannot_be_used_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(EdgeError, match=reason):
        edge().on_instrument(instrument(**changes))


def test_edge_names_and_numbers_come_from_records() -> None:
    made = Edge()
    made.on_name(Name(**COMMON, kind=NameKind.ACCOUNT, number=0, name="maker-1", epoch=9))
    assert made.number(NameKind.ACCOUNT, "maker-1") == 0
    assert made.name(NameKind.ACCOUNT, 0) == "maker-1"


def test_edge_bytes_that_are_no_slots_are_refused() -> None:
    made = edge()
    with pytest.raises(EdgeError, match="slot kind 99 is unknown"):
        made.from_slot(99, bytes(64), 0)
    for data in (b"", bytes(63), bytes(65)):
        with pytest.raises(EdgeError, match="are no slots; a slot has 64"):
            made.from_slot(slots.KIND_TRADE, data, 0)
    data = bytearray(made.to_slots(TRADE))
    data[32] = 9
    with pytest.raises(EdgeError, match="INSTRUMENT number 9 is unknown here"):
        made.from_slot(slots.KIND_TRADE, bytes(data), 0)
    data[32], data[37] = 0, 5
    with pytest.raises(EdgeError, match="trades: slot cannot be read: 5"):
        made.from_slot(slots.KIND_TRADE, bytes(data), 0)


@pytest.mark.parametrize(
    ("unit", "value", "number"),
    [
        (ValueUnit.LOTS, "0.5", 500),
        (ValueUnit.MONEY, "0.5", 50_000_000),
        (ValueUnit.COUNT, "5", 5),
        (ValueUnit.BPS, "25", 25),
        (ValueUnit.NS, "25", 25),
    ],
)
def test_edge_limit_value_is_converted_by_its_unit(unit: ValueUnit, value: str, number: int) -> None:
    values = ORDER._asdict() | {"outcome": Outcome.DENY, "code": DenyCode.LONG, "scope": "firm", "approved_qty_e9": 0, "value_unit": unit}
    decision = Decision(**values, limit_value=Decimal(value), used_value=Decimal(0))
    made = edge()
    slot = slots.DecisionSlot().unpack(bytearray(made.to_slots(decision)))
    assert (slot.limit_value, slot.used_value, slot.value_unit) == (number, 0, unit)
    assert made.from_slot(slots.KIND_DECISION, made.to_slots(decision), 7) == decision
    with pytest.raises(EdgeError, match=r"decisions.limit_value: .* without a unit; set value_unit"):
        made.to_slots(decision._replace(value_unit=ValueUnit.NONE))
    with pytest.raises(EdgeError, match=r"decisions.used_value"):
        made.to_slots(decision._replace(used_value=Decimal("0.0000000001")))


@given(exec_id=st.text(max_size=40))
def test_exec_id_short_ascii_comes_back_longer_ones_as_the_same_hash(exec_id: str) -> None:
    words = exec_id_words(exec_id)
    text = exec_id_text(*words)
    if len(exec_id) <= 16 and exec_id.isascii() and "\0" not in exec_id:
        assert text == exec_id
    else:
        assert len(text) == 33
        assert text[0] == "#"
    assert exec_id_words(text) == words
    assert words[0] != NULL


def test_exec_id_that_only_looks_like_a_hash_is_hashed() -> None:
    for text in ("#" + "0" * 32, "#" + "F" * 32, "#" + "g" * 32):
        assert exec_id_text(*exec_id_words(text)) != text


def test_edge_venue_event_without_execution_has_null_exec_id() -> None:
    made = edge()
    event = VenueEvent(**BTC, kind=VenueEventType.ACK, order_id=5, exch_ts_ns=0, venue_order_id="", raw=b"", request_id=5)
    slot = slots.VenueEventSlot().unpack(bytearray(made.to_slots(event)))
    assert (slot.exec_hi, slot.maker, slot.fee_currency) == (NULL, -1, -1)
    assert made.from_slot(slots.KIND_VENUE_EVENT, made.to_slots(event), 7) == event
