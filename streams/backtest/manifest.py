"""Manifest: all that a backtest's result depends on. Same manifest, same bytes.

manifest = Manifest(topology=..., sources=source.describe(), ...)
manifest.run_id                             # the number of the run, which follows from it
manifest.write(folder, outcome, figures)    # manifest.json
"""

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as ll

from streams import __file__ as package_file
from streams.backtest.results import Outcome
from streams.errors import ConfigError
from streams.schema.model import SCHEMAS

__all__ = ["FILE", "FIRST_RUN_ID", "ORDER_RULE", "Manifest", "is_replay", "processor", "read_manifest"]

FIRST_RUN_ID = 1 << 30
"""Run ids of backtests begin here: 30 bits of the manifest's hash above it. Live runs are counted from 1, so the two never meet."""

ORDER_RULE = "as merged: receive time, then rank of the topic among the inputs, then id"
FORMAT = "millrace-replay-1"
FILE = "manifest.json"
SHOWN = ("path", "paths")  # keys of a source that tell where it lay, not what it was
_PACKAGE = Path(package_file).parent
_CODE = ("*.py", "*.avsc")


@dataclass(frozen=True)
class Manifest:
    """What goes into a backtest; every field has JSON values.

    topology, topology_hash : name, and hash of what its file says
    sources           : what the market data was (`describe` of the source): files with hashes, topics with offsets, tables with counts;
                        a `path` in it is shown and not part of the hash
    order             : how records of several sources follow each other
    clock_offset_ns   : by venue, added to `exch_ts_ns`
    models            : by venue, the models of the simulated venue with all their values
    seed              : over those of the venues, which stand in `models`; None = as they are
    settings          : what `--set` changed, as given
    from_ns, to_ns    : bounds of the range, None = all
    live_run          : number of the live run whose market data was replayed, None = none
    strategies        : by strategy, its class and the hash of the file it stands in
    code, lock, cpu   : hash of the package's source; of the lock file, or of the installed versions where there is none; processor
    version, schemas  : of the package; by topic, the fingerprint of its schema
    """

    topology: str
    topology_hash: str
    sources: Any
    order: str = ORDER_RULE
    clock_offset_ns: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    from_ns: int | None = None
    to_ns: int | None = None
    live_run: int | None = None
    strategies: Mapping[str, Any] = field(default_factory=dict)
    code: str = field(default_factory=lambda: _code_hash())
    lock: str = field(default_factory=lambda: _lock_hash())
    cpu: str = field(default_factory=lambda: processor())
    version: str = field(default_factory=lambda: _version())
    schemas: Mapping[str, str] = field(default_factory=lambda: _fingerprints())

    @property
    def hash(self) -> str:
        """BLAKE2b-128 over the manifest in canonical JSON, 32 hex digits."""
        text = json.dumps(_hashed(asdict(self)), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def run_id(self) -> int:
        """2**30 + 30 bits of the hash: fits the int of every topic. Equal manifests have one; others meet about once in 10**9 pairs."""
        return FIRST_RUN_ID + (int(self.hash[:8], 16) & (FIRST_RUN_ID - 1))

    def as_json(self, outcome: Outcome | None = None, figures: Mapping[str, Any] | None = None) -> str:
        """The manifest as text, with the result where there is one. No time of day is in it: equal ones give equal texts."""
        text: dict[str, Any] = {"format": FORMAT, "hash": self.hash, "run_id": self.run_id, **asdict(self)}
        if outcome is not None:
            text["result"] = {**asdict(outcome), "figures": dict(figures or {})}
        return json.dumps(text, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def write(self, folder: Path, outcome: Outcome, figures: Mapping[str, Any] | None = None) -> Path:
        """Write `manifest.json` into a folder; its path. figures: JSON values by name, such as those of the report."""
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(self.as_json(outcome, figures))
        except OSError as fault:
            raise ConfigError(f"{path}: cannot be written ({fault.strerror}); make room, or name another folder") from None
        return path


def read_manifest(folder: Path) -> dict[str, Any]:
    """What `Manifest.write` wrote, as JSON's dict; ConfigError if it is not there or is none."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text())
    except OSError as fault:
        raise ConfigError(f"{path}: cannot be read ({fault.strerror}); a replay writes it at its end") from None
    except ValueError as fault:
        raise ConfigError(f"{path}: is not JSON ({fault})") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ConfigError(f"{path}: is no manifest of this version ({FORMAT})")
    return found


def is_replay(run_id: int) -> bool:
    """Whether a run id is that of a backtest."""
    return run_id >= FIRST_RUN_ID


def processor() -> str:
    """Architecture and model as the compiler names them: machine code and the system's `exp` and `log` are chosen by both."""
    return f"{platform.machine()} {ll.get_host_cpu_name()}"


def _hashed(value: Any) -> Any:
    """A value without what only shows where something lay."""
    if isinstance(value, Mapping):
        return {str(k): _hashed(v) for k, v in value.items() if k not in SHOWN}
    return [_hashed(v) for v in value] if isinstance(value, list | tuple) else value


@cache
def _code_hash() -> str:
    """Of the package's sources and its schemas."""
    root = _PACKAGE.parent
    return _hash_of((path for folder in (_PACKAGE, root / "schemas") for pattern in _CODE for path in folder.rglob(pattern)), root)


def _hash_of(files: Iterable[Path], root: Path) -> str:
    """BLAKE2b-128 over files with their places below a folder."""
    found = hashlib.blake2b(digest_size=16)
    for path in sorted(files):
        data = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()}\0{len(data)}\0".encode() + data)
    return found.hexdigest()


@cache
def _lock_hash() -> str:
    lock = _PACKAGE.parent / "requirements.lock"
    if lock.exists():
        return _hash_of([lock], lock.parent)
    installed = sorted({f"{d.name}=={d.version}" for d in importlib.metadata.distributions()})
    return hashlib.blake2b("\n".join(installed).encode(), digest_size=16).hexdigest()


@cache
def _version() -> str:
    try:
        return importlib.metadata.version("millrace")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@cache
def _fingerprints() -> dict[str, str]:
    return {s.topic: s.fingerprint[:32] for s in sorted(SCHEMAS.values(), key=lambda s: s.topic)}
