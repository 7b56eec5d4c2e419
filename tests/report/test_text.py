"""Numbers and times read as they should."""

import pytest

from streams.report.text import NONE, digits_of, number, share, signed, span, when

S = 10**9


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (number(-1234.5), "−1,234.50"),
        (number(-0.001), "0.00"),
        (number(None), NONE),
        (number(float("nan")), NONE),
        (signed(0.25), "+0.25"),
        (signed(0.001), "0.00"),
        (signed(-3, 0), "−3"),
        (share(0.12345), "12.35 %"),
        (share(0.5, 1, True), "+50.0 %"),
        (share(1.5e5), "10⁷ %"),
        (share(None), NONE),
        (when(1_723_161_359 * S), "2024-08-08 23:55:59"),
        (when(None), NONE),
        (span(958 * S), "15 min 58 s"),
        (span(86400 * S), "1 d"),
        (span(90061 * S), "1 d 1 h"),
        (span(2_500_000), "2.5 ms"),
        (span(0), "0 ns"),
        (span(59.9 * S), "59 s"),
        (digits_of(12.0), 2),
        (digits_of(0.0123), 4),
        (digits_of(0.0), 2),
    ],
)
def test_text(found, wanted):
    assert found == wanted
