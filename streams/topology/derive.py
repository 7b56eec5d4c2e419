"""What follows from a topology: topics with their settings, names, and the records that agents decide by. Pure but for model files."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from streams.agents.model_file import MODEL, hash_of
from streams.control.settings import TABLES, changelog, group_of
from streams.lanes.bus import TopicSpec
from streams.lanes.control import COMMANDS, CONTROL_TOPICS
from streams.records import FeeRounding, Instrument, InstrumentType, Limit, NameKind, Param, Rule, Shard, ShardKind
from streams.schema import model
from streams.topology.classes import load_class, parameters
from streams.topology.instances import writer_names
from streams.topology.limit_check import scope_name, scopes_of
from streams.topology.limit_records import fields_of
from streams.topology.model import Limits, Topology

__all__ = ["changelogs", "instruments", "limits", "names", "param", "params", "scopes", "shards", "topics"]

_DAY_MS = 86_400_000
_DAYS = {"d": 1, "y": 365}
_MAX_MESSAGE_BYTES = "1048588"  # the broker's default, said so that a cluster with another one takes our records too
_ONE_PARTITION = (*CONTROL_TOPICS, COMMANDS, "alerts.v1", "audit.v1")
_KINDS = {"desk": NameKind.DESK, "trader": NameKind.TRADER}
_RANKS = ("firm", "desk", "trader", "account")
_NO_ID: dict[str, Any] = {"id": 0, "cause_id": 0, "run_id": 0, "ts_ns": 0, "recv_ts_ns": 0}


def topics(topology: Topology, replication: int = 1) -> list[TopicSpec]:
    """Every topic and its dead-letter topic: partition = shard, kept as its schema says."""
    found = []
    for topic, schema in model.BY_TOPIC.items():
        if "*" in topic:
            continue
        partitions = 1 if topic in _ONE_PARTITION else topology.shard_count
        found.append(TopicSpec(topic, partitions, _configs(schema.retention), replication))
        found.append(TopicSpec(f"{topic}{model.DLQ}", partitions, _configs(model.BY_TOPIC["*" + model.DLQ].retention), replication))
    return found


def changelogs(topology: Topology, replication: int = 1) -> list[TopicSpec]:
    """The changelog of each table of the control plane: small segments, so that it stays as short as its table when that starts again."""
    configs = {"cleanup.policy": "compact", "segment.ms": "600000", "segment.bytes": "16777216", "min.cleanable.dirty.ratio": "0.1"}
    return [TopicSpec(changelog(group_of(topology.name), table), 1, configs, replication) for table in TABLES]


def _configs(retention: str) -> dict[str, str]:
    """Kafka's settings for a retention such as `7d`, `7y`, `forever`, `compact`. Its time stamp is the time of ingest, so that an old
    recording that is played today is not deleted as old."""
    configs = {"max.message.bytes": _MAX_MESSAGE_BYTES, "message.timestamp.type": "LogAppendTime"}
    if retention == "compact":
        return configs | {"cleanup.policy": "compact", "retention.ms": "-1"}
    kept_ms = -1 if retention == "forever" else int(retention[:-1]) * _DAYS[retention[-1]] * _DAY_MS
    return configs | {"cleanup.policy": "delete", "retention.ms": str(kept_ms)}


def names(topology: Topology) -> list[tuple[NameKind, str]]:
    """Everything that the dictionary numbers, scopes from the root down."""
    found: list[tuple[NameKind, str]] = [(NameKind.VENUE, venue) for venue in topology.venues]
    found += [(NameKind.CURRENCY, c) for i in topology.instruments.values() for c in (i.base, i.quote)]
    found += [(NameKind.INSTRUMENT, name) for name in topology.instruments]
    found += [(NameKind.SECTOR, i.sector) for i in topology.instruments.values() if i.sector is not None]
    found += [(NameKind.CLUSTER, i.cluster) for i in topology.instruments.values() if i.cluster is not None]
    found += [(_KINDS[kind], name) for scope, _, _ in scopes(topology) for kind, _, name in [scope.partition(":")] if kind in _KINDS]
    found += [(NameKind.SCOPE, scope) for scope, _, _ in scopes(topology)]
    found += [(NameKind.ACCOUNT, account) for account in topology.accounts]
    found += [(NameKind.STRATEGY, strategy) for strategy in topology.strategies]
    found += [(NameKind.METRIC, metric) for entry in topology.strategies.values() for metric in load_class(entry.path).metrics]
    found += [(NameKind.WRITER, writer) for writer in writer_names(topology)]
    return list(dict.fromkeys(found))


def scopes(topology: Topology) -> Iterator[tuple[str, str | None, Limits]]:
    """(scope, scope above, its limits), parents before children: the firm, desks, traders, accounts."""
    limits = {scope_name(keys): found for keys, found in scopes_of(topology)}
    told: list[str] = []
    for scope in limits:
        chain: list[str] = []
        above: str | None = scope
        while above is not None and above not in told:
            chain.append(above)
            above = topology.parent(above)
        told += reversed(chain)
    for scope in sorted(told, key=lambda scope: _RANKS.index(scope.partition(":")[0])):
        yield scope, topology.parent(scope), limits.get(scope, Limits())


def instruments(topology: Topology) -> list[Instrument]:
    """The rules of each instrument; `valid_from_ns` 0: since ever. Ids and times are for the writer to fill."""
    found = []
    for name, i in topology.instruments.items():
        venue, _, symbol = name.partition(":")
        found.append(
            Instrument(
                **_NO_ID,
                venue=venue,
                symbol=symbol,
                instrument_type=InstrumentType[i.type],
                base=i.base,
                quote=i.quote,
                tick_e9=i.tick_e9,
                lot_e9=i.lot_e9,
                multiplier_e9=i.multiplier_e9,
                maker_fee_e9=i.maker_fee_e9,
                taker_fee_e9=i.taker_fee_e9,
                min_qty_e9=i.lot_e9 if i.min_qty_e9 is None else i.min_qty_e9,
                max_qty_e9=i.max_qty_e9,
                min_notional=_money(i.min_notional_e9),
                money_scale=i.money_scale,
                fee_rounding=FeeRounding[i.fee_rounding],
                valid_from_ns=0,
                sector=i.sector,
                cluster=i.cluster,
                beta_e9=i.beta_e9,
            )
        )
    return found


def shards(topology: Topology) -> list[Shard]:
    """The shard of each instrument and each account."""
    found = [Shard(**_NO_ID, kind=ShardKind.INSTRUMENT, name=name, shard=topology.shard(name)) for name in topology.instruments]
    return found + [Shard(**_NO_ID, kind=ShardKind.ACCOUNT, name=name, shard=topology.shard(name)) for name in topology.accounts]


def limits(topology: Topology) -> list[Limit]:
    """The limits of every scope, parents first. A scope without limits gets one empty one, which tells of its parent."""
    found: list[Limit] = []
    for scope, parent, wanted in scopes(topology):
        given = [Limit(**_NO_ID, scope=scope, parent=parent, **fields) for fields in fields_of(topology, wanted)]
        found += given or [Limit(**_NO_ID, scope=scope, parent=parent, rule=Rule.ORDER_SIZE)]
    return found


def params(topology: Topology) -> list[Param]:
    """The parameters that the file sets; the others keep the default of the strategy's class."""
    found = []
    for strategy, entry in topology.strategies.items():
        kinds = parameters(load_class(entry.path))
        found += [param(strategy, name, kinds[name], value) for name, value in entry.params.items()]
        if entry.model is not None:
            found.append(param(strategy, MODEL, str, hash_of(entry.model)))
    return found


def param(strategy: str, name: str, kind: type, value: Any) -> Param:
    """One parameter, in the field of its type."""
    if kind is float:
        return Param(**_NO_ID, strategy=strategy, name=name, value_double=float(value))
    if kind is str:
        return Param(**_NO_ID, strategy=strategy, name=name, value_text=str(value))
    return Param(**_NO_ID, strategy=strategy, name=name, value_long=int(value))


def _money(value_e9: int) -> Decimal:
    return Decimal(value_e9).scaleb(-9)
