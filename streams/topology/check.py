"""What the names of a topology refer to: agents, venues, accounts, classes, shards. Works on a file that has other faults too."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.agents.spec import DEFAULT_SIZES
from streams.topology.catalog import AGENTS, SHELLS
from streams.topology.classes import faults_of_strategy, is_compiled
from streams.topology.fast_check import faults_of_fast
from streams.topology.limit_check import faults_of_limits, scope_name, scopes_of
from streams.topology.source import Keys, Source, nearest, nearest_file

if TYPE_CHECKING:
    from streams.topology.model import Topology

__all__ = ["check"]


def check(data: dict[str, Any], topology: "Topology | None", source: Source) -> None:
    """Add every reference that leads nowhere to the file's faults; with a valid model, its limits and shards too."""
    for faults in (_processes, _instruments, _desks, _accounts, _strategies, _placed, _shards):
        for keys, message in faults(data):
            source.faults.add(source.line(keys), keys, message)
    if topology is not None:
        for faults_of in (_inverse, _impacts, faults_of_limits, _fused, _tree, faults_of_fast):
            for keys, message in faults_of(topology):
                source.faults.add(source.line(keys), keys, message)


Found = Iterator[tuple[Keys, str]]


def _map(data: dict[str, Any], key: str) -> dict[str, Any]:
    """The entries of a section that are mappings themselves; a malformed section is the model's fault to tell."""
    section = data.get(key)
    return {str(name): entry for name, entry in section.items() if isinstance(entry, dict)} if isinstance(section, dict) else {}


def _names(data: dict[str, Any], key: str) -> list[str]:
    section = data.get(key)
    return [str(name) for name in section] if isinstance(section, dict) else []


def _list(entry: dict[str, Any], key: str) -> list[Any]:
    found = entry.get(key)
    return found if isinstance(found, list) else []


def _processes(data: dict[str, Any]) -> Found:
    owner: dict[str, str] = {}
    for name, entry in _map(data, "processes").items():
        if name in SHELLS or any(name.startswith(f"{shell}-") for shell in SHELLS):
            yield ("processes", name), f"is a name of its own; choose another than {', '.join(SHELLS)}"
        sizes = entry.get("sizes")
        for size in sizes if isinstance(sizes, dict) else ():
            if size not in DEFAULT_SIZES:
                yield ("processes", name, "sizes", str(size)), f"is no size{nearest(str(size), DEFAULT_SIZES)}"
        for index, agent in enumerate(_list(entry, "agents")):
            keys = ("processes", name, "agents", index)
            if agent not in AGENTS:
                yield keys, f"{agent!r} is no agent{nearest(str(agent), AGENTS)}"
            elif agent in owner and not (agent == "strategy" and _list(entry, "strategies")):
                yield keys, f"{agent!r} runs in process {owner[agent]!r} already; an agent has one process, scale it by shards"
            elif agent != "strategy" or not _list(entry, "strategies"):
                owner[agent] = name
    if not _names(data, "processes"):
        return
    wanted = set(AGENTS) if _names(data, "strategies") else {"normalize"}
    if not set(_names(data, "strategies")) - {name for entry in _map(data, "processes").values() for name in _list(entry, "strategies")}:
        wanted -= {"strategy"}  # each strategy has a process that names it
    for agent in sorted(wanted - set(owner)):
        yield ("processes",), f"no process runs {agent!r}; add it to one's agents"


def _instruments(data: dict[str, Any]) -> Found:
    venues = _names(data, "venues")
    for name in _names(data, "instruments"):
        venue, colon, _ = name.partition(":")
        if colon and venue not in venues:
            yield ("instruments", name), f"{venue!r} is no venue{nearest(venue, venues)}"


def _desks(data: dict[str, Any]) -> Found:
    """Desks stand under desks, and none under itself."""
    desks = _map(data, "desks")
    for name in desks:
        above, seen = name, [name]
        while (parent := desks.get(above, {}).get("parent")) is not None:
            if parent not in desks:
                if above == name:
                    yield ("desks", name, "parent"), f"{parent!r} is no desk{nearest(str(parent), desks)}"
                break
            if parent in seen:
                if parent == name:
                    yield ("desks", name, "parent"), f"stands under itself: {' < '.join([*seen, name])}; take one parent away"
                break
            seen.append(parent)
            above = parent


def _accounts(data: dict[str, Any]) -> Found:
    desks, traders = _names(data, "desks"), _names(data, "traders")
    for section in ("traders", "accounts"):
        for name, entry in _map(data, section).items():
            desk, trader = entry.get("desk"), entry.get("trader")
            if desks and desk is not None and desk not in desks:
                yield (section, name, "desk"), f"{desk!r} is no desk{nearest(str(desk), desks)}"
            if section == "accounts" and trader is not None:
                if trader not in traders:
                    yield (section, name, "trader"), f"{trader!r} is no trader{nearest(str(trader), traders)}"
                if desk is not None:
                    yield (section, name, "desk"), f"is said by trader {trader!r} already; leave one of them away"


def _strategies(data: dict[str, Any]) -> Found:
    accounts, instruments = _names(data, "accounts"), _names(data, "instruments")
    for name, entry in _map(data, "strategies").items():
        account = entry.get("account")
        if account is not None and account not in accounts:
            yield ("strategies", name, "account"), f"{account!r} is no account{nearest(str(account), accounts)}"
        for index, instrument in enumerate(_list(entry, "instruments")):
            if instrument not in instruments:
                yield ("strategies", name, "instruments", index), f"{instrument!r} is no instrument{nearest(str(instrument), instruments)}"
        params = entry.get("params")
        for keys, message in faults_of_strategy(entry.get("class"), params if isinstance(params, dict) else {}):
            yield ("strategies", name, *keys), message


def _placed(data: dict[str, Any]) -> Found:
    """Each strategy has one process; one that is not compiled has it for itself."""
    strategies, processes = _map(data, "strategies"), _map(data, "processes")
    owner: dict[str, str] = {}
    for process, entry in processes.items():
        for index, name in enumerate(_list(entry, "strategies")):
            keys = ("processes", process, "strategies", index)
            if name not in strategies:
                yield keys, f"{name!r} is no strategy{nearest(str(name), strategies)}"
            elif name in owner:
                yield keys, f"{name!r} runs in process {owner[name]!r} already"
            else:
                owner[name] = process
        if _list(entry, "strategies") and "strategy" not in _list(entry, "agents"):
            yield ("processes", process, "strategies"), "are named where no agent `strategy` runs; add it to the agents"
    for name, entry in strategies.items():
        compiled = is_compiled(entry.get("class"))
        model = entry.get("model")
        if compiled and model is not None:
            yield ("strategies", name, "model"), "is only for a class that says compiled = False: machine code reads no file"
        elif isinstance(model, str) and not Path(model).is_file():
            yield ("strategies", name, "model"), f"{model}: no such file{nearest_file(model)}"
        if compiled:
            continue
        own = f"{name}: {{lane: kafka, agents: [strategy], strategies: [{name}]}}"
        process = owner.get(name)
        if process is None:
            yield ("strategies", name, "class"), f"says compiled = False, so it needs a process of its own; add to processes: `{own}`"
        elif _list(processes[process], "agents") != ["strategy"] or _list(processes[process], "strategies") != [name]:
            fused = [a for a in _list(processes[process], "agents") if a != "strategy"]
            others = [s for s in _list(processes[process], "strategies") if s != name]
            yield (
                ("processes", process, "agents" if fused else "strategies"),
                f"cannot be fused: strategy {name!r} says compiled = False, and {' and '.join(map(repr, fused or others))} would wait for "
                f"plain Python; give it a process of its own: `{own}`",
            )


def _shards(data: dict[str, Any]) -> Found:
    known = _names(data, "instruments") + _names(data, "accounts")
    for name in _names(data, "shards"):
        if name not in known:
            yield ("shards", name), f"{name!r} is no instrument and no account{nearest(name, known)}"


def _inverse(topology: "Topology") -> Found:
    """Positions of inverse contracts are kept, but risk counts notional as price x quantity: it cannot say what one may lose."""
    for name, strategy in topology.strategies.items():
        for index, instrument in enumerate(strategy.instruments):
            if instrument in topology.instruments and topology.instruments[instrument].type == "INVERSE":
                yield (
                    ("strategies", name, "instruments", index),
                    f"{instrument!r} is INVERSE: its market data is taken, but it cannot be traded, for limits count price x quantity; "
                    "trade a LINEAR or SPOT instrument",
                )


def _impacts(topology: "Topology") -> Found:
    """A model of impact knows the figures of every instrument of its venue."""
    for name, venue in topology.venues.items():
        symbols = {i.partition(":")[2] for i in topology.instruments if i.startswith(f"{name}:")}
        impact = venue.simulation.impact
        for key, figures in (("volatility", impact.volatility), ("volume", impact.volume)):
            keys = ("venues", name, "simulation", "impact", key)
            for symbol in sorted(set(figures) - symbols - {""}):
                yield (*keys, symbol), f"is no instrument of {name!r}{nearest(symbol, symbols)}"
            missing = sorted(symbols - set(figures))
            if figures and "" not in figures and missing:
                yield keys, f"does not say it of {', '.join(missing)}; add {'it' if len(missing) == 1 else 'them'}"


def _fused(topology: "Topology") -> Found:
    """Agents of one process share their shards: a record passes between them in memory, so it cannot change partition."""
    for name, strategy in topology.strategies.items():
        shards = {instrument: topology.shard(instrument) for instrument in strategy.instruments}
        if len(set(shards.values())) > 1:
            yield ("strategies", name, "instruments"), f"stand on several shards ({_told(shards)}); a strategy's instruments share one"
    for name, process in topology.processes.items():
        kinds = {AGENTS[agent] for agent in process.agents if agent in AGENTS}
        if len(kinds) < 2:
            continue
        here = topology.strategies_of(name) if "strategy" in process.agents else topology.strategies
        for strategy_name, strategy in here.items():
            shards = {one: topology.shard(one) for one in (strategy.account, *strategy.instruments)}
            if len(set(shards.values())) > 1:
                yield (
                    ("processes", name, "agents"),
                    f"cannot be fused: {strategy_name!r} has shards {_told(shards)}; give them one shard, or the agents two processes",
                )


def _tree(topology: "Topology") -> Found:
    """A risk tree has a single writer, so accounts under a scope with limits share a shard."""
    for keys, limits in scopes_of(topology):
        shards = {name: topology.shard(name) for name in topology.accounts if scope_name(keys) in topology.chain(f"account:{name}")}
        if limits.model_fields_set and len(set(shards.values())) > 1:
            yield (*keys, "limits"), f"are shared by accounts on several shards ({_told(shards)}); put those accounts on one"


def _told(shards: dict[str, int]) -> str:
    return ", ".join(f"{name} {shard}" for name, shard in sorted(shards.items()))
