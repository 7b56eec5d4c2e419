"""What another topology changes for what was recorded."""

import pytest

from streams.errors import ConfigError
from streams.topology.changes import changes
from streams.topology.model import load
from tests.topology.files import DEMO


def lines_of(*settings: str) -> list[str]:
    return [str(change) for change in changes(load(DEMO), load(DEMO, settings))]


def test_changes_of_limits_and_parameters_are_their_records():
    assert lines_of("accounts.maker-1.limits.order_rate=10/s", "strategy.requote_ticks=5") == [
        "~ limit   account:maker-1 ORDER_RATE  limit_count 50 -> 10",
        "+ param   maker requote_ticks  value_long=5",
    ]


def test_changes_of_a_limit_taken_away_lift_it():
    assert "~ limit   account:maker-1 LONG binance BTCUSDT  limit_qty_e9 500000000 -> none" in lines_of(
        "accounts.maker-1.limits={order_rate: 50/s}"
    )


def test_changes_of_anything_else_are_refused():
    with pytest.raises(ConfigError, match=r"--set: instruments: only limits and params can be others for what was"):
        lines_of("instruments.binance:BTCUSDT.maker_fee=0.001")


def test_changes_of_nothing_say_so():
    with pytest.raises(ConfigError, match=r"--set: changes nothing; .*demo\.yaml says the same"):
        lines_of("accounts.maker-1.limits.order_rate=50/s")
