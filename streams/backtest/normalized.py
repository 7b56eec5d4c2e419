"""Recordings as market records: normalize is run over their frames before the backtest, as its source."""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from streams.agents.market_node import MarketNode
from streams.backtest import stream_kernel as k
from streams.backtest.laid import Laid
from streams.backtest.order import Part
from streams.errors import FrameError, KernelError
from streams.records import Frame, NameKind
from streams.schema import ids
from streams.venues.binance.blocks import DAMAGED, damage_of, merge_blocks
from streams.venues.merge import Rows

__all__ = ["TOLD", "File", "Normalized"]

TOLD = 20
"""Faults that are kept with place and reason; the rest is counted."""


class File(NamedTuple):
    """A recording and the venue whose frames it has."""

    venue: str
    path: str


class Normalized:
    """The market records of recordings, part by part.

    market : normalize, as before its first frame, with names and instruments
    topics : of market records, in the order of their ranks
    feeds  : by venue the writer of its frames; a frame's id is that and its line, counted over the venue's files as they are merged
    found  : counted: lines, frames, damaged, refused, resyncs; and what was ignored, by kind
    faults : the first TOLD of what was damaged or refused, with place and reason
    read_bytes : of the files so far
    """

    def __init__(self, files: Sequence[File], market: MarketNode, topics: Sequence[str], feeds: Mapping[str, int]) -> None:
        self.files = tuple(files)
        self.market = market
        self.found: Counter[str] = Counter(lines=0, frames=0, damaged=0, refused=0, resyncs=0)
        self.faults: list[str] = []
        self.read_bytes = 0
        self._laid = Laid(market, topics)
        self._lines: Counter[str] = Counter()
        numbers = market.edge.dictionary.numbers(NameKind.VENUE)
        self._venues = np.array([numbers.get(file.venue, -1) for file in self.files], np.int64)
        self._first_ids = np.array([ids.make(feeds[file.venue], 0) for file in self.files], np.int64)

    def parts(self) -> Iterator[Part]:
        """Everything in the files, merged by receive time. RecordingError for a file that cannot be opened."""
        for rows in merge_blocks(tuple(file.path for file in self.files), plain=not self._laid.compiled, told=self._has_read):
            yield from self._carry(rows)
            if len(self._laid):
                yield self._laid.part()
        self.found["resyncs"] = self._laid.others

    def _carry(self, rows: Rows) -> Iterator[Part]:
        seqs = self._sequences(rows)
        good = rows.size != DAMAGED
        for row in np.flatnonzero(~good).tolist():
            path, damage = damage_of(rows, row)
            self._fault("damaged", f"{path}:{damage.number}: {damage.reason}")
        rows, seqs = rows.take(good), seqs[good]
        self.found["lines"] += len(good)
        self.found["frames"] += len(rows)
        columns = np.stack((self._first_ids[rows.place] + seqs, rows.recv_ts_ns, self._venues[rows.place], rows.start, rows.size))
        at = 0
        while at < len(rows):
            if self._laid.compiled:
                at = yield from self._compiled(columns, at)
            if at < len(rows):
                yield from self._by_python(rows, at, int(seqs[at]))
                at += 1

    def _sequences(self, rows: Rows) -> np.ndarray:
        """Line of each row, counted from 1 over all files of its venue."""
        seqs = np.zeros(len(rows), np.int64)
        venues = [file.venue for file in self.files]
        for venue in dict.fromkeys(venues):
            mine = np.flatnonzero(np.array([name == venue for name in venues])[rows.place])
            seqs[mine] = self._lines[venue] + 1 + np.arange(len(mine))
            self._lines[venue] += len(mine)
        return seqs

    def _compiled(self, columns: np.ndarray, first: int) -> Generator[Part, None, int]:
        """Read frames from `first` on; the row at which it stopped: the end, or one that Python has to read."""
        self.market.edge.native.refresh()
        while True:
            stop, at = self._laid.frames(columns, first, columns.shape[1])
            if stop != k.FULL:
                break
            yield self._laid.part()
            first = at
        if stop not in (k.DONE, k.PYTHON):
            raise KernelError("normalize failed at a frame: run it with --plain to see where")
        return at

    def _by_python(self, rows: Rows, row: int, seq: int) -> Iterator[Part]:
        """Carry one frame, or say why it cannot be used."""
        place, recv_ts_ns = int(rows.place[row]), int(rows.recv_ts_ns[row])
        block, venue = rows.memory[int(rows.batch[row])], self.files[place].venue
        start = int(rows.start[row]) - block.text.ctypes.data
        payload = block.text[start : start + int(rows.size[row])].tobytes()
        frame = Frame(int(self._first_ids[place]) + seq, 0, 0, recv_ts_ns, recv_ts_ns, venue, 1, seq, payload)
        before = Counter(self.market.ignored)
        try:
            steps = self.market.steps(frame)
        except FrameError as error:
            self._fault("refused", f"{block.path}:{int(rows.offset[row])}: {error}")
            return
        self.found.update({f"ignored {kind}": n for kind, n in (Counter(self.market.ignored) - before).items()})
        for kind in steps:
            while not self._laid.lay(kind):
                yield self._laid.part()

    def _has_read(self, nbytes: int) -> None:
        self.read_bytes += nbytes

    def _fault(self, kind: str, text: str) -> None:
        self.found[kind] += 1
        if len(self.faults) < TOLD:
            self.faults.append(text)
