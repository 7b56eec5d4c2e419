"""A partition from an offset up to its end now, in batches."""

from collections.abc import Iterator

from streams.errors import LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bus import TRANSACTION_TIMEOUT_MS, end_offset
from streams.lanes.messages import Messages, Place

__all__ = ["read_up_to_now"]

_ROWS = 10_000
_STALL_S = TRANSACTION_TIMEOUT_MS / 1000 + 20.0


def read_up_to_now(kafka: str, place: Place, start: int) -> Iterator[Messages]:
    """Every committed record from `start` up to what is the end when it is called, at least; each batch is valid until the next.

    Records of an open transaction below that end are waited for: their writer or the broker settles it within seconds, else LaneError.
    """
    end = end_offset(kafka, *place)
    if start >= end:
        return
    with BulkConsumer(kafka, settings={"fetch.wait.max.ms": 10}) as consumer:
        consumer.assign({place: start})
        done = False
        while not done:
            messages = consumer.take(_ROWS, _STALL_S)
            if not len(messages) and place not in messages.ends:
                raise LaneError(f"kafka {kafka}: {place[0]}[{place[1]}]: no record below offset {end} within {_STALL_S:.0f} s")
            done = messages.ends.get(place, 0) >= end or (len(messages) > 0 and int(messages.offset[-1]) >= end - 1)
            yield messages
            messages.release()
