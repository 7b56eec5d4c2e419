"""Reconciliation: what two topics say about the same thing must agree, at the latest a few seconds after the second has said it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from streams.control.orders import CLOSED, Orders
from streams.control.positions import Positions
from streams.control.rows import units

__all__ = ["Difference", "Watch", "differences"]


class Difference(NamedTuple):
    """Two topics that do not agree.

    subject       : what they disagree on; it stays the same while the difference stands
    text          : what each of them says, and where to look
    behind, ahead : how far each of them has counted, where both count the same thing
    """

    subject: str
    text: str
    behind: int = 0
    ahead: int = 1


def differences(positions: Positions, orders: Orders) -> Iterator[Difference]:
    """Everything that does not agree now. While records are on their way that is no fault: `Watch` says when it is."""
    booked, told = positions.booked.table, positions.told.table
    for key in sorted({*booked, *told}):
        ours, theirs = booked.get(key) or {}, told.get(key) or {}
        fills, said = ours.get("fills", 0), theirs.get("fills", 0)
        if fills != said:
            less = "fills.v1" if fills < said else "positions.v1"
            text = f"{key}: positions.v1 counts {said} fills, fills.v1 holds {fills}"
            yield Difference(f"fills of {key}, fewer in {less}", text, *sorted((said, fills)))
        for field, name in (("bought_qty_e9", "bought"), ("sold_qty_e9", "sold")):
            if fills == said and ours.get(field, 0) != theirs.get(field, 0):
                text = f"{key}: positions.v1 has {units(theirs.get(field, 0))} {name}, fills.v1 adds up to {units(ours.get(field, 0))}"
                yield Difference(f"{name} of {key}", text)
        if theirs and theirs["qty_e9"] != theirs["bought_qty_e9"] - theirs["sold_qty_e9"]:
            yield Difference(f"quantity of {key}", f"{key}: positions.v1 holds another quantity than bought less sold")
    for key, row in orders.kept().items():
        if not row["status"]:
            yield Difference(
                f"order {key}", f"order {key}: fills.v1 adds up to {units(row['filled_qty_e9'])}, reports.v1 does not know the order"
            )
        elif row["filled_qty_e9"] != row["cum_qty_e9"]:
            text = f"reports.v1 says {units(row['cum_qty_e9'])} executed, fills.v1 adds up to {units(row['filled_qty_e9'])}"
            yield Difference(f"order {key}", f"order {key}: {text}", *sorted((row["cum_qty_e9"], row["filled_qty_e9"])))
        elif row["status"] not in CLOSED and row["leaves_qty_e9"] != row["qty_e9"] - row["cum_qty_e9"]:
            yield Difference(f"open quantity of {key}", f"order {key}: open {units(row['leaves_qty_e9'])} is not quantity less executed")


class Watch:
    """Differences that have stood for longer than records take: who is behind has not come within the bound to where the other had been.

    bound_s : a difference younger than this is a record on its way
    clock   : seconds, monotonic
    """

    def __init__(self, bound_s: float, clock: Callable[[], float]) -> None:
        self.bound_s, self.clock = bound_s, clock
        self.standing: dict[str, Difference] = {}
        self._began: dict[str, tuple[float, int]] = {}  # when, and how far the one ahead had counted then

    def look(self, found: Iterator[Difference]) -> list[Difference]:
        """Those that have just come to stand for too long: each is told once, and again only after it had gone."""
        now_s, current = self.clock(), {one.subject: one for one in found}
        self._began = {subject: self._begin(one, now_s) for subject, one in current.items()}
        late = {subject: one for subject, one in current.items() if now_s - self._began[subject][0] >= self.bound_s}
        new = [one for subject, one in late.items() if subject not in self.standing]
        self.standing = late
        return new

    def _begin(self, one: Difference, now_s: float) -> tuple[float, int]:
        began_s, ahead = self._began.get(one.subject, (now_s, one.ahead))
        return (began_s, ahead) if one.behind < ahead else (now_s, one.ahead)
