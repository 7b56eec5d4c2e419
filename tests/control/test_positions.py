"""Tables of positions, open orders and what they must agree on."""

from hypothesis import given
from hypothesis import strategies as st

from streams.control.orders import Orders
from streams.control.positions import Positions
from streams.control.reconcile import Watch, differences
from streams.control.rows import shown
from streams.records import ExecType, OrdStatus, Side
from streams.schema import ids
from tests.control.made import ORDER, HandClock, fill, position, report

KEY = "maker-1/maker/binance:BTCUSDT"


def tables() -> tuple[Positions, Orders]:
    return Positions({}, {}), Orders({})


def texts(positions: Positions, orders: Orders) -> list[str]:
    return [one.text for one in differences(positions, orders)]


def test_position_newest_word_stays_and_is_shown_in_units():
    positions, _ = tables()
    positions.on_position(position(2, 3 * 10**9, 10**9, 4))
    positions.on_position(position(1, 10**9, 0, 1))  # comes again after a crash
    row = shown(positions.told.table[KEY])
    assert (row["qty"], row["bought_qty"], row["fills"], row["pnl"], row["id"]) == ("2", "3", 4, "2.25", "50:2")


def test_position_of_a_new_run_empties_the_table():
    positions, _ = tables()
    positions.on_position(position(7, 10**9, 0, 1, run=1))
    positions.on_position(position(8, 0, 0, 0, run=2))
    positions.on_position(position(9, 10**9, 0, 1, run=1))
    assert [(row["run"], row["qty_e9"]) for row in positions.told.table.values()] == [(2, 0)]


def test_fill_that_comes_twice_counts_once():
    positions, _ = tables()
    for one in (fill(1, 5), fill(1, 5), fill(2, 3, Side.SELL), fill(1, 5)):
        positions.on_fill(one)
    row = positions.booked.table[KEY]
    assert (row["bought_qty_e9"], row["sold_qty_e9"], row["fills"]) == (5, 3, 2)


def test_order_leaves_the_table_when_reports_and_fills_agree():
    positions, orders = tables()
    orders.on_report(report(1, OrdStatus.NEW, 10, 0))
    orders.on_fill(fill(1, 10))
    assert [row["status"] for row in orders.open_orders()] == ["NEW"]
    orders.on_report(report(2, OrdStatus.FILLED, 10, 10))
    assert (orders.kept(), texts(positions, orders)) == ({}, [])


def test_order_that_was_closed_is_not_brought_back():
    positions, orders = tables()
    records = [report(1, OrdStatus.NEW, 10, 0), report(2, OrdStatus.FILLED, 10, 10)]
    for one in records:
        orders.on_report(one)
    orders.on_fill(fill(1, 10))
    for one in records:  # again, after a crash; the fills are not read again
        orders.on_report(one)
    orders.on_report(report(3, OrdStatus.FILLED, 10, 10)._replace(exec_type=ExecType.CANCEL_REJECT))  # a cancel that came too late
    assert (orders.kept(), texts(positions, orders)) == ({}, [])


def test_order_fill_before_its_first_report_is_kept():
    _, orders = tables()
    orders.on_fill(fill(1, 4))
    assert orders.open_orders() == []
    orders.on_report(report(1, OrdStatus.PARTIALLY_FILLED, 10, 4))
    assert [(row["cum_qty_e9"], row["filled_qty_e9"], row["leaves_qty_e9"]) for row in orders.open_orders()] == [(4, 4, 6)]


def test_order_refused_at_once_is_no_open_order():
    _, orders = tables()
    orders.on_report(report(1, OrdStatus.REJECTED, 10, 0))
    assert orders.kept() == {}


def test_differences_fills_missing_are_named():
    positions, orders = tables()
    positions.on_position(position(1, 5, 0, 1))
    assert texts(positions, orders) == [f"{KEY}: positions.v1 counts 1 fills, fills.v1 holds 0"]


def test_differences_quantities_are_named():
    positions, orders = tables()
    positions.on_position(position(1, 6, 0, 1))
    positions.on_fill(fill(1, 5))
    orders.on_report(report(1, OrdStatus.FILLED, 10, 10))
    orders.on_fill(fill(1, 5))
    assert texts(positions, orders) == [
        f"{KEY}: positions.v1 has 0.000000006 bought, fills.v1 adds up to 0.000000005",
        f"order {ids.text(ORDER)}: reports.v1 says 0.00000001 executed, fills.v1 adds up to 0.000000005",
    ]


def test_watch_difference_is_told_once_when_it_stands_too_long():
    clock, (positions, orders) = HandClock(), tables()
    watch = Watch(5.0, clock)
    told = []
    for second, fills in ((0, 1), (3, 2), (5, 3), (6, 4)):  # more fills all the time, one of them always missing
        clock.now_s = second
        positions.on_position(position(second + 1, fills, 0, fills))
        told.append([one.text for one in watch.look(differences(positions, orders))])
    assert [len(found) for found in told] == [0, 0, 1, 0]
    for sequence in range(1, 5):
        positions.on_fill(fill(sequence, 1))
    assert (watch.look(differences(positions, orders)), watch.standing) == ([], {})


def test_watch_records_on_their_way_all_the_time_are_no_difference_until_one_stays_away():
    clock, (positions, orders) = HandClock(), tables()
    watch, told = Watch(5.0, clock), []
    for second in range(30):
        clock.now_s = second
        positions.on_fill(fill(second + 2, 1))
        if second < 20:
            positions.on_position(position(second + 1, second, 0, second))
        told += [(second, one.text) for one in watch.look(differences(positions, orders))]
    assert told == [(24, f"{KEY}: positions.v1 counts 19 fills, fills.v1 holds 25")]


@st.composite
def trades(draw):
    """Executions of a few orders, as fills, reports and positions, each topic in its own order, mixed as readers see them."""
    sizes = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), max_size=12))
    fills, reports, positions, cum, bought = [], [], [], dict.fromkeys((1, 2, 3), 0), 0
    totals = {order: sum(size for one, size in sizes if one == order) for order in cum}
    for n, (order, size) in enumerate(sizes, 1):
        cum[order] += size
        bought += size
        status = OrdStatus.FILLED if cum[order] == totals[order] else OrdStatus.PARTIALLY_FILLED
        fills.append(fill(n, size, order_id=ids.make(30, order)))
        reports.append(report(n, status, totals[order], cum[order], order_id=ids.make(30, order)))
        positions.append(position(n, bought, 0, n))
    queues = [queue for queue in (fills, reports, positions) if queue]
    mixed = []
    while queues:
        queue = draw(st.sampled_from(queues))
        mixed.append(queue.pop(0))
        queues = [queue for queue in queues if queue]
    return mixed


@given(trades())
def test_tables_any_order_of_topics_end_in_agreement(records):
    positions, orders = tables()
    for record in records:
        match type(record).__name__:
            case "Fill":
                orders.on_fill(record)
                positions.on_fill(record)
            case "Report":
                orders.on_report(record)
            case _:
                positions.on_position(record)
    assert (texts(positions, orders), orders.kept()) == ([], {})
