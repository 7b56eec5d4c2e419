"""Capital of a topology: the firm's, else what stands next above each account that trades."""

import pytest

from streams.topology.capital import capital_of
from streams.topology.model import load
from tests.topology.files import DEMO, changed

FIRM = ("limits: {gross: 200000 USDT,", "limits: {capital: 9000 USDT, gross: 200000 USDT,")
DESK = ("crypto: {limits: {gross:", "crypto: {limits: {capital: 700 USDT, gross:")
ACCOUNT = ("position: 0.5 BTC ", "capital: 50 USDT\n      position: 0.5 BTC ")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ((), {}),
        ((ACCOUNT,), {"USDT": 50.0}),
        ((DESK,), {"USDT": 700.0}),
        ((DESK, ACCOUNT), {"USDT": 50.0}),
        ((FIRM, ACCOUNT), {"USDT": 9000.0}),
    ],
)
def test_capital_is_that_of_the_scope_that_says_it(tmp_path, said, wanted):
    assert capital_of(load(str(changed(tmp_path, *said)) if said else str(DEMO))) == wanted
