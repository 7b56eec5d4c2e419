"""A process that is given arrays and works on records: the plain run, plain strategies, and the twin of the compiled one."""

import ctypes
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from streams.agents.rows import BAD, RECORD, REFUSALS, Queue, Refusal, Rows, WireLike, Written
from streams.agents.values import Values
from streams.errors import ConfigError, DecodeError, LaneError, MillraceError, StepError
from streams.schema import codec, model
from streams.schema.blake2b import DIGEST_BYTES, STATE_BYTES
from streams.schema.rolling import roll

__all__ = ["PlainBatch"]


class PlainBatch:
    """See `streams.agents.batch`. process: anything with the methods of `streams.agents.process.Process`."""

    def __init__(self, process: Any, wire: WireLike | None = None) -> None:
        self.process, self.wire = process, wire
        self._digest = np.zeros(STATE_BYTES, np.uint8)  # the rolling hash, and room for compiled code to work on it
        self.rewrite: Callable[[str, Any], bytes] | None = None
        self._topics = tuple(process.writes)
        self._numbers = {topic: i for i, topic in enumerate(self._topics)}
        self._headers = tuple(wire.header(topic) if wire else b"" for topic in self._topics)
        self.values = Values(self._topics, max(map(len, self._headers), default=0))

    @property
    def digest(self) -> bytes:
        """The rolling hash after the last body."""
        return self._digest[:DIGEST_BYTES].tobytes()

    @digest.setter
    def digest(self, digest: bytes) -> None:
        self._digest[:DIGEST_BYTES] = np.frombuffer(digest, np.uint8)

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
        return self.values.count

    @property
    def pending_bytes(self) -> int:
        """Bytes of their values."""
        return self.values.filled

    def written(self) -> Written:
        """Everything written since the last call."""
        return self.values.take(self.digest)

    # ---- state ----
    def mark(self) -> Any:
        """The state now, for `back`."""
        return self.process.snapshot(), self.process.counters(), self.digest, self.values.count, self.values.filled

    def back(self, mark: Any) -> None:
        """Return to a state that `mark` gave, also after a StepError."""
        parts, counters, self.digest, self.values.count, self.values.filled = mark
        for _ in range(2):  # what was left behind: a first call may meet the fault again
            with suppress(Exception):
                self.process.take_outputs()
        self.process.restore(parts)
        self.process.set_counters(counters)

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
            self._take_outputs()
        except (ConfigError, LaneError):  # of the process as a whole, not of this input
            raise
        except Exception as error:
            text = str(error) if isinstance(error, MillraceError) else repr(error)
            raise StepError(f"the input made an agent fail: {text}", at) from error
        return reason

    def _take_outputs(self) -> None:
        """Write what the process wrote."""
        for topic, record in self.process.take_outputs():
            self._write(topic, record)

    def _write(self, topic: str, record: Any) -> None:
        body = self.rewrite(topic, record) if self.rewrite else codec.encode(record)
        self.digest = roll(self.digest, body)
        number = self._numbers[topic]
        self.values.add(number, record.id, self._headers[number], body)
