"""`millrace verify`: journals executed again."""

from collections.abc import Callable

from streams.config import endpoints
from streams.errors import ConfigError
from streams.topology.instances import Instance, instances
from streams.topology.model import load
from streams.topology.processes import build_process, lane_spec
from streams.topology.source import nearest

__all__ = ["verify_file"]


def verify_file(path: str, process: str, run_number: int | None, say: Callable[[str], None]) -> int:
    """One verdict a process and shard; 0 when all are equal, else 1."""
    from streams.lanes.verify import verify

    topology, where = load(path), endpoints()
    agents = [instance for instance in instances(topology) if instance.kind == "agents"]
    wanted = [instance for instance in agents if process in ("", instance.name)]
    if not wanted:
        raise ConfigError(f"{path}: no process {process!r} with a journal{nearest(process, {i.name for i in agents})}")
    equal = True
    for instance in wanted:
        by_name: dict[str, Instance] = {instance.name: instance}
        (verdict,) = verify(
            [lane_spec(topology, instance, where)],
            lambda spec, control, by_name=by_name: build_process(topology, by_name[spec.process])(control),
            run_number,
        )
        say(f"{verdict} ({verdict.seconds:.1f} s)")
        equal = equal and verdict.equal
    return 0 if equal else 1
