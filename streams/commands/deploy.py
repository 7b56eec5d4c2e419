"""`millrace apply`, `run` and `process`."""

import gc
from collections.abc import Callable

from streams.commands.kernel import Kernel
from streams.config import endpoints
from streams.topology.model import load
from streams.topology.recordings import existing, recordings_of

__all__ = ["apply_file", "run_file", "run_process"]

Say = Callable[[str], None]
_GARBAGE = 20_000  # objects between two looks for garbage; 700 by default, which costs a tenth of a process's start


def apply_file(path: str, say: Say) -> None:
    """Apply a topology file to the stack."""
    from streams.topology.apply import apply

    topology = load(path)
    done = apply(topology, endpoints(), say)
    say(f"apply: {done.changes} changes, {done.topics} topics, {done.tables} tables" if done.changes else "apply: no change")


def run_file(path: str, fresh: bool, recordings: tuple[str, ...], speed: float, say: Say) -> None:
    """Run a topology until a signal or the end of its recordings."""
    from streams.topology.logs import configure
    from streams.topology.run import RunOptions, run

    topology = load(path)
    files = recordings_of(topology, recordings)
    where = endpoints()  # no stack is said before the kernel is made ready
    configure()
    with Kernel(path) as kernel:
        kernel.wait()
    ending = run(topology, where, RunOptions(fresh, files, speed), say)
    how = "finished" if ending.finished else "stopped"
    say(f"run {ending.run.number} {how} after {ending.seconds:.0f} s; processes started again: {ending.restarts}")


def run_process(path: str, name: str, shard: int, recordings: tuple[str, ...]) -> int:
    """Run one process in the foreground; its exit status."""
    from streams.topology.logs import configure
    from streams.topology.parent import end_with_parent
    from streams.topology.processes import find, run_instance

    gc.set_threshold(_GARBAGE)
    end_with_parent()
    topology = load(path)
    configure()
    return run_instance(topology, find(topology, name, shard), endpoints(), existing(recordings))
