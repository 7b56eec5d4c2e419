"""What follows from a topology: topics with their settings, names, and the records that agents decide by. Pure but for model files."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from streams.agents.model_file import MODEL, hash_of
from streams.lanes.bus import TopicSpec
from streams.lanes.control import COMMANDS, CONTROL_TOPICS
from streams.records import FeeRounding, Instrument, InstrumentType, Limit, NameKind, Param, Rule, Shard, ShardKind
from streams.schema import model
from streams.topology.classes import load_class, parameters
from streams.topology.instances import writer_names
from streams.topology.model import Limits, Topology

__all__ = ["instruments", "limits", "names", "param", "params", "scopes", "shards", "topics"]

_DAY_MS = 86_400_000
_DAYS = {"d": 1, "y": 365}
_MAX_MESSAGE_BYTES = "1048588"  # the broker's default, said so that a cluster with another one takes our records too
_ONE_PARTITION = (*CONTROL_TOPICS, COMMANDS, "alerts.v1", "audit.v1")
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
    found += [(NameKind.DESK, desk) for desk in _desks(topology)]
    found += [(NameKind.SCOPE, scope) for scope, _, _ in scopes(topology)]
    found += [(NameKind.ACCOUNT, account) for account in topology.accounts]
    found += [(NameKind.STRATEGY, strategy) for strategy in topology.strategies]
    found += [(NameKind.METRIC, metric) for entry in topology.strategies.values() for metric in load_class(entry.path).metrics]
    found += [(NameKind.WRITER, writer) for writer in writer_names(topology)]
    return list(dict.fromkeys(found))


def _desks(topology: Topology) -> dict[str, Limits]:
    found = {name: desk.limits for name, desk in topology.desks.items()}
    for account in topology.accounts.values():
        found.setdefault(account.desk, Limits())
    return found


def scopes(topology: Topology) -> Iterator[tuple[str, str | None, Limits]]:
    """(scope, scope above, its limits), parents before children: the firm, desks, accounts."""
    yield "firm", None, topology.firm.limits
    for name, desk_limits in _desks(topology).items():
        yield f"desk:{name}", "firm", desk_limits
    for name, account in topology.accounts.items():
        yield f"account:{name}", f"desk:{account.desk}", account.limits


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
        given = [Limit(**_NO_ID, scope=scope, parent=parent, **fields) for fields in _limits_of(topology, wanted)]
        found += given or [Limit(**_NO_ID, scope=scope, parent=parent, rule=Rule.ORDER_SIZE)]
    return found


def _limits_of(topology: Topology, limits: Limits) -> Iterator[dict[str, Any]]:
    for amounts, rules in ((limits.order_size, (Rule.ORDER_SIZE,)), (limits.position, (Rule.LONG, Rule.SHORT))):
        for amount in amounts:
            for name, instrument in topology.instruments.items():
                venue, _, symbol = name.partition(":")
                if instrument.base == amount.unit:
                    for rule in rules:
                        yield {"rule": rule, "venue": venue, "symbol": symbol, "limit_qty_e9": amount.value_e9}
    for money, rule in (
        (limits.order_notional, Rule.ORDER_NOTIONAL),
        (limits.gross, Rule.GROSS),
        (limits.open_notional, Rule.OPEN_NOTIONAL),
        (limits.daily_loss, Rule.DAILY_LOSS),
    ):
        if money is not None:
            yield {"rule": rule, "limit_money": _money(money.value_e9)}
    if limits.open_orders is not None:
        yield {"rule": Rule.OPEN_ORDERS, "limit_count": limits.open_orders}
    if limits.order_rate is not None:
        yield {"rule": Rule.ORDER_RATE, "limit_count": limits.order_rate.count, "interval_ns": limits.order_rate.interval_ns}
    if limits.collar is not None:
        yield {"rule": Rule.COLLAR, "limit_bps": limits.collar}


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
