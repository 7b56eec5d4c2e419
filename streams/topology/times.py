"""Instants as people write them: `2024-08-08T23:55`, in UTC unless they say otherwise.

>>> instant_ns("2024-08-08T23:55:00.5") - instant_ns("2024-08-08T23:55")
500000000
>>> instant_ns("2024-08-09T01:55+02:00") == instant_ns("2024-08-08 23:55Z")
True
"""

import re
from datetime import UTC, datetime, timedelta

from streams.errors import ConfigError

__all__ = ["instant_ns", "instant_text"]

_FORM = re.compile(r"(?P<whole>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)(?P<part>\.\d{1,9})?(?P<zone>Z|[+-]\d\d:?\d\d)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_NS = (1 << 63) - 1


def instant_ns(text: str, option: str = "") -> int:
    """Nanoseconds since 1970 UTC of a date, or date and time, to nine digits of a second, with an offset or in UTC. ConfigError for none.

    option : where the text was given, such as `--from`, for the error
    """
    where = f"{option} {text}" if option else repr(text)
    found = _FORM.fullmatch(text.strip())
    if found is None or (found["part"] and found["whole"].count(":") < 2):
        raise ConfigError(f"{where}: is no time; write UTC as 2024-08-08T23:55, 2024-08-08T23:55:10.25 or 2024-08-08")
    try:
        zone = (found["zone"] or "Z").replace("Z", "+00:00")
        at = datetime.fromisoformat(found["whole"] + (zone if ":" in found["whole"] else f"T00:00{zone}"))
    except ValueError as error:
        raise ConfigError(f"{where}: is no time: {error}") from None
    part_ns = int((found["part"] or ".0")[1:].ljust(9, "0"))
    at_ns = (at - _EPOCH) // timedelta(seconds=1) * 10**9 + part_ns
    if not 0 <= at_ns <= _MOST_NS:
        raise ConfigError(f"{where}: is out of range; times are from 1970-01-01 to 2262-04-11")
    return at_ns


def instant_text(at_ns: int) -> str:
    """The instant in UTC, to the nanosecond where it needs it.

    >>> instant_text(1_723_161_300_000_000_000), instant_text(1_723_161_300_000_000_001)
    ('2024-08-08T23:55:00', '2024-08-08T23:55:00.000000001')
    """
    seconds, part_ns = divmod(at_ns, 10**9)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{part_ns:09d}".rstrip("0") if part_ns else text
