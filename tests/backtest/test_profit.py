"""What a backtest earned, from the last position of each strategy, account and instrument."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.backtest.bodies import Held
from streams.backtest.profit import Profit, Total
from streams.backtest.results import Batch
from streams.records import Position
from streams.schema import codec
from streams.schema.model import SCHEMAS
from streams.topology.derive import instruments
from streams.topology.model import load
from tests.topology.files import DEMO

SEVERAL = instruments(load(DEMO.with_name("strategies.yaml")))
SCHEMA = SCHEMAS["Position"]


def position(strategy: str, symbol: tuple[str, str], spread: str, inventory: str, fees: str, funding: str = "0") -> Position:
    made: dict[str, Any] = dict.fromkeys(Position._fields, 0) | {"avg_px": None, "mark_px": None}
    money = {name: Decimal(0) for name in ("cost", "unrealized_pnl", "realized_fifo_pnl")}
    parts = {"spread_pnl": Decimal(spread), "inventory_pnl": Decimal(inventory), "fees": Decimal(fees), "funding": Decimal(funding)}
    place = {"account": "taker", "strategy": strategy, "venue": symbol[0], "symbol": symbol[1]}
    fields: dict[str, Any] = {**made, **money, **parts, **place, "realized_pnl": Decimal(spread) + Decimal(inventory)}
    return Position(**fields)


def totals(*batches: list[Position]) -> dict[str, Total]:
    profit = Profit(SEVERAL)
    for batch in batches:
        profit.take(Batch(0, {SCHEMA: Held.of(SCHEMA, [codec.encode(record) for record in batch])} if batch else {}))
    profit.close(True)
    return profit.totals()


BTC, ETH = ("binance", "BTCUSDT"), ("ether", "ETHUSDT")


def test_totals_of_no_position_are_none():
    assert totals() == {} == totals([])


def test_totals_take_the_last_position_of_each_place_and_add_them():
    first = [position("pairs", BTC, "9", "9", "9"), position("pairs", ETH, "1", "-3", "0.5")]
    second = [position("pairs", BTC, "8", "8", "8"), position("pairs", BTC, "2.5", "-1", "0.25", "-0.125")]
    assert totals(first, second) == {
        "USDT": Total(Decimal("-1.375"), Decimal("3.5"), Decimal(-4), Decimal("-0.75"), Decimal("-0.125")),
    }


rows = st.tuples(st.sampled_from(["maker", "pairs"]), st.sampled_from([BTC, ETH]), st.integers(-(10**12), 10**12), st.integers(-5, 5))


@settings(max_examples=40)
@given(st.lists(st.lists(rows, min_size=1, max_size=8), max_size=4))
def test_totals_equal_a_dict_of_last_records(batches):
    made = [[position(s, where, str(Decimal(n).scaleb(-9)), "1", str(fee)) for s, where, n, fee in batch] for batch in batches]
    last = {(p.strategy, p.venue, p.symbol): p for batch in made for p in batch}
    wanted = sum((p.realized_pnl - p.fees for p in last.values()), Decimal(0))
    found = totals(*made)
    assert (found["USDT"].total if last else 0) == wanted
    assert all(one.total == one.spread + one.inventory + one.fees + one.funding for one in found.values())
