"""A process that is given arrays and works on records: the plain run, plain strategies, and the twin of the compiled one."""

import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from streams.agents.rows import BAD, RECORD, REFUSALS, Queue, Refusal, Rows, WireLike, Written
from streams.errors import ConfigError, DecodeError, LaneError, MillraceError, StepError
from streams.schema import codec, model
from streams.schema.rolling import EMPTY_HASH, roll

__all__ = ["PlainBatch"]


class PlainBatch:
    """See `streams.agents.batch`. process: anything with the methods of `streams.agents.process.Process`."""

    def __init__(self, process: Any, wire: WireLike | None = None) -> None:
        self.process, self.wire = process, wire
        self.digest = EMPTY_HASH
        self.rewrite: Callable[[str, Any], bytes] | None = None
        self._topics = tuple(process.writes)
        self._numbers = {topic: i for i, topic in enumerate(self._topics)}
        self._headers = {topic: wire.header(topic) if wire else b"" for topic in self._topics}
        self._rows: list[tuple[int, int, int, int]] = []  # topic, id, start, size
        self._buffer = bytearray()

    # ---- in ----
    def read(self, topic: str, address: np.ndarray, size: np.ndarray) -> Rows:
        """Decode values that lie at these addresses."""
        values = [ctypes.string_at(a, n) if a else None for a, n in zip(address.tolist(), size.tolist(), strict=True)]
        return self.read_values(topic, values)

    def read_values(self, topic: str, values: Sequence[bytes | None]) -> Rows:
        """Decode values."""
        columns, state = np.zeros((3, len(values)), np.int64), np.full(len(values), RECORD, np.uint8)
        records: list[Any] = []
        reasons: dict[int, str] = {}
        for row, value in enumerate(values):
            try:
                records.append(self._decode(topic, value))
            except DecodeError as error:
                records.append(None)
                state[row], reasons[row] = BAD, str(error)
                continue
            columns[:, row] = records[-1].id, records[-1].run_id, records[-1].recv_ts_ns
        return Rows(topic, columns[0], columns[1], columns[2], state, reasons, records.__getitem__)

    def carry(self, queue: Queue, first: int, last: int) -> int:
        """Carry the inputs from `first` up to `last`, one after the other."""
        for at in range(first, last):
            record = queue.sources[queue.source[at]].record(int(queue.row[at]))
            reason = self._step(lambda record=record: self.process.on_input(record), at)
            if reason is not None:
                queue.refused.append(Refusal(at, reason))
        return last

    def carry_record(self, record: Any) -> str | None:
        """Carry one record; the reason if it is refused."""
        return self._step(lambda: self.process.on_input(record))

    def tick(self, id: int, ts_ns: int) -> None:
        """Let the clock reach `ts_ns`."""
        self._step(lambda: self.process.on_tick(id, ts_ns))

    # ---- out ----
    @property
    def pending(self) -> int:
        """Records written and not yet taken."""
        return len(self._rows)

    @property
    def pending_bytes(self) -> int:
        """Bytes of their values."""
        return len(self._buffer)

    def written(self) -> Written:
        """Everything written since the last call."""
        topic, id, start, size = np.array(self._rows, np.int64).reshape(-1, 4).T
        buffer = np.frombuffer(bytes(self._buffer), np.uint8)
        header_bytes = max(map(len, self._headers.values()), default=0)
        self._rows, self._buffer = [], bytearray()
        return Written(self._topics, topic.astype(np.int32), id, start, size, buffer, header_bytes, self.digest)

    # ---- state ----
    def mark(self) -> Any:
        """The state now, for `back`."""
        return self.process.snapshot(), self.process.counters(), self.digest, len(self._rows), len(self._buffer)

    def back(self, mark: Any) -> None:
        """Return to a state that `mark` gave, also after a StepError."""
        parts, counters, self.digest, rows, size = mark
        for _ in range(2):  # what was left behind: a first call may meet the fault again
            with suppress(Exception):
                self.process.take_outputs()
        self.process.restore(parts)
        self.process.set_counters(counters)
        del self._rows[rows:], self._buffer[size:]

    def _decode(self, topic: str, value: bytes | None) -> Any:
        if self.wire is not None:
            return self.wire.decode(topic, value)
        if value is None:
            raise DecodeError(f"{topic}: a record without a value")
        return codec.decode(model.for_topic(topic).record, value)

    def _step(self, give: Callable[[], None], at: int = -1) -> str | None:
        """Give the process an input and take what it writes; the reason if it refuses. StepError if it fails."""
        reason = None
        try:
            try:
                give()
            except REFUSALS as error:
                reason = str(error)
            for topic, record in self.process.take_outputs():
                self._write(topic, record)
        except (ConfigError, LaneError):  # of the process as a whole, not of this input
            raise
        except Exception as error:
            text = str(error) if isinstance(error, MillraceError) else repr(error)
            raise StepError(f"the input made an agent fail: {text}", at) from error
        return reason

    def _write(self, topic: str, record: Any) -> None:
        body = self.rewrite(topic, record) if self.rewrite else codec.encode(record)
        self.digest = roll(self.digest, body)
        header = self._headers[topic]
        self._rows.append((self._numbers[topic], record.id, len(self._buffer), len(header) + len(body)))
        self._buffer += header + body
