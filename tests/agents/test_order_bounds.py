"""A strategy that asks for what no record can say: the order is emptied and denied with value and bound, and the process goes on."""

from decimal import Decimal

import pytest

from streams.kernel import NULL
from streams.records import Decision, DenyCode, Order, Outcome, Report, Request, ValueUnit
from streams.schema.codec import encode
from tests.agents.test_context_calls import FUSED, I, after_book, of

PX = (2**63 - 1) // 10**8  # ticks of 0.1 that int64 x 10^9 holds
QTY = 2**31 - 1
LOTS, COUNT = ValueUnit.LOTS, ValueUnit.COUNT
NOTIONAL = (2**62 - 1) // 10**4 // 600_000  # lots at 60000.0, a tick-lot being 10^4 money units

WILD = [  # what the strategy calls, what was too much and the bound of it
    (lambda ctx: ctx.buy(I, PX + 1, 5), PX + 1, PX, COUNT),
    (lambda ctx: ctx.buy(I, 1 << 62, 5), 1 << 62, PX, COUNT),
    (lambda ctx: ctx.sell(I, 600_000, QTY + 1), Decimal(QTY + 1) / 1000, Decimal(QTY) / 1000, LOTS),
    (lambda ctx: ctx.market(I, 0, (1 << 63) - 1), Decimal((1 << 63) - 1) / 1000, Decimal(QTY) / 1000, LOTS),
    (lambda ctx: ctx.buy(I, 600_000, NOTIONAL + 1), Decimal(NOTIONAL + 1) / 1000, Decimal(NOTIONAL) / 1000, LOTS),
    (lambda ctx: ctx.iceberg(I, 0, 600_000, 5, 1 << 40), Decimal(1 << 40) / 1000, Decimal(QTY) / 1000, LOTS),
    (lambda ctx: ctx.pegged(I, 0, -(1 << 50), 5), -(1 << 50), PX, COUNT),
    (lambda ctx: ctx.pegged(I, 0, 0, 5, 1 << 50), 1 << 50, PX, COUNT),
]


@pytest.mark.parametrize(("call", "asked", "bound", "unit"), WILD)
def test_order_that_no_record_can_hold_is_denied_with_value_and_bound(call, asked, bound, unit):
    out = after_book(call, *FUSED)
    (order,), (decision,) = of(Order, out), of(Decision, out)
    assert (order.qty_e9, order.px_e9) == (0, None)
    assert (decision.outcome, decision.code, decision.scope) == (Outcome.DENY, DenyCode.BAD_FIELD, "")
    assert (decision.used_value, decision.limit_value, decision.value_unit) == (asked, bound, unit)
    assert of(Request, out) == []
    assert [r.code for r in of(Report, out)] == [DenyCode.BAD_FIELD]
    assert all(encode(record) for record in out)  # every one can be written


@pytest.mark.parametrize("call", [lambda ctx: ctx.buy(I, PX, 1), lambda ctx: ctx.buy(I, 600_000, NOTIONAL)], ids=["price", "notional"])
def test_order_at_the_bound_keeps_its_terms(call):
    (order,) = of(Order, after_book(call, *FUSED))
    assert order.qty_e9 > 0
    assert order.px_e9 is not None
    assert encode(order)


def test_order_whose_quantity_is_null_is_emptied_and_the_next_one_goes_on():
    out = after_book(lambda ctx: (setattr(ctx.new_order(I, 0, 5), "qty_lots", NULL), ctx.buy(I, 600_000, 5)), *FUSED)
    assert [o.qty_e9 for o in of(Order, out)] == [0, 5 * 10**6]
    assert [d.code for d in of(Decision, out)] == [DenyCode.BAD_FIELD, DenyCode.OK]
