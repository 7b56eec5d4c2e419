"""Rows as people see them."""

import doctest

import pytest

from streams.control import rows, settings
from streams.control.rows import RunTable, shown
from streams.control.told import KEPT, Journalled, Limits, Params
from streams.records import Alert, Limit, Param, Rule, Severity


@pytest.mark.parametrize("module", [rows, settings], ids=lambda module: module.__name__)
def test_docstring_examples_give_what_they_say(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_shown_gives_decimals_times_and_ids():
    row = {"id": (3 << 47) + 7, "order_id": 0, "px_e9": None, "qty_e9": 10**18 + 1, "ts_ns": 1_704_067_200_123_456_789, "fill_id": 5}
    assert shown(row) == {"id": "3:7", "order_id": "", "px": None, "qty": "1000000000.000000001", "ts": "2024-01-01T00:00:00.123Z"}


def test_run_table_records_of_an_older_run_do_not_count():
    table = RunTable({"a": {"run": 1, "id": 1}})
    assert (table.enter(2), table.enter(1), table.table) == (True, False, {})


def test_limits_newest_holds_and_an_empty_one_lifts():
    limits = Limits({})
    for value in (5, 7):
        limits.on_limit(Limit(1, 0, 0, 0, 0, "firm", Rule.OPEN_ORDERS, limit_count=value))
    limits.on_limit(Limit(2, 0, 0, 0, 0, "firm", Rule.OPEN_ORDERS, venue="binance", symbol="BTCUSDT", limit_count=1))
    assert [row["limit_count"] for row in limits.table.values()] == [7, 1]
    limits.on_limit(Limit(3, 0, 0, 0, 0, "firm", Rule.OPEN_ORDERS))
    assert [row["instrument"] for row in limits.table.values()] == ["binance:BTCUSDT"]


def test_params_newest_value_of_any_type():
    params = Params({})
    for value in ({"value_double": 0.5}, {"value_long": 0}):
        params.on_param(Param(1, 0, 0, 0, 0, "maker", "gamma", **value))
    assert [row["value"] for row in params.table.values()] == [0]


def test_alerts_only_the_last_are_kept():
    told = Journalled({}, {})
    for offset in range(KEPT + 5):
        told.on_alert(Alert(offset + 1, 0, 1, offset, 0, Severity.INFO, "x", f"alert {offset}"), offset)
    kept = [row["text"] for row in told.alerts.values()]
    assert (len(kept), kept[0], kept[-1]) == (KEPT, "alert 5", f"alert {KEPT + 4}")
