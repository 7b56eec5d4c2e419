"""Batches in: everything that is there of the assigned partitions, as columns."""

import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from streams.errors import LaneError
from streams.lanes.client import client_settings, consumer_settings, explain, tell_error
from streams.lanes.librdkafka import library
from streams.lanes.librdkafka_consumer import Event, Held, NativeConsumer
from streams.lanes.messages import Messages
from streams.lanes.place import Place
from streams.lanes.stock_consumer import StockConsumer

__all__ = ["BulkConsumer"]

_COMMITTED_S, _COMMITTED_STEP_MS = 30.0, 2_000
_PASSING = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)  # librdkafka connects again by itself


class BulkConsumer:
    """Reads assigned partitions: committed records only, nothing committed by itself, ends of partitions are told.

    group      : whose committed offsets `committed` gives; no member of it ever joins
    settings   : overrides single librdkafka settings
    places     : (topic, partition) of what is assigned, in the order given; `Messages.place` counts in it
    statistics : the last of librdkafka's (`statistics.interval.ms` in settings), empty before
    """

    def __init__(self, bootstrap: str, group: str = "", settings: Mapping[str, Any] | None = None) -> None:
        self.bootstrap = bootstrap
        own = {**client_settings(bootstrap), **consumer_settings(group or "millrace"), "enable.partition.eof": True, **(settings or {})}
        lib = library()
        try:
            self._driver = NativeConsumer(lib, own) if lib else StockConsumer(own)
        except KafkaException as error:
            raise explain(error, bootstrap, "opening a consumer") from None
        self._fault: LaneError | None = None

    def __enter__(self) -> "BulkConsumer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def places(self) -> tuple[Place, ...]:
        return self._driver.places

    @property
    def statistics(self) -> dict[str, Any]:
        return self._driver.statistics

    def assign(self, positions: Mapping[Place, int]) -> None:
        """Fetch from these offsets instead of what was assigned before. Ends the life of messages taken."""
        try:
            self._driver.assign(positions)
        except KafkaException as error:
            raise explain(error, self.bootstrap, "assigning partitions") from None

    def take(self, rows: int, wait_s: float) -> Messages:
        """All that is there, at most `rows` (> 0); waits up to `wait_s` for the first only, and returns early when only an end was met.

        LaneError: a partition cannot be read. What came before the fault is given first, the next call raises.
        """
        if self._fault is not None:
            raise self._fault
        try:
            messages, events = self._driver.take(rows, math.ceil(wait_s * 1000))
        except KafkaException as error:
            raise explain(error, self.bootstrap, "reading") from None
        for event in events:
            self._note(event, messages)
        if self._fault is not None and not messages.count:
            raise self._fault
        return messages

    def committed(self, places: Iterable[Place]) -> dict[Place, int]:
        """The group's committed offsets, where there are any. Waits for a transaction that is being settled; LaneError after 30 s."""
        return {place: offset for place, offset, _, _ in self._held(places)}

    def notes(self, places: Iterable[Place]) -> dict[Place, str]:
        """The metadata that stands beside the group's committed offsets; "" where there is none."""
        return {place: note or "" for place, _, note, _ in self._held(places)}

    def ends(self) -> dict[Place, int]:
        """The end of each assigned partition as the broker last told; partitions of which it told nothing yet are missing."""
        found = {place: self._driver.end(place) for place in self.places}
        return {place: end for place, end in found.items() if end >= 0}

    def close(self) -> None:
        """Free the client and the messages taken. A second call does nothing."""
        self._driver.close()

    def _held(self, places: Iterable[Place]) -> list[Held]:
        asked, until_s = list(places), time.monotonic() + _COMMITTED_S
        while True:
            try:
                found = self._driver.committed(asked, _COMMITTED_STEP_MS)
                break
            except KafkaException as error:  # asked again: a signal is seen, and the coordinator is looked for anew
                if error.args[0].code() not in (*_PASSING, KafkaError._TIMED_OUT) or time.monotonic() > until_s:
                    raise explain(error, self.bootstrap, "reading committed offsets") from None
        for place, _, _, error in found:
            if error is not None:
                raise explain(error, self.bootstrap, f"reading the committed offset of {place[0]}[{place[1]}]")
        return [held for held in found if held[1] >= 0]

    def _note(self, event: Event, messages: Messages) -> None:
        error, place, offset = event
        if error.code() == KafkaError._PARTITION_EOF and place is not None:
            messages.ends[place] = offset
        elif error.code() and error.code() not in _PASSING:  # code 0: of a partition that was taken away meanwhile
            tell_error(error)
            doing = f"reading {place[0]}[{place[1]}]" if place else "reading"
            self._fault = self._fault or explain(error, self.bootstrap, doing)
