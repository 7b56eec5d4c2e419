"""`millrace recording check`."""

from collections.abc import Callable

from streams.topology.recordings import existing
from streams.venues.binance.check import check
from streams.venues.binance.check_output import render_table, to_json

__all__ = ["check_file"]


def check_file(path: str, json: bool, say: Callable[[str], None]) -> None:
    """Check one recording and print the report."""
    (file,) = existing([path])
    report = check(file)
    say(to_json(report) if json else render_table(report))
