"""`millrace apply`: make what a topology needs and is not there. Nothing is ever deleted; applying twice changes nothing."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from confluent_kafka import KafkaException

from streams.agents.model_file import keep_model
from streams.config import Endpoints
from streams.errors import TopologyError
from streams.lanes.bus import Sender, TopicSpec, create_topics, explain, list_topics, open_admin, topic_configs
from streams.lanes.control import Control, read_control
from streams.lanes.registry import SchemaIds, subject_of
from streams.lanes.replaced import key_of
from streams.lanes.wire import Wire
from streams.lanes.writers import writer_name
from streams.records import NameKind
from streams.schema import ids, model
from streams.schema.dictionary import Dictionary
from streams.sinks.inserter import ensure_tables
from streams.sinks.query import connect
from streams.topology import derive
from streams.topology.changes import Change, is_same, with_defaults, with_lifted
from streams.topology.instances import models_folder
from streams.topology.model import Topology

__all__ = ["Applied", "apply"]

Say = Callable[[str], None]
_CALLS = 8
_FIRST_ANSWER_S = 10.0


class Applied(NamedTuple):
    """How much there is, and how much of it `apply` made or changed."""

    topics: int
    tables: int
    changes: int


def apply(topology: Topology, where: Endpoints, say: Say = print) -> Applied:
    """Create missing topics, subjects and tables, write names, shards, instruments, limits and parameters that are new or changed.

    say gets one line a change, in the form of a plan: `+ topic  fills.v1  partitions=1 ...`.
    """
    topics = derive.topics(topology, _replication(where.kafka))
    logs = derive.changelogs(topology, topics[0].replication)
    changes = _topics([*topics, *logs], where.kafka, say)
    changes += _subjects(topics, where.registry, say)
    tables, made = _tables(topology, where, say)
    changes += made
    for strategy in topology.strategies.values():
        if strategy.model is not None:
            keep_model(strategy.model, models_folder())
    changes += _records(topology, where, say)
    return Applied(len(topics) + len(logs), tables, changes)


def _replication(kafka: str) -> int:
    """Copies of each topic: one a broker, three at most. The first question to the broker: LaneError when it does not answer."""
    try:
        return min(3, len(open_admin(kafka).list_topics(timeout=_FIRST_ANSWER_S).brokers))
    except KafkaException as error:
        raise explain(error, kafka, "looking for brokers") from None


def _topics(topics: list[TopicSpec], kafka: str, say: Say) -> int:
    there = list_topics(kafka)
    for topic in topics:
        if topic.name in there and there[topic.name] < topic.partitions:
            raise TopologyError(
                f"topic {topic.name} has {there[topic.name]} partitions, the topology needs {topic.partitions} (one a shard): "
                f"a topic never changes its partitions; use fewer shards, or another cluster"
            )
    missing = {topic.name: topic for topic in topics if topic.name not in there}
    for name in create_topics(kafka, missing.values()):
        topic = missing[name]
        kept = "compacted" if topic.configs["cleanup.policy"] == "compact" else _kept(int(topic.configs["retention.ms"]))
        schema = "" if name.endswith("-changelog") else f" schema={_schema_file(name)}"
        say(f"+ topic   {name:<26} partitions={topic.partitions} kept={kept}{schema}")
    configs = topic_configs(kafka, [name for name in ("snapshots.v1",) if name in there])
    for name, config in configs.items():
        if config.get("cleanup.policy") != "compact":
            raise TopologyError(f"topic {name} is not compacted, its settings were changed; set cleanup.policy=compact")
    return len(missing)


def _schema_file(topic: str) -> str:
    name = model.for_topic(topic).name
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_") + ".avsc"


def _kept(retention_ms: int) -> str:
    return "forever" if retention_ms < 0 else f"{retention_ms // 86_400_000}d"


def _subjects(topics: list[TopicSpec], registry: str, say: Say) -> int:
    """Register every schema its subject does not hold; each call is a few ms of waiting, so several at a time."""
    schema_ids = SchemaIds(registry)
    schema_ids.id_or_none(topics[0].name)  # a registry that is away is told of once
    with ThreadPoolExecutor(_CALLS) as pool:
        made = [topic.name for topic, new in zip(topics, pool.map(lambda t: _register(schema_ids, t.name), topics), strict=True) if new]
    for topic in made:
        say(f"+ subject {subject_of(topic)}")
    return len(made)


def _register(schema_ids: SchemaIds, topic: str) -> bool:
    if schema_ids.id_or_none(topic) is not None:
        return False
    schema_ids.register(topic)
    return True


def _tables(topology: Topology, where: Endpoints, say: Say) -> tuple[int, int]:
    if not topology.sinks.clickhouse:
        return 0, 0
    client = connect(where.clickhouse)
    try:
        made = ensure_tables(client, where.database)
        for name in made:
            say(f"+ {'column' if '.' in name else 'table '}  {where.database}.{name}")
        return len(model.SCHEMAS), len(made)
    finally:
        client.close()


class _Writer:
    """Writes control records under the number of this tool's own writers, with random sequences."""

    def __init__(self, kafka: str, wire: Wire) -> None:
        self.sender, self.wire = Sender(kafka), wire
        self.numbers: dict[str, int] = {}

    def write(self, topic: str, record: Any) -> None:
        id = ids.make(self.numbers[writer_name("apply", 0, topic)], 1 + secrets.randbelow(ids.MAX_SEQUENCE))
        self.sender.send(topic, 0, self.wire.encode(topic, record._replace(id=id, ts_ns=time.time_ns())))


def _records(topology: Topology, where: Endpoints, say: Say) -> int:
    wire = Wire(SchemaIds(where.registry))
    control = read_control(where.kafka, wire)
    writer = _Writer(where.kafka, wire)
    changes = _names(topology, control, writer, say)
    for topic, current, wanted in (
        ("shards.v1", _shards_now(control), derive.shards(topology)),
        ("instruments.v1", {key_of(i): i for i in control.instruments}, derive.instruments(topology)),
        ("limits.v1", {key_of(one): one for one in control.limits}, with_lifted(topology, control)),
        ("params.v1", {key_of(p): p for p in control.params}, with_defaults(topology, control)),
    ):
        for record in wanted:
            known = current.get(key_of(record))
            if known is not None and is_same(known, record):
                continue
            if topic == "instruments.v1" and known is not None:
                record = record._replace(valid_from_ns=time.time_ns())
            writer.write(topic, record)
            changes += 1
            say(str(Change(known, record)))
    writer.sender.flush()
    return changes


def _names(topology: Topology, control: Control, writer: _Writer, say: Say) -> int:
    dictionary = Dictionary(control.epoch or int(time.time()))
    for name in control.names:
        dictionary.on_name(name)
    new = [record for kind, name in derive.names(topology) if (record := dictionary.add(kind, name)) is not None]
    writer.numbers = dictionary.numbers(NameKind.WRITER)
    for record in new:
        writer.write("names.v1", record)
    for kind in NameKind:
        added = [record.name for record in new if record.kind == kind]
        if added:
            shown = ", ".join(added) if len(added) <= 4 else f"{', '.join(added[:3])} and {len(added) - 3} more"
            say(f"+ name    {kind.name.lower()}: {shown}")
    return len(new)


def _shards_now(control: Control) -> dict[Any, Any]:
    return {("Shard", kind, name): shard for (kind, name), shard in control.shards.items()}
