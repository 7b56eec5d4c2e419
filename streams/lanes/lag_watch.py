"""Says so, once, when a lane falls behind its limit, and once when it has caught up."""

from streams.lanes.intake import Lag
from streams.records import Severity

__all__ = ["LagWatch"]

_CAUGHT_UP = 0.5  # of the limit: an alert a minute would tell nothing


class LagWatch:
    """limit_s: longest time that a record may wait, wall s."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.behind = False

    def look(self, lag: Lag) -> tuple[Severity, str] | None:
        """The alert to write now, None if there is nothing new to say."""
        if not self.behind and lag.seconds > self.limit_s:
            self.behind = True
            text = f"{lag.records} records wait, the first for {lag.seconds:.1f} s; the limit is {self.limit_s:g} s."
            return Severity.WARNING, f"{text} Orders are denied (LAGGING) until it has caught up; `millrace status` shows who is slow"
        if self.behind and lag.seconds <= self.limit_s * _CAUGHT_UP:
            self.behind = False
            return Severity.INFO, f"caught up: {lag.records} records wait, the first for {lag.seconds:.1f} s"
        return None
