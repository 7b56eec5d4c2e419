"""Rows of the tables: plain mappings that JSON takes, and how people see them.

Prices, sizes and ids stay exact integers in a row (`_e9`, `id`), money is text. `shown` makes of them what a view gives out: JavaScript
counts exactly only to 2^53.
"""

import datetime
from collections.abc import MutableMapping
from decimal import Decimal
from typing import Any

from streams.schema import ids

__all__ = ["Row", "RunTable", "Table", "money", "shown", "units"]

Row = dict[str, Any]
Table = MutableMapping[str, Row]
"""A Faust table, or in tests a dict. A row is replaced, never changed in place: only that reaches the changelog."""

_IDS = ("id", "order_id")
_HIDDEN = ("fill_id",)


class RunTable:
    """A table that holds one run: records of older runs are passed over, the first of a newer one empties it."""

    def __init__(self, table: Table) -> None:
        self.table, self.run = table, 0

    def enter(self, run: int) -> bool:
        """Whether a record of this run counts."""
        if run > self.run:
            for key in [key for key, row in self.table.items() if row["run"] < run]:
                del self.table[key]
            self.run = run
        return run == self.run

    def is_new(self, key: str, record: Any, field: str = "id") -> bool:
        """Whether a record counts and was not taken before: its id lies behind what its writer said last about the key."""
        if not self.enter(record.run_id):
            return False
        last = self.table.get(key, {}).get(field, 0)
        return ids.writer(last) != ids.writer(record.id) or last < record.id


def money(value: Decimal | None) -> str | None:
    """An amount as text, without zeros that say nothing.

    >>> money(Decimal("-12.500000000")), money(Decimal("100"))
    ('-12.5', '100')
    """
    return None if value is None else _plain(f"{value:f}")


def shown(row: Row) -> Row:
    """A row for JSON: `px_e9` 61000100000000 as `px` "61000.1", ids as "writer:sequence", times as ISO 8601 in UTC."""
    found: Row = {}
    for name, value in row.items():
        if name in _HIDDEN:
            continue
        if name.endswith("_e9"):
            found[name[:-3]] = None if value is None else units(value)
        elif name in _IDS:
            found[name] = ids.text(value) if value else ""
        elif name.endswith("ts_ns"):
            found[name[:-3]] = _time(value)
        else:
            found[name] = value
    return found


def units(value_e9: int) -> str:
    """A price or size as people write it.

    >>> units(61_000_100_000_000), units(-5)
    ('61000.1', '-0.000000005')
    """
    return _plain(f"{Decimal(value_e9).scaleb(-9):f}")


def _plain(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _time(ts_ns: int) -> str:
    seconds, rest = divmod(ts_ns, 10**9)
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%dT%H:%M:%S}.{rest // 10**6:03d}Z"
