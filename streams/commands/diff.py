"""`millrace diff`: two runs, record by record: equal, or the first difference."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from streams.backtest.diff import RowDifference, Verdict, first_difference
from streams.backtest.kept_rows import ClickHouseRows, FolderRows, KeptRows
from streams.backtest.manifest import is_replay
from streams.backtest.replays import find, is_live_number
from streams.errors import ConfigError, MillraceError
from streams.schema import ids
from streams.sinks.query import client
from streams.topology.times import instant_text

__all__ = ["diff", "open_run"]

_IDS = ("id", "cause_id", "order_id", "request_id", "parent_id")
_UNTOLD = ("run_id", "_offset")
_LEFT_OUT = ("format", "hash", "run_id", "result", "schemas")


def diff(first: str, second: str, as_json: bool, say: Callable[[str], None]) -> int:
    """Say whether two runs are equal, or where they first differ; 0 when they are equal, else 1."""
    a, b = open_run(first), open_run(second)
    kept = [run for run in (a, b) if not (isinstance(run, FolderRows) and not run.has_rows)]
    if len(kept) < 2:
        return _by_hash(a, b, as_json, say)
    verdict = first_difference(a, b)
    manifests = _manifest_lines(a, b)
    if as_json:
        say(json.dumps(_as_dict(verdict, a, manifests), ensure_ascii=False))
    else:
        for line in _lines(verdict, a, manifests):
            say(line)
    return 0 if verdict.equal else 1


def open_run(text: str) -> KeptRows:
    """The run that is meant: `last`, a run id or its beginning, a manifest's hash or its beginning, a folder, the number of a live run."""
    if is_live_number(text):
        try:
            return ClickHouseRows(client(), int(text))
        except MillraceError as fault:
            raise type(fault)(
                f"{fault} (up to four digits are the number of a live run; more are the beginning of a replay's run id)"
            ) from None
    try:
        found = FolderRows(find(text).folder)
    except ConfigError:
        if text.isascii() and text.isdecimal() and is_replay(int(text)):
            return ClickHouseRows(client(), int(text))
        raise
    if found.has_rows:
        return found
    try:
        return ClickHouseRows(client(), int(found.name))
    except MillraceError:
        return found


def _by_hash(a: KeptRows, b: KeptRows, as_json: bool, say: Callable[[str], None]) -> int:
    """What can be said where records were not kept."""
    if not a.digest or not b.digest or a.digest != b.digest:
        missing = " and ".join(run.name for run in (a, b) if isinstance(run, FolderRows) and not run.has_rows)
        known = "their hashes differ, but the" if a.digest and b.digest else "the"
        raise ConfigError(f"{known} records of {missing} were not kept; replay with --results parquet, then compare")
    if as_json:
        say(json.dumps({"a": a.name, "b": b.name, "equal": True, "hash": a.digest}))
    else:
        say(f"{a.name} and {b.name}: equal by hash {a.digest} ({sum(a.counts().values()):,} records)")
    return 0


def _lines(verdict: Verdict, a: KeptRows, manifests: list[str]) -> Iterator[str]:
    """The verdict for people."""
    head = f"{verdict.a} and {verdict.b}"
    if verdict.difference is None:
        hashed = f", hash {a.digest}" if a.digest else ""
        yield f"{head}: equal ({verdict.records:,} records{hashed})"
        return
    yield f"{head} differ: {_told(verdict.difference)}"
    counts_a, counts_b = verdict.counts
    changed = [t for t in counts_a | counts_b if counts_a.get(t, 0) != counts_b.get(t, 0)]
    if changed:
        yield "records: " + ", ".join(f"{topic} {counts_a.get(topic, 0):,} and {counts_b.get(topic, 0):,}" for topic in changed)
    yield from manifests


def _told(d: RowDifference) -> str:
    """Where, what, and what caused it."""
    known = d.a or d.b or {}
    where = f"{d.topic} record {d.row + 1:,}, {ids.text(known['id'])} at {instant_text(d.ts_ns)}"
    cause = known.get("cause_id") or 0
    because = f" (caused by {ids.text(cause)})" if cause else ""
    if d.a is None or d.b is None:
        return f"{where}: only in the {'second' if d.a is None else 'first'}: {_record(known)}{because}"
    if d.field == "_offset":
        return f"{where}: equal in every field, but record {d.a['_offset'] + 1:,} of all in the first, {d.b['_offset'] + 1:,} in the second"
    return f"{where}: {d.field}: {_shown(d.field, d.a[d.field])} in the first, {_shown(d.field, d.b[d.field])} in the second{because}"


def _record(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{k}={_shown(k, v)}" for k, v in fields.items() if k not in _UNTOLD and v not in (None, "", b""))


def _shown(name: str, value: Any) -> str:
    return ids.text(value) if name in _IDS and isinstance(value, int) and value >= 0 else str(value)


def _as_dict(verdict: Verdict, a: KeptRows, manifests: list[str]) -> dict[str, Any]:
    """The verdict for programs; ids as numbers, prices as stored."""
    found: dict[str, Any] = {"a": verdict.a, "b": verdict.b, "equal": verdict.equal, "records": verdict.records, "hash": a.digest}
    d = verdict.difference
    if d is None:
        return found
    sides = [None if side is None else {k: v.hex() if isinstance(v, bytes) else v for k, v in side.items()} for side in (d.a, d.b)]
    told = {"topic": d.topic, "row": d.row, "ts_ns": d.ts_ns, "field": d.field, "first": sides[0], "second": sides[1]}
    return {**found, "hash": "", "difference": told, "counts": list(verdict.counts), "manifest": manifests}


def _manifest_lines(a: KeptRows, b: KeptRows) -> list[str]:
    """What the manifests of two replays say differently."""
    if not (isinstance(a, FolderRows) and isinstance(b, FolderRows)):
        return []
    ours, theirs = (dict(_flat(run.manifest)) for run in (a, b))
    return [f"manifest: {k}: {ours.get(k)} and {theirs.get(k)}" for k in ours | theirs if ours.get(k) != theirs.get(k)]


def _flat(value: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if place or key not in _LEFT_OUT:
            if isinstance(item, Mapping):
                yield from _flat(item, f"{place}{key}.")
            else:
                yield f"{place}{key}", item
