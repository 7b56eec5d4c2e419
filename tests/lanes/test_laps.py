"""What a start takes."""

import time

from streams.lanes.laps import Laps


def test_laps_first_counts_from_the_start_of_the_process_and_one_name_adds_up() -> None:
    laps = Laps()
    laps.lap("imports")
    assert 0 < laps.ms["imports"] < 86_400_000
    for _ in range(2):
        time.sleep(0.02)
        laps.lap("wait")
    assert 40 <= laps.ms["wait"] < 10_000
    assert str(laps) == f"imports {laps.ms['imports']}, wait {laps.ms['wait']}"
