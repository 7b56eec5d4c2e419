"""Numbers with a unit: exact, or refused with what to write."""

import pytest

from streams.errors import UnitError
from streams.topology import quantity
from streams.topology.quantity import Amount, Rate


@pytest.mark.parametrize(
    ("text", "value_e9"), [("0.001", 10**6), ("1", 10**9), ("9_000", 9 * 10**12), ("1e-9", 1), (5, 5 * 10**9), ("0", 0)]
)
def test_to_e9_exact_number_scales(text, value_e9):
    assert quantity.to_e9(text) == value_e9


@pytest.mark.parametrize("text", ["0.0000000001", "-1", "nan", "one", 0.1, True, "9223372037"])
def test_to_e9_inexact_or_out_of_range_refuses(text):
    with pytest.raises(UnitError):
        quantity.to_e9(text)


def test_to_e9_too_many_decimals_names_the_remedy():
    with pytest.raises(UnitError, match="multiplier"):
        quantity.to_e9("0.0000000001")


def test_amount_number_and_currency_parses():
    assert quantity.amount("20_000.5 USDT") == Amount(20_000_500_000_000, "USDT")


@pytest.mark.parametrize("text", ["0.5", "BTC", "0.5 btc", "-1 BTC", ""])
def test_amount_without_number_or_currency_refuses(text):
    with pytest.raises(UnitError):
        quantity.amount(text)


@pytest.mark.parametrize(
    ("text", "rate"), [("50/s", Rate(50, 10**9)), ("1000 / min", Rate(1000, 60 * 10**9)), ("10/100ms", Rate(10, 10**8))]
)
def test_rate_count_and_interval_parses(text, rate):
    assert quantity.rate(text) == rate


@pytest.mark.parametrize("text", ["50", "50/week", "/s", "1.5/s", "5/0s"])
def test_rate_without_count_or_interval_refuses(text):
    with pytest.raises(UnitError):
        quantity.rate(text)


def test_basis_points_within_range_parses():
    assert quantity.basis_points("100 bps") == 100


@pytest.mark.parametrize("text", ["100", "0 bps", "10000 bps", "1.5 bps"])
def test_basis_points_out_of_range_refuses(text):
    with pytest.raises(UnitError):
        quantity.basis_points(text)
