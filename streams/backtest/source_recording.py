"""Recordings as a source: several files, merged by receive time, and normalize run over them.

Reading costs 0.5 us a frame (normalize alone) and more where gzip is to be inflated; what comes out is kept in the cache, so that only the
first replay of a file reads it.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from streams.agents.market_build import build_market
from streams.agents.market_node import KINDS, MarketNode
from streams.agents.spec import DEFAULT_SIZES
from streams.backtest.events import Events
from streams.backtest.names import MarketNames
from streams.backtest.normalized import File, Normalized
from streams.backtest.order import in_order
from streams.backtest.source import Source
from streams.errors import RecordingError
from streams.schema import ids
from streams.schema.model import BY_KIND

__all__ = ["RecordingSource", "market_of"]

_CHUNK_BYTES = 1 << 20


class RecordingSource(Source):
    """Recordings on disk. files: in the order that decides between lines of one receive time; plain: normalize runs as Python objects."""

    name = "recordings"

    def __init__(self, names: MarketNames, files: Sequence[File], plain: bool = False, **range_and_clock: Any) -> None:
        super().__init__(names, **range_and_clock)
        self.files, self.plain = tuple(files), plain
        self._hashes: tuple[dict[str, Any], ...] | None = None
        self._normalized: Normalized | None = None

    def _described(self) -> dict[str, Any]:
        if self._hashes is None:
            self._hashes = tuple({"venue": file.venue, **_hashed(file.path)} for file in self.files)
        return {"files": list(self._hashes)}

    def describe(self) -> dict[str, Any]:
        """For the manifest. `path` of a file tells where it lay, not what it was."""
        found = super().describe()
        return found | {"files": [{"path": file.path, **known} for file, known in zip(self.files, found["files"], strict=True)]}

    def _read(self) -> Iterator[Events]:
        names = self.names
        self._normalized = Normalized(self.files, market_of(names, not self.plain), names.topics, names.feeds)
        return in_order(self._normalized.parts())

    def _found(self) -> dict[str, Any]:
        assert self._normalized is not None
        return {"lost": dict(self._normalized.found), "faults": self._normalized.faults}

    def _expected(self, count: int) -> int:
        assert self._normalized is not None
        read_bytes = self._normalized.read_bytes
        return count * sum(file["bytes"] for file in self._described()["files"]) // read_bytes if read_bytes else 0

    def _shown(self) -> str:
        return ", ".join(file.path for file in self.files)


def market_of(names: MarketNames, compiled: bool) -> MarketNode:
    """Normalize with these names and instruments, before its first frame."""
    market = build_market(names.edge, {**DEFAULT_SIZES, **names.sizes}, compiled)
    for kind in KINDS:
        market.set_writer(kind, ids.make(names.writers[BY_KIND[kind].topic], 0), 0)
    for instrument in names.instruments:
        market.on_instrument(instrument)
    return market


def _hashed(path: str) -> dict[str, Any]:
    """Bytes and BLAKE2b-128 of a file."""
    found, nbytes = blake2b(digest_size=16), 0
    try:
        with Path(path).open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                found.update(chunk)
                nbytes += len(chunk)
    except FileNotFoundError:
        raise RecordingError(f"{path}: no such file") from None
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from None
    return {"bytes": nbytes, "blake2b": found.hexdigest()}
