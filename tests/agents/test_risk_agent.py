"""The risk agent on a desk: limits that change while it runs, cuts, scores, breakers and their reset, guards, plain and compiled."""

import random
from decimal import Decimal

import pytest

from streams.errors import TopologyError
from streams.records import CommandType, DenyCode, OrderAction, OrdType, Outcome, Report, Request, Rule, TimeInForce, VenueEventType
from streams.topology import derive
from streams.topology.model import load
from tests.agents.risk_desk import BTC, ETH, RiskDesk, of, topology_with
from tests.agents.test_deny_codes import PX, crossing, moved, one, opened


def replace(desk, order_id, qty, px):
    return desk.send(desk.order(0, qty, px, action=OrderAction.REPLACE, order_id=order_id))


# ---- limits that change ----
def test_limit_changed_while_it_runs_holds_from_the_next_order_on(tmp_path):
    desk = opened(tmp_path, "gross: 599 USDT")
    assert one(desk).code == DenyCode.GROSS
    desk.apply(topology_with(tmp_path, "gross: 600 USDT"))
    assert one(desk).code == DenyCode.OK


@pytest.mark.parametrize(
    ("limits", "act"),
    [("gross: 599 USDT", one), ("sector: {majors: 599 USDT}", one), ("restricted: true", one), ("self_match: true", crossing)],
)
def test_limit_lifted_while_it_runs_denies_no_more(limits, act, tmp_path):
    topology = topology_with(tmp_path, limits)
    desk = opened(tmp_path, limits)
    denied = act(desk)
    assert denied.outcome == Outcome.DENY
    lifted = [one._replace(limit_money=None, limit_count=None) for one in derive.limits(topology)]
    desk.give(*lifted)
    again = desk.order(denied.side, "0.01", None)._replace(px_e9=denied.px_e9, ord_type=denied.ord_type)
    assert desk.send(again).code == DenyCode.OK


def test_limit_of_a_desk_set_while_it_runs_holds_for_its_accounts(tmp_path):
    desk = opened(tmp_path)
    text = (tmp_path / "desk.yaml").read_text().replace("desks: {crypto: {limits: {}}}", "desks: {crypto: {limits: {gross: 599 USDT}}}")
    (tmp_path / "other.yaml").write_text(text)
    assert one(desk).code == DenyCode.OK
    desk.apply(load(tmp_path / "other.yaml"))
    assert one(desk).code == DenyCode.GROSS


def test_queue_too_small_for_one_input_is_refused(tmp_path):
    path = tmp_path / "small.yaml"
    topology_with(tmp_path, "")
    path.write_text((tmp_path / "desk.yaml").read_text().replace("queue: 512", "queue: 16"))
    with pytest.raises(TopologyError, match=r"sizes\.queue is 16; one input may cause 512 records"):
        RiskDesk(load(path))


# ---- cut, and scored ----
CUT = "reduce: true, position: 0.015 BTC"


def test_order_beyond_a_limit_is_cut_and_the_cut_quantity_is_sent(tmp_path):
    desk = opened(tmp_path, CUT)
    cut = desk.buy("0.02", PX)
    assert (cut.outcome, cut.code, cut.scope, cut.qty_e9, cut.approved_qty_e9) == (
        Outcome.REDUCE,
        DenyCode.LONG,
        "account:maker-1",
        20_000_000,
        15_000_000,
    )
    assert (cut.limit_value, cut.used_value) == (Decimal("0.015"), Decimal("0.02"))
    assert (of(Request, desk.out)[0].qty_e9, of(Report, desk.out)[0].qty_e9, of(Report, desk.out)[0].leaves_qty_e9) == (15_000_000,) * 3
    filled = of(Report, desk.fill(PX, "0.015"))[-1]
    assert (filled.ord_status.name, filled.cum_qty_e9) == ("FILLED", 15_000_000)
    assert desk.buy("0.001", PX).outcome == Outcome.DENY  # nothing is left
    assert desk.sell("0.03", "60001.0").outcome == Outcome.APPROVE


@pytest.mark.parametrize(
    "terms",
    [
        {"min_qty_e9": 16_000_000},
        {"time_in_force": TimeInForce.FOK},
        {"ord_type": OrdType.ICEBERG, "display_qty_e9": 16_000_000},
        {"max_floor_qty_e9": 16_000_000},
    ],
    ids=["min_qty", "fok", "display", "max_floor"],
)
def test_order_that_may_not_be_that_small_is_denied(terms, tmp_path):
    decision = opened(tmp_path, CUT).buy("0.02", PX, **terms)
    assert (decision.outcome, decision.code, decision.approved_qty_e9) == (Outcome.DENY, DenyCode.LONG, 0)


def test_replace_is_never_cut(tmp_path):
    desk = opened(tmp_path, CUT)
    order = desk.buy("0.01", PX)
    desk.answer(VenueEventType.ACK)
    assert replace(desk, order.order_id, "0.02", PX).outcome == Outcome.DENY
    assert replace(desk, order.order_id, "0.015", PX).outcome == Outcome.APPROVE


def test_score_is_the_largest_share_of_any_limit(tmp_path):
    desk = opened(tmp_path, "gross: 2400 USDT, open_orders: 8, position: 1 BTC")
    assert [one(desk).risk_score for _ in range(2)] == [0.25, 0.5]


# ---- halts and breakers ----
def test_breaker_stays_tripped_until_resume_and_begins_anew(tmp_path):
    desk = opened(tmp_path, "price_move: 100 bps/min")
    assert moved(desk).code == DenyCode.PRICE_MOVE
    desk.book(BTC, PX, "60000.1")  # back where it was: still tripped
    assert one(desk).code == DenyCode.PRICE_MOVE
    assert desk.buy("0.1", "3000.00", symbol=ETH).code == DenyCode.OK
    desk.give(desk.command(CommandType.RESUME, "account:maker-1"))
    assert one(desk).code == DenyCode.OK
    desk.book(BTC, PX, "60000.1")  # the first mid that counts again
    assert moved(desk).code == DenyCode.PRICE_MOVE


def test_breaker_of_another_scope_stays_tripped(tmp_path):
    desk = opened(tmp_path, "price_move: 100 bps/min", "firm")
    assert moved(desk).scope == "firm"
    desk.give(desk.command(CommandType.RESUME, "desk:crypto"))
    assert one(desk).code == DenyCode.PRICE_MOVE
    desk.give(desk.command(CommandType.RESUME))
    assert one(desk).code == DenyCode.OK


def test_breaker_whose_limit_changes_begins_anew(tmp_path):
    desk = opened(tmp_path, "price_move: 100 bps/min")
    assert moved(desk).code == DenyCode.PRICE_MOVE
    desk.apply(topology_with(tmp_path, "price_move: 300 bps/min"))
    assert moved(desk).code == DenyCode.OK


def test_kill_denies_and_cancels_pass_until_resume(tmp_path):
    desk = opened(tmp_path)
    order = one(desk)
    desk.answer(VenueEventType.ACK)
    desk.give(desk.command(CommandType.KILL, BTC))
    assert one(desk).code == DenyCode.HALTED
    cancel = desk.send(desk.order(0, "0", None, action=OrderAction.CANCEL, order_id=order.order_id))
    assert (cancel.outcome, cancel.code, cancel.risk_score) == (Outcome.APPROVE, DenyCode.OK, 0.0)
    assert desk.buy("0.1", "3000.00", symbol=ETH).code == DenyCode.OK
    desk.give(desk.command(CommandType.RESUME, BTC))
    assert one(desk).code == DenyCode.OK


def test_mirror_behind_denies_what_adds_until_it_has_caught_up(tmp_path):
    desk = opened(tmp_path)
    first = desk.buy("0.02", "60000.0").order_id
    desk.answer(VenueEventType.ACK)
    desk.give(desk.command(CommandType.MIRROR_BEHIND, "trade.0"))
    assert desk.buy("0.01", "60000.0").code == DenyCode.MIRROR_BEHIND
    assert replace(desk, first, "0.02", "59999.0").code == DenyCode.MIRROR_BEHIND
    assert replace(desk, 99, "0.01", "59999.0").code == DenyCode.MIRROR_BEHIND
    assert replace(desk, first, "0.01", "60000.0").code == DenyCode.OK
    assert desk.send(desk.order(0, "0.01", "60000.0", action=OrderAction.CANCEL, order_id=first)).outcome == Outcome.APPROVE
    desk.give(desk.command(CommandType.MIRROR_CAUGHT_UP, "trade.0"))
    assert desk.buy("0.01", "60000.0").code == DenyCode.OK


def test_mirror_behind_of_another_process_says_nothing_here(tmp_path):
    desk = opened(tmp_path)
    desk.give(desk.command(CommandType.MIRROR_BEHIND, "trade.1"))
    assert desk.buy("0.01", "60000.0").code == DenyCode.OK


def test_resume_of_everything_frees_an_instrument_that_was_killed(tmp_path):
    desk = opened(tmp_path)
    desk.give(desk.command(CommandType.KILL, BTC))
    assert one(desk).code == DenyCode.HALTED
    desk.give(desk.command(CommandType.RESUME))
    assert one(desk).code == DenyCode.OK


# ---- guards ----
def test_self_match_looks_at_what_can_trade_only(tmp_path):
    desk = opened(tmp_path, "self_match: true")
    desk.book(BTC, PX, "60020.0")
    assert desk.sell("0.01", "60010.0").code == DenyCode.OK
    assert desk.buy("0.01", "60010.0").code == DenyCode.SELF_MATCH
    assert desk.buy("0.01", "60010.0", post_only=True).code == DenyCode.OK
    assert desk.buy("0.01", None, ord_type=OrdType.STOP, stop_px_e9=60_015 * 10**9).code == DenyCode.OK
    assert desk.buy("0.01", None).code == DenyCode.SELF_MATCH  # up to 60,020
    desk.book(BTC, PX, "60005.0")
    assert desk.buy("0.01", None).code == DenyCode.OK  # the book has enough at 60,005


def test_self_match_of_a_desk_meets_orders_of_its_other_accounts(tmp_path):
    desk = opened(tmp_path, "self_match: true", "desk:crypto")
    assert desk.sell("0.01", "60010.0", account="maker-2", post_only=True).code == DenyCode.OK
    decision = desk.buy("0.01", "60010.0")
    assert (decision.code, decision.scope) == (DenyCode.SELF_MATCH, "desk:crypto")


def test_self_match_forgets_an_order_that_is_over(tmp_path):
    desk = opened(tmp_path, "self_match: true")
    desk.sell("0.01", "60010.0", post_only=True)
    desk.answer(VenueEventType.ACK)
    assert desk.answer(VenueEventType.CANCELLED)
    assert desk.buy("0.01", "60010.0").code == DenyCode.OK


def test_self_match_replaced_order_counts_at_both_prices_until_answered(tmp_path):
    desk = opened(tmp_path, "self_match: true")
    order = desk.buy("0.01", "60000.0")
    desk.answer(VenueEventType.ACK)
    assert replace(desk, order.order_id, "0.01", "59990.0").code == DenyCode.OK
    assert desk.sell("0.02", "60000.0", time_in_force=TimeInForce.IOC).code == DenyCode.SELF_MATCH
    desk.send(desk.order(0, "0.01", "59990.0", action=OrderAction.CANCEL, order_id=order.order_id))
    desk.answer(VenueEventType.CANCELLED)
    assert desk.sell("0.02", "60000.0", time_in_force=TimeInForce.IOC).code == DenyCode.OK


def test_repeated_order_passes_after_the_interval_and_with_other_terms(tmp_path):
    desk = opened(tmp_path, "repeated: 100 ms")
    assert [one(desk).code, one(desk).code, desk.buy("0.01", "59999.9").code, desk.buy("0.011", PX).code] == [
        DenyCode.OK,
        DenyCode.REPEATED,
        DenyCode.OK,
        DenyCode.OK,
    ]
    desk.later(0.1)
    assert one(desk).code == DenyCode.OK


def test_ages_are_wall_time_and_grow_with_the_runs_speed(tmp_path):
    desk = RiskDesk(topology_with(tmp_path, "data_stale: 1 s, latency: 100 ms"), speed=20.0)
    desk.book(BTC, PX, "60000.1")
    order = desk.order(0, "0.01", PX)
    desk.later(1.9)
    assert desk.send(order).code == DenyCode.OK
    desk.later(0.2)
    late = desk.send(desk.order(0, "0.01", PX)._replace(recv_ts_ns=order.recv_ts_ns))
    assert (late.code, late.limit_value, late.used_value) == (DenyCode.LAGGING, 2 * 10**9, 2_100_000_000)


# ---- plain and compiled ----
EVERYTHING = """order_size: 0.05 BTC, order_notional: 2500 USDT, collar: 50 bps, position: 0.08 BTC, net: 4500 USDT, gross: 5000 USDT,
  sector: {majors: 5000 USDT}, currency: {BTC: 4800 USDT}, correlated: {coins: 4900 USDT}, capital: 3000 USDT, concentration: 20000 bps,
  leverage: 2x, margin: 5000 bps, var: 60 USDT, var_weight: 100 bps, open_orders: 9, open_notional: 4000 USDT, order_rate: 30/s,
  messages_per_fill: 60, daily_trades: 90, daily_volume: 90000 USDT, daily_loss: 40 USDT, drawdown: 40 USDT, stop_loss: 30 USDT,
  reduce: true, self_match: true, repeated: 50 ms, data_stale: 1 s, latency: 500 ms, price_move: 60 bps/min, loss_rate: 30 USDT/min,
  reject_rate: 4/min"""


def trade_at_random(desk, seed):
    """Random books, orders, answers and commands; every record that came out."""
    rng, bid, out, known = random.Random(seed), 600_000, [], []
    for _ in range(250):
        desk.later(rng.choice((0.001, 0.02, 0.3)))
        bid += rng.randint(-40, 40)
        if rng.random() < 0.6:
            desk.book(BTC, f"{bid / 10:.1f}", f"{(bid + 1) / 10:.1f}")
        px = f"{(bid + rng.randint(-20, 20)) / 10:.1f}"
        fields = {"action": OrderAction.REPLACE, "order_id": rng.choice(known)} if known and rng.random() < 0.2 else {}
        decision = desk.send(
            desk.order(rng.randint(0, 1), f"0.0{rng.randint(1, 60):02d}", px if fields or rng.random() < 0.9 else None, **fields)
        )
        out += desk.out
        known.append(decision.order_id)
        if of(Request, desk.out):
            kind = rng.choice((VenueEventType.REJECT, VenueEventType.ACK, VenueEventType.CANCELLED, VenueEventType.FILL))
            out += desk.answer(kind, px=px, qty="0.004")
        if rng.random() < 0.05:
            out += desk.give(desk.command(rng.choice((CommandType.KILL, CommandType.RESUME, CommandType.RESUME))))
    return out


@pytest.mark.slow
def test_plain_and_compiled_decide_alike_and_end_in_the_same_bytes(tmp_path):
    topology = topology_with(tmp_path, EVERYTHING)
    plain, compiled = RiskDesk(topology), RiskDesk(topology, compiled=True)
    for desk in (plain, compiled):
        desk.book(ETH, "3000.00", "3000.01")
    records = trade_at_random(plain, 5)
    assert records == trade_at_random(compiled, 5)
    assert plain.process.snapshot() == compiled.process.snapshot()
    assert len({record.code for record in records if hasattr(record, "risk_score")}) > 8


def test_empty_limit_of_a_scope_says_its_parent_only(tmp_path):
    assert [one.rule for one in derive.limits(topology_with(tmp_path, ""))] == [Rule.ORDER_SIZE] * 5
