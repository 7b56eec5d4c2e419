"""Origin: what a run was made of, told from its manifest; whatever a manifest does not have is left out."""

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from streams.report.text import NONE, span, when

__all__ = ["origin"]

_MODELS = ("queue", "fills", "impact")
_HASHES = {"hash": "Manifest", "code": "Code", "lock": "Installed packages", "topology_hash": "Topology file"}


def origin(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values, what a reader asks first first."""
    m = manifest
    found = [("Topology", str(m.get("topology", NONE)))]
    found += [("Strategy", f"{name}: {_class(one)}") for name, one in _items(m.get("strategies"))]
    found.append(("Settings changed", ", ".join(f"{key} = {value}" for key, value in _items(m.get("settings"))) or "none"))
    found += [("Market data", text) for text in _sources(m.get("sources"))]
    if m.get("from_ns") or m.get("to_ns"):
        found.append(("Range asked for", f"{when(m.get('from_ns'))} to {when(m.get('to_ns'))} UTC"))
    if m.get("live_run"):
        found.append(("Market data of", f"run {m['live_run']}"))
    for venue, offset_ns in _items(m.get("clock_offset_ns")):
        found.append(("Clock", f"{venue}'s stamps {_shift(offset_ns)} to be in the clock of receipt"))
    found += [("Simulated venue", f"{venue}: {_model(model)}") for venue, model in _items(m.get("models"))]
    found += [
        (name, str(m[key])) for key, name in (("order", "Order of records"), ("seed", "Seed"), ("run_id", "Run")) if m.get(key) is not None
    ]
    found += [(name, str(m[key])) for key, name in _HASHES.items() if m.get(key)]
    result = m.get("result") or {}
    if result.get("digest"):
        found.append(("Outputs", str(result["digest"])))
    made = ", ".join(str(m[key]) for key in ("version", "cpu") if m.get(key))
    return [*found, ("Made with", f"millrace {made}")] if made else found


def _class(one: Any) -> str:
    return str(one.get("class", one)) if isinstance(one, Mapping) else str(one)


def _sources(sources: Any) -> Iterable[str]:
    if not isinstance(sources, Mapping):
        return [str(sources)] if sources else []
    files = [_file(one) for one in sources.get("files", ()) if isinstance(one, Mapping)]
    return files or [str(sources.get("source", NONE))]


def _file(one: Mapping[str, Any]) -> str:
    """Its name, size and the beginning of its hash; not the folder it lay in."""
    size = f", {one['bytes'] / 1e6:,.1f} MB" if isinstance(one.get("bytes"), int) else ""
    mark = f", BLAKE2b {str(one['blake2b'])[:12]}" if one.get("blake2b") else ""
    return f"{one.get('venue', '')} {PurePath(str(one.get('path', NONE))).name}{size}{mark}".strip()


def _shift(offset_ns: Any) -> str:
    if not isinstance(offset_ns, int) or not offset_ns:
        return "unchanged"
    return f"{'less' if offset_ns < 0 else 'plus'} {span(abs(offset_ns))}"


def _model(model: Any) -> str:
    """Latency, queue, fills, impact."""
    if not isinstance(model, Mapping):
        return str(model)
    parts = [f"{name} latency {_latency(value)}" for name, value in _items(model.get("latency"))]
    parts += [f"{name} {model[name]}" for name in _MODELS if name in model]
    if model.get("fee_tiers"):
        parts.append(f"{len(model['fee_tiers'])} fee tiers")
    return ", ".join(parts) or str(dict(model))


def _latency(value: Any) -> str:
    text = str(value)
    number, _, unit = text.partition(" ")
    return span(int(number)) if unit == "ns" and number.isdigit() else text


def _items(value: Any) -> list[tuple[str, Any]]:
    return [(str(key), one) for key, one in value.items()] if isinstance(value, Mapping) else []
