"""What a checkpoint keeps of the control topics, so that a process that starts again needs no broker: the dictionary and the run."""

from collections.abc import Mapping
from typing import Any

from streams.lanes.control import Control
from streams.records import Command, Name
from streams.schema import codec

__all__ = ["control_of", "kept_control"]


def kept_control(control: Control) -> dict[str, Any]:
    """JSON from which `control_of` makes the names, numbers, epoch and the run that stands; the rest is in the process's state."""
    run = control.last_run()
    return {
        "names": [codec.encode(name).hex() for name in control.names],
        "run": codec.encode(run).hex(),
        "run_offset": control.run_offset,
    }


def control_of(kept: Mapping[str, Any]) -> Control:
    """The Control that was kept: what gives writers their numbers and the run its clock."""
    control = Control()
    for body in kept["names"]:
        name = codec.decode(Name, bytes.fromhex(body))
        control.names.append(name)
        control.numbers[name.kind].setdefault(name.name, name.number)
        control.epoch = control.epoch or name.epoch
    run = codec.decode(Command, bytes.fromhex(kept["run"]))
    control.run, control.run_offset = run, kept["run_offset"]
    control.runs[run.run_number or 0] = (run, control.run_offset)
    return control
