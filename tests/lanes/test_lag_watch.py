"""When a lane says that it is behind."""

from streams.lanes.intake import Lag
from streams.lanes.lag_watch import LagWatch
from streams.records import Severity


def test_lag_watch_beyond_the_limit_says_so_once_and_once_when_it_has_caught_up() -> None:
    watch = LagWatch(2.0)
    said = [watch.look(Lag(records, s)) for records, s in ((5, 0.1), (10, 2.0), (700, 2.1), (900, 3.0), (400, 1.5), (3, 1.0), (0, 0.0))]
    found = [said_one and (k, said_one[0]) for k, said_one in enumerate(said) if said_one]
    assert found == [(2, Severity.WARNING), (5, Severity.INFO)]
    assert said[2] is not None
    assert said[2][1].startswith("700 records wait, the first for 2.1 s; the limit is 2 s.")
