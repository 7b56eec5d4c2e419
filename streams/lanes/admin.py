"""Topics of a cluster: which there are, making the missing ones."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from streams.lanes.client import common_config, explain
from streams.lanes.messages import Place

__all__ = ["TopicSpec", "create_topics", "kept_offsets", "list_topics", "open_admin", "topic_configs"]

_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class TopicSpec:
    """A topic to be made: name, partitions (= shards), Kafka settings such as retention.ms, copies of each partition."""

    name: str
    partitions: int = 1
    configs: Mapping[str, str] = field(default_factory=dict)
    replication: int = 1


def open_admin(bootstrap: str) -> AdminClient:
    """An admin client; keep it until the last result is in."""
    return AdminClient(common_config(bootstrap))


def list_topics(bootstrap: str) -> dict[str, int]:
    """Number of partitions by topic name. Raises LaneError when the broker does not answer within 20 s."""
    try:
        topics = open_admin(bootstrap).list_topics(timeout=_TIMEOUT_S).topics
    except KafkaException as error:
        raise explain(error, bootstrap, "listing topics") from None
    return {name: len(topic.partitions) for name, topic in sorted(topics.items()) if not name.startswith("__")}


def kept_offsets(admin: AdminClient, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
    """(first offset kept, offset after the last record) of each partition, open transactions included; none of those without leader."""
    asked = [TopicPartition(*place) for place in places]
    specs: Any = OffsetSpec.earliest(), OffsetSpec.latest()
    answers = [_offsets(admin, asked, spec) for spec in specs] if asked else [{}, {}]
    return {place: (answers[0][place], answers[1][place]) for place in answers[0] if place in answers[1]}


def create_topics(bootstrap: str, specs: Iterable[TopicSpec]) -> list[str]:
    """Make the topics that do not exist; the names of those made. An existing topic is left as it is."""
    new = [NewTopic(s.name, num_partitions=s.partitions, replication_factor=s.replication, config=dict(s.configs)) for s in specs]
    if not new:
        return []
    admin, made = open_admin(bootstrap), []
    for name, future in admin.create_topics(new, operation_timeout=_TIMEOUT_S, request_timeout=_TIMEOUT_S).items():
        try:
            future.result()
            made.append(name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise explain(error, bootstrap, f"creating topic {name}") from None
    return made


def topic_configs(bootstrap: str, topics: Iterable[str]) -> dict[str, dict[str, str]]:
    """The Kafka settings of each topic, by topic and setting."""
    resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    admin, found = open_admin(bootstrap), {}
    for resource, future in admin.describe_configs(resources, request_timeout=_TIMEOUT_S).items() if resources else ():
        try:
            found[resource.name] = {name: entry.value for name, entry in future.result().items()}
        except KafkaException as error:
            raise explain(error, bootstrap, f"reading the settings of {resource.name}") from None
    return found


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[Place, int]:
    asked: dict[TopicPartition, OffsetSpec] = dict.fromkeys(places, spec)
    found = {}
    for at, future in admin.list_offsets(asked, request_timeout=_TIMEOUT_S).items():
        with contextlib.suppress(KafkaException):
            found[at.topic, at.partition] = future.result().offset
    return found
