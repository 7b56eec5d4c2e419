"""Columns are the same numbers, whether they come as Arrow tables or as arrays."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from streams.report.columns import Rows
from tests.report.made import NULL

ARROW = pa.table(
    {
        "ts": pa.array([5, 7], pa.timestamp("ns", tz="UTC")),
        "px_e9": pa.array([2_500_000_000, None], pa.int64()),
        "fee": pa.array([Decimal("-0.5"), Decimal("12345678901234567890.25")], pa.decimal128(38, 9)),
        "maker": pa.array([True, None]),
        "side": pa.array(["SELL", "BUY"]).dictionary_encode(),
        "reason": pa.array(["x", None]),
    }
)
ARRAYS = {
    "ts_ns": np.array([5, 7]),
    "px_e9": np.array([2_500_000_000, NULL]),
    "fee": np.array([-500_000_000, 12345678901234567890250000000], object),
    "maker": np.array([1, -1]),
    "side": np.array(["SELL", "BUY"], object),
    "reason": np.array(["x", None], object),
}


@pytest.mark.parametrize("columns", [ARROW, ARROW.to_batches()[0], ARRAYS, pa.concat_tables([ARROW[:1], ARROW[1:]])])
def test_rows_of_either_kind_are_the_same(columns):
    rows = Rows("fills", columns)
    assert rows.count == 2
    assert rows.whole("ts_ns").tolist() == [5, 7]
    np.testing.assert_array_equal(rows.e9("px_e9"), [2.5, np.nan])
    np.testing.assert_allclose(rows.money("fee"), [-0.5, 12345678901234567890.25], rtol=1e-15)
    assert rows.flags("maker").tolist() == [True, False]
    assert rows.equal("side", "BUY").tolist() == [False, True]
    codes, keys = rows.keys("side", "reason")
    assert [keys[i] for i in codes] == [("SELL", "x"), ("BUY", "")]


def test_rows_of_nothing_are_none():
    rows = Rows("fills", ARROW[:0])
    assert (rows.count, rows.keys("side", "reason")[1]) == (0, [])
