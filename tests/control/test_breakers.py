"""What KILL stops and RESUME frees, and breakers that risk says have tripped."""

import pytest

from streams.control.breakers import Breakers
from streams.records import CommandType, Decision, DenyCode, OrderAction, OrdType, Outcome, Side, TimeInForce
from tests.control.made import order_command, run_command

KILL, RESUME, PAUSE = CommandType.KILL, CommandType.RESUME, CommandType.PAUSE


def denial(code: DenyCode, scope: str = "desk:crypto", ts_ns: int = 6_000, outcome: Outcome = Outcome.DENY) -> Decision:
    head = (7, 6, 1, ts_ns, ts_ns, outcome, code, scope, 0, OrderAction.NEW, 6, "binance", "BTCUSDT", "maker-1", "maker")
    return Decision(*head, Side.BUY, OrdType.LIMIT, TimeInForce.GTC, False, False, 10)


def names(breakers: Breakers) -> list[str]:
    return [row["name"] for row in breakers.halted()]


@pytest.mark.parametrize(
    ("resumed", "left"),
    [
        ("", []),
        ("maker", ["all", "desk:crypto", "desk:crypto PRICE_MOVE binance:BTCUSDT"]),
        ("desk:crypto", ["all", "maker"]),
        ("binance:BTCUSDT", ["all", "desk:crypto", "maker"]),
    ],
)
def test_resume_frees_what_it_names(resumed, left):
    breakers = Breakers({})
    for at, (kind, target) in enumerate(((KILL, ""), (KILL, "desk:crypto"), (PAUSE, "maker"))):
        breakers.on_command(order_command(kind, target, 5_000 + at))
    breakers.on_decision(denial(DenyCode.PRICE_MOVE))
    breakers.on_command(order_command(RESUME, resumed, 7_000))
    assert names(breakers) == left


def test_decision_of_a_breaker_is_told_once_and_counted():
    breakers = Breakers({})
    for code in (DenyCode.LOSS_RATE, DenyCode.LOSS_RATE, DenyCode.HALTED):
        breakers.on_decision(denial(code))
    breakers.on_decision(denial(DenyCode.OK, outcome=Outcome.APPROVE))
    assert (names(breakers), breakers.denied) == (["desk:crypto LOSS_RATE"], {"LOSS_RATE": 2, "HALTED": 1})


def test_decision_from_before_the_resume_is_read_late_and_says_nothing():
    breakers = Breakers({})
    breakers.on_command(order_command(RESUME, "desk:crypto", 7_000))
    breakers.on_decision(denial(DenyCode.LOSS_RATE, ts_ns=6_999))
    assert names(breakers) == []
    breakers.on_decision(denial(DenyCode.LOSS_RATE, ts_ns=7_001))
    assert names(breakers) == ["desk:crypto LOSS_RATE"]


def test_run_begins_with_nothing_halted():
    breakers = Breakers({})
    breakers.on_command(order_command(KILL))
    breakers.on_command(run_command(2))
    assert names(breakers) == []
