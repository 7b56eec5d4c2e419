"""A record as one line of JSON: ids as people write them, prices as decimals, bytes as text where they are text."""

import json
from decimal import Decimal
from enum import Enum
from typing import Any

from streams.schema import ids

__all__ = ["essentials", "json_line", "json_value", "plain"]


def json_line(record: Any, partition: int, offset: int) -> str:
    """The record with its place in the topic."""
    return json.dumps({"_partition": partition, "_offset": offset, **plain(record)}, ensure_ascii=False)


def plain(record: Any) -> dict[str, Any]:
    """The fields as JSON takes them, names unchanged. Ids are `writer:sequence`; money is text, since a float could not hold it."""
    return {name: json_value(name, value) for name, value in record._asdict().items()}


def json_value(name: str, value: Any) -> Any:
    """One field's value as JSON takes it, or a whole record."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int) and name in ids.FIELDS:
        return ids.text(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    if hasattr(value, "_asdict"):
        return plain(value)
    if isinstance(value, list | tuple):
        return [json_value(name, each) for each in value]
    return value


def essentials(fields: dict[str, Any]) -> str:
    """What tells one record from the next: `key=value` of the fields that people look at first, prices without `_e9`."""
    found = []
    for name in _SHOWN:
        if name in fields and fields[name] not in (None, "", "\\N"):
            value = fields[name]
            found.append(f"{name}={value.normalize():f}" if isinstance(value, Decimal) else f"{name}={_short(value)}")
        elif fields.get(f"{name}_e9") not in (None, "", "\\N"):
            found.append(f"{name}={Decimal(int(fields[f'{name}_e9'])).scaleb(-9).normalize():f}")
    return " ".join(found)


def _short(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


_SHOWN = (
    *(
        "symbol",
        "account",
        "kind",
        "action",
        "outcome",
        "code",
        "exec_type",
        "ord_status",
        "side",
        "ord_type",
        "px",
        "qty",
        "last_px",
        "last_qty",
    ),
    *(
        "leaves_qty",
        "bid_px",
        "bid_qty",
        "ask_px",
        "ask_qty",
        "realized_pnl",
        "unrealized_pnl",
        "fees",
        "fee",
        "maker",
        "exec_id",
        "currency",
        "cash",
    ),
    *("connection", "source_seq", "last_seq", "trade_id", "target", "reason"),
)
