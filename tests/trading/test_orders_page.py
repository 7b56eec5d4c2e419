"""docs/orders.md against the code: types, fields, states, names."""

from pathlib import Path

from streams.records import ExecType, OrdStatus, OrdType, TimeInForce
from streams.trading import order_state
from streams.trading.order_state import EVENTS, NEXT, REFUSED, WORKING
from tests.trading.slow_terms import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "orders.md").read_text()


def table(heading):
    """Rows of the table whose header line begins with these cells, by their first cell."""
    lines = PAGE.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(heading))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return [cell.strip() for cell in lines[start].strip("|").split("|")], rows


def field(name):
    """A field's name in memory as the page says it."""
    return name.removesuffix("_ticks").removesuffix("_lots").removesuffix("_e9")


def test_page_types_have_the_fields_that_are_checked():
    _, rows = table("| Type | Must have |")
    assert [row[0] for row in rows] == [kind.name for kind in OrdType]
    for kind, must, may, times in rows:
        expected = RULES[kind]
        assert set(must.split()) == {field(f) for f in expected[0]}
        assert set(may.split()) == {field(f) for f in expected[1] - expected[0]}
        assert tuple(times.split()) == tuple(t.name for t in TimeInForce if t.name in expected[2])


def test_page_states_and_events_are_those_of_the_table():
    header, rows = table("| | ACK |")
    assert [row[0] for row in rows] == [status.name for status in OrdStatus]
    assert [getattr(order_state, name) for name in header[1:]] == list(range(EVENTS))
    for status, row in zip(OrdStatus, rows, strict=True):
        for event, said in enumerate(row[1:]):
            to = NEXT[status * EVENTS + event]
            assert said == {WORKING: "back", REFUSED: "-"}.get(int(to)) or said == OrdStatus(to).name, (status.name, header[event + 1])


def test_page_names_every_status_type_time_in_force_and_exec_type():
    assert [row[0] for row in table("| State |")[1]] == [status.name for status in OrdStatus]
    assert {row[0] for row in table("| Here | When |")[1]} == {status.name for status in OrdStatus}
    assert [row[0] for row in table("| Here | NautilusTrader |")[1]] == [kind.name for kind in OrdType]
    assert {row[0] for row in table("| Here | FIX TimeInForce (59) |")[1]} == {tif.name for tif in TimeInForce}
    assert all(kind.name in PAGE.split("exec_type is FIX")[1] for kind in ExecType)
