"""The topology file: what runs where, frozen and typed. `load` reads one and tells every fault at once."""

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from streams.errors import UnitError
from streams.topology import quantity
from streams.topology.check import check
from streams.topology.limits import Limits
from streams.topology.listed import LISTED
from streams.topology.part import InstrumentName, Name, Part, exactly
from streams.topology.seat import Place, Seat
from streams.topology.settings import apply_settings
from streams.topology.simulation import Simulation
from streams.topology.source import Keys, Source, nearest, read

__all__ = [
    "Account",
    "Desk",
    "FastLane",
    "Firm",
    "Instrument",
    "Limits",
    "Process",
    "Sinks",
    "Strategy",
    "Topology",
    "Trader",
    "Venue",
    "load",
]


_MIN_COMMIT_NS, _MAX_COMMIT_NS = 10**6, 10**9


def _price(value: object) -> int:
    found = quantity.to_e9(value)
    if found == 0:
        raise UnitError("0 is out of range; it must be more than 0")
    return found


def _notional(value: object) -> int:
    return quantity.to_e9(value)


def _fee(value: object) -> int:
    """Fees may be rebates: a leading minus is kept."""
    found = quantity.signed_e9(value)
    if abs(found) >= 10**9:
        raise UnitError(f"{value} is no fraction of the notional; 0.0005 is 5 basis points")
    return found


def _beta(value: object) -> int:
    found = quantity.signed_e9(value)
    if abs(found) > 4 * 10**9:
        raise UnitError(f"{value} is out of range; a beta is -4 to 4")
    return found


def _commit(value: object) -> int:
    found = quantity.duration_ns(value)
    if not _MIN_COMMIT_NS <= found <= _MAX_COMMIT_NS:
        raise UnitError(f"{value!r} is out of range; records may gather for 1 ms to 1 s")
    return found


E9 = Annotated[int, exactly(quantity.to_e9)]
PositiveE9 = Annotated[int, exactly(_price)]
FeeE9 = Annotated[int, exactly(_fee)]
CommitNs = Annotated[int, exactly(_commit)]


class Venue(Part):
    """One venue: where its market data comes from, and who answers the orders."""

    kind: Literal["binance-usdm", "binance-coinm", "binance-spot"]
    mode: Literal["paper"] = "paper"
    """paper: real market data, simulated answers."""
    feed: Literal["recording", "socket"] = "recording"
    recordings: tuple[str, ...] = ()
    """Files for `feed: recording`; `millrace run --recording` overrides them."""
    ws_url: str | None = None
    rest_url: str | None = None
    simulation: Simulation = Simulation()


class Instrument(Part):
    """What is traded. Prices, sizes and fees are x 10^9."""

    base: str = Field(pattern=r"^[A-Z0-9]+$")
    quote: str = Field(pattern=r"^[A-Z0-9]+$")
    type: Literal["SPOT", "LINEAR", "INVERSE"] = "LINEAR"
    tick_e9: PositiveE9 = Field(alias="tick")
    lot_e9: PositiveE9 = Field(alias="lot")
    multiplier_e9: PositiveE9 = Field(alias="multiplier", default=10**9)
    maker_fee_e9: FeeE9 = Field(alias="maker_fee", default=0)
    taker_fee_e9: FeeE9 = Field(alias="taker_fee", default=0)
    min_qty_e9: E9 | None = Field(alias="min_qty", default=None)
    max_qty_e9: PositiveE9 = Field(alias="max_qty", default=10**15)
    min_notional_e9: Annotated[int, exactly(_notional)] = Field(alias="min_notional", default=0)
    money_scale: int = Field(default=8, ge=0, le=9)
    fee_rounding: Literal["HALF_UP", "UP"] = "HALF_UP"
    sector: Name | None = None
    """Limits `sector` add up what is held in it."""
    cluster: Name | None = None
    """Limits `correlated` add up what is held in it, weighted by beta."""
    beta_e9: Annotated[int, exactly(_beta)] = Field(alias="beta", default=10**9)

    @property
    def currency(self) -> str:
        """Currency of profit, loss and fees: the quote, for an inverse contract the base."""
        return self.base if self.type == "INVERSE" else self.quote


class Firm(Part):
    """Above all desks: limits that every account shares."""

    limits: Limits = Limits()


class Desk(Part):
    """A desk: limits that its accounts share. It stands under another desk, or under the firm."""

    parent: Name | None = None
    limits: Limits = Limits()


class Trader(Part):
    """A trader of a desk: limits that the accounts of one person share."""

    desk: Name = "desk"
    limits: Limits = Limits()


class Account(Part):
    """An account at the venues, under a desk, or under a trader and so under that trader's desk."""

    desk: Name | None = None
    trader: Name | None = None
    limits: Limits = Limits()


def _param(value: object) -> object:
    """A parameter that can be one: a NaN would compare false with everything, and trade."""
    if not isinstance(value, bool | int | Decimal | str) or (isinstance(value, Decimal) and not value.is_finite()):
        raise UnitError(f"{value} is no parameter; write a number, true, false or a text")
    return value


class Strategy(Part):
    """A strategy on an account: a class, its instruments, its parameters, and the model file of a class with compiled = False."""

    path: str = Field(alias="class", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    account: Name
    instruments: tuple[InstrumentName, ...] = Field(min_length=1)
    params: dict[str, Annotated[bool | int | Decimal | str, exactly(_param)]] = Field(default_factory=dict)
    model: str | None = None


class Process(Seat):
    """Agents that pass records to each other in memory, in the order listed, on one lane.

    lane: kafka = topics in, topics out; fast = rings of shared memory, and a mirror that writes the topics (docs/fast-lane.md).
    strategies: those that run here and nowhere else; () = all that no other process names.
    commit: how long records gather for one transaction (docs/kafka-lane.md): less is sooner, more is cheaper for the broker; on the
        fast lane that of the mirror counts.
    standby: a second instance follows each one and takes over when it ends; it costs the same memory and processor time again.
    """

    lane: Literal["kafka", "fast"] = "kafka"
    agents: tuple[str, ...] = Field(min_length=1)
    strategies: tuple[Name, ...] = ()
    commit_ns: CommitNs = Field(alias="commit", default=5 * 10**6)
    standby: bool = False
    sizes: dict[str, Annotated[int, Field(gt=0, lt=2**31)]] = Field(default_factory=dict)


class Mirror(Place):
    """The process that writes what the fast lane does to topics. commit: how long records gather for one transaction."""

    commit_ns: CommitNs = Field(alias="commit", default=20 * 10**6)


class FastLane(Part):
    """What the processes of the fast lane share, and the seats of those that no process of the file stands for.

    ring_mib: memory of each of the five large rings of a shard, MiB. Half of one not yet in topics stops new orders.
    huge_pages: rings lie in pages of 2 MiB, where the host gives them
    """

    ring_mib: Annotated[int, exactly(quantity.mebibytes)] = Field(alias="ring", default=64)
    huge_pages: bool = False
    gateway: Seat = Seat()
    mirror: Mirror = Mirror()


class Sinks(Part):
    """Where topics are kept for analysis."""

    clickhouse: Literal["all"] | tuple[str, ...] = "all"


class Topology(Part):
    """A whole topology file."""

    name: Name
    venues: dict[Name, Venue] = Field(min_length=1)
    instruments: dict[InstrumentName, Instrument] = Field(min_length=1)
    firm: Firm = Firm()
    desks: dict[Name, Desk] = Field(default_factory=dict)
    traders: dict[Name, Trader] = Field(default_factory=dict)
    accounts: dict[Name, Account] = Field(min_length=1)
    strategies: dict[Name, Strategy] = Field(default_factory=dict)
    processes: dict[Name, Process] = Field(min_length=1)
    fast: FastLane = FastLane()
    sinks: Sinks = Sinks()
    shards: dict[str, Annotated[int, Field(ge=0, lt=1024)]] = Field(default_factory=dict)
    """Shard of an instrument or an account; 0 for those not named."""
    path: str = Field(default="", exclude=True)

    def parent(self, scope: str) -> str | None:
        """The scope above one: account < trader < desk < ... < firm; None for the firm. An account that says nothing stands under desk
        `desk`."""
        kind, _, name = scope.partition(":")
        if kind == "account":
            account = self.accounts[name]
            return f"trader:{account.trader}" if account.trader is not None else f"desk:{account.desk or 'desk'}"
        if kind == "trader":
            return f"desk:{self.traders.get(name, Trader()).desk}"
        if kind == "desk":
            desk = self.desks.get(name, Desk())
            return "firm" if desk.parent is None else f"desk:{desk.parent}"
        return None

    def chain(self, scope: str) -> list[str]:
        """A scope and those above it, the firm last; desks that stand under themselves end it."""
        found: list[str] = []
        above: str | None = scope
        while above is not None and above not in found:
            found.append(above)
            above = self.parent(above)
        return found

    def shard(self, name: str) -> int:
        """Shard of an instrument (`venue:symbol`) or an account."""
        return self.shards.get(name, 0)

    def strategies_of(self, process: str) -> dict[str, Strategy]:
        """The strategies that run in a process, by name: those it names, else those that no other one names."""
        named = self.processes[process].strategies
        if "strategy" not in self.processes[process].agents:
            return {}
        taken = {name for each in self.processes.values() for name in each.strategies}
        return {name: entry for name, entry in self.strategies.items() if (name in named if named else name not in taken)}

    @property
    def fast_market(self) -> str:
        """The process on the fast lane that normalizes, "" if there is none: its feeds run it."""
        return next((name for name, process in self.processes.items() if process.lane == "fast" and "normalize" in process.agents), "")

    @property
    def fast_lane(self) -> str:
        """The process on the fast lane that trades, "" if there is none."""
        return next((name for name, process in self.processes.items() if process.lane == "fast" and "normalize" not in process.agents), "")

    @property
    def shared_agents(self) -> tuple[str, ...]:
        """Agents that run in several processes: `strategy`, where a process names its own."""
        agents = [agent for process in self.processes.values() for agent in process.agents]
        return tuple(sorted({agent for agent in agents if agents.count(agent) > 1}))

    @property
    def shard_count(self) -> int:
        """Partitions of every data topic."""
        return 1 + max(self.shards.values(), default=0)


def load(path: str | Path, settings: Iterable[str] = ()) -> Topology:
    """The topology in a file; TopologyError with every fault, each with file, line and key path.

    settings : `KEY=VALUE` each, replacing values of the file (streams/topology/settings.py)
    """
    source = read(path)
    if not isinstance(source.data, dict):
        source.faults.add(1, (), "holds no topology; it starts with 'name:'")
        source.faults.check()
    apply_settings(source, settings, [key for key in _keys(Topology) if key != "path"])
    data = _with_listed(source)
    found = None
    try:
        found = Topology.model_validate({**data, "path": str(path)})
    except ValidationError as error:
        for fault in error.errors():
            _tell(fault, source)
    check(data, found, source)
    source.faults.check()
    assert found is not None
    return found


def _with_listed(source: Source) -> dict[str, Any]:
    """Instruments given as a list get the figures their venue lists; a mapping may leave out what is listed."""
    data = dict(source.data)
    data.pop("path", None)
    given, venues = data.get("instruments"), data.get("venues")
    if isinstance(given, list):
        for index, name in enumerate(given):
            if isinstance(name, str):
                source.lines.setdefault(("instruments", name), source.line(("instruments", index)))
        given = {name: {} for name in given if isinstance(name, str)}
    if not isinstance(given, dict) or not isinstance(venues, dict):
        return data
    filled = {}
    for name, figures in given.items():
        venue, _, symbol = str(name).partition(":")
        entry = venues.get(venue)
        kind = entry.get("kind") if isinstance(entry, dict) else None
        listed = LISTED.get((str(kind), symbol), {})
        filled[name] = {**listed, **figures} if isinstance(figures, dict) else listed if figures is None else figures
        if not listed and not figures:
            source.faults.add(
                source.line(("instruments", str(name))),
                ("instruments", str(name)),
                "is not listed here; give base, quote, tick, lot and fees as a mapping",
            )
    data["instruments"] = filled
    return data


def _tell(fault: Any, source: Source) -> None:
    """Say one of pydantic's faults in our words, at its place in the file."""
    keys, owner = _place(fault["loc"])
    kind, line = fault["type"], source.line(keys)
    text = _WORDS.get(kind, lambda fault: fault["msg"].removeprefix("Value error, "))(fault)
    if kind == "extra_forbidden":
        if owner is Topology and keys == ("path",):
            return
        text = f"is no key here{nearest(str(keys[-1]), _keys(owner))}"
    source.faults.add(line, keys, text)


_LITERAL = re.compile("'([^']+)'")
_WORDS: dict[str, Callable[[Any], str]] = {
    "missing": lambda fault: "is missing",
    "too_short": lambda fault: "is empty; name at least one",
    "literal_error": lambda fault: (
        f"{fault['input']!r} is not known{nearest(str(fault['input']), _LITERAL.findall(fault['ctx']['expected']))}"
    ),
    "string_pattern_mismatch": lambda fault: f"{fault['input']!r} is malformed; it must match {fault['ctx']['pattern']}",
    "string_type": lambda fault: f"{fault['input']!r} is no text; write it in quotes",
    "model_type": lambda fault: f"{fault['input']!r} is no mapping of keys",
    "dict_type": lambda fault: f"{fault['input']!r} is no mapping of keys",
    "tuple_type": lambda fault: f"{fault['input']!r} is no list; write [{fault['input']}]",
}


def _keys(owner: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in owner.model_fields.items() if name != "path" or owner is not Topology]


def _place(loc: tuple[int | str, ...]) -> tuple[Keys, type[BaseModel]]:
    """The key path of a pydantic location, without the parts that name branches of unions, and the model it stands in."""
    owner: type[BaseModel] = Topology
    annotation: Any = Topology
    keys: list[int | str] = []
    for part in loc:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            owner = annotation
            fields = {field.alias or name: field for name, field in owner.model_fields.items()}
            annotation = fields[str(part)].annotation if str(part) in fields else None
        elif isinstance(part, str) and (part == "[key]" or _is_branch(part, annotation)):
            continue
        else:
            annotation = _inner(annotation)
        keys.append(part)
    return tuple(keys), owner


def _is_branch(part: str, annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is not dict


def _inner(annotation: Any) -> Any:
    """Model of a mapping's values or of a list's entries, None where there is none."""
    arguments = [argument for argument in getattr(annotation, "__args__", ()) if argument is not ...]
    inner = arguments[-1] if arguments else None
    return inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
