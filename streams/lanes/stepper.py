"""One batch of one process: what is fed to it, what it refuses, what comes out as bytes. The same for the lane, restore and verify."""

from collections.abc import Callable
from typing import Any, NamedTuple

from streams.agents.rows import REFUSALS
from streams.lanes.input_log import InputLog
from streams.lanes.journal import OutputLog
from streams.lanes.spec import LaneProcess
from streams.schema import codec

__all__ = ["REFUSALS", "Output", "Stepper"]

Encode = Callable[[str, Any], bytes]


class Output(NamedTuple):
    """One record written by a process; `body` is its Avro body without header."""

    topic: str
    record: Any
    body: bytes


def encode_now(topic: str, record: Any) -> bytes:
    """The body in this checkout's version of the schema."""
    return codec.encode(record)


class Stepper:
    """Feeds a process and keeps the books of the batch: `inputs` in order, `outputs` counted and hashed."""

    def __init__(self, process: LaneProcess, outputs: OutputLog) -> None:
        self.process = process
        self.inputs = InputLog()
        self.outputs = outputs

    def feed(self, topic: str, partition: int, offset: int, record: Any) -> str | None:
        """Carry one record to completion; the reason if the process refuses it."""
        self.inputs.add(topic, partition, offset, record.id)
        try:
            self.process.on_input(record)
        except REFUSALS as error:
            self.inputs.add_dead_letter(topic, partition, offset)
            return str(error)
        return None

    def tick(self, id: int, ts_ns: int) -> None:
        """Let the clock reach `ts_ns`."""
        self.inputs.add_tick(id, ts_ns)
        self.process.on_tick(id, ts_ns)

    def collect(self, encode: Encode = encode_now) -> list[Output]:
        """Everything written since the last call, in order, hashed."""
        found = []
        for topic, record in self.process.take_outputs():
            body = encode(topic, record)
            self.outputs.add(topic, record.id, body)  # type: ignore[attr-defined]
            found.append(Output(topic, record, body))
        return found

    def next_batch(self) -> InputLog:
        """The inputs of the batch that ends here; the next one begins."""
        done, self.inputs = self.inputs, InputLog()
        return done
