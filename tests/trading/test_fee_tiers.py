"""Fees by traded volume against a list of all that was traded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.trading.codes import HALF_UP
from streams.trading.fee import fee_money
from streams.trading.fee_tiers import FeeTiers

DAY_NS = 86_400_000_000_000
RATES = [(0, 200_000, 500_000), (1_000, 100_000, 400_000), (5_000, -50_000, 300_000)]


def tiers_of(rates, before=0):
    made = FeeTiers()
    made.count, made.total_e6 = len(rates), before
    for n, figures in enumerate(rates):
        made.tiers[n].volume_e6, made.tiers[n].maker_e9, made.tiers[n].taker_e9 = figures
    return made


def charged(tiers, now_ns, volume_e6, maker):
    """As the venue asks."""
    if tiers.day < 0:
        tiers.start(now_ns)
    tiers.roll(now_ns)
    fee = tiers.fee(10**9, maker, HALF_UP)
    tiers.add(volume_e6)
    return fee


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 6_000), st.lists(st.tuples(st.integers(0, 12), st.integers(0, 900), st.integers(0, 1)), max_size=60))
def test_fee_tiers_equal_a_sum_over_thirty_days(before, trades):
    tiers, today, traded = tiers_of(RATES, before), 20_000, []
    for gap, volume, maker in trades:
        today += gap if gap < 11 else 25 * (gap - 10)
        traded = traded or [(today - 1, before)]
        total = sum(v for day, v in traded if today - day < 30)
        rates = [rate for rate in RATES if rate[0] <= total][-1]
        assert charged(tiers, today * DAY_NS + 5, volume, maker) == fee_money(10**9, rates[2 - maker], HALF_UP)
        traded.append((today, volume))


def test_fee_of_the_first_day_of_all_days_is_that_of_any_other():
    tiers = tiers_of(RATES, 999)
    assert [charged(tiers, 5, 1, 0) for _ in range(2)] == [500_000, 400_000]
