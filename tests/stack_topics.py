"""Topics of a stack that tests share: whoever comes first makes them, whoever needs more partitions adds them."""

import time
from collections.abc import Mapping

from confluent_kafka.admin import NewPartitions

from streams.lanes.bus import TopicSpec, create_topics, list_topics, open_admin

__all__ = ["make_topics"]

_BOUND_S = 120.0  # a broker makes hundreds of partitions, beside other work
_POLL_S = 0.1


def make_topics(kafka: str, partitions: Mapping[str, int]) -> None:
    """Each topic has at least so many partitions when this returns, and each of them has a leader."""
    made = create_topics(kafka, [TopicSpec(topic, count) for topic, count in partitions.items()])
    there = list_topics(kafka)
    small = [NewPartitions(topic, count) for topic, count in partitions.items() if topic not in made and there.get(topic, 0) < count]
    if not made and not small:
        return
    admin = open_admin(kafka)
    for future in admin.create_partitions(small).values() if small else ():
        future.result()
    until_s = time.monotonic() + _BOUND_S
    while waiting := _without_leader(admin.list_topics(timeout=_BOUND_S).topics, partitions):
        assert time.monotonic() < until_s, f"no leader after {_BOUND_S:.0f} s: {', '.join(waiting[:5])}"
        time.sleep(_POLL_S)


def _without_leader(there: Mapping[str, object], partitions: Mapping[str, int]) -> list[str]:
    found = []
    for topic, count in partitions.items():
        places = getattr(there.get(topic), "partitions", {})
        found += [f"{topic}[{p}]" for p in range(count) if p not in places or places[p].error is not None or places[p].leader < 0]
    return found
