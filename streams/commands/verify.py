"""`millrace verify`: journals executed again."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from streams.commands.json_lines import json_value
from streams.commands.progress import Bar, note
from streams.config import Endpoints, endpoints
from streams.errors import ConfigError
from streams.schema import ids
from streams.topology.instances import Instance, journalled
from streams.topology.model import Topology, load
from streams.topology.processes import build_process, lane_spec
from streams.topology.source import nearest
from streams.topology.times import instant_ns, instant_text

if TYPE_CHECKING:
    from streams.lanes.verify import Asked, Verdict
    from streams.topology.changes import Change

__all__ = ["Options", "verify_file"]

Say = Callable[[str], None]


class Options(NamedTuple):
    """What is asked for, as on the command line; "" and None = not given."""

    process: str = ""
    run_number: int | None = None
    from_time: str = ""
    to_time: str = ""
    settings: tuple[str, ...] = ()
    as_json: bool = False


def verify_file(path: str, options: Options, say: Say) -> int:
    """One verdict a process and shard; 0 when all are equal, else 1."""
    topology, where = load(path), endpoints()
    wanted = _wanted(topology, options.process)
    changes, asked = _asked(topology, options)
    if not options.as_json:
        for change in changes:
            say(str(change))
    verdicts = []
    for instance in wanted:
        verdict = _verdict(topology, instance, where, asked, None if options.as_json else note)
        verdicts.append(verdict)
        if not options.as_json:
            say(f"{verdict}{_coverage(verdict, asked)} ({verdict.seconds:.1f} s)")
    if options.as_json:
        say(_json(verdicts, changes))
    return 0 if all(verdict.equal for verdict in verdicts) else 1


def _verdict(topology: Topology, instance: Instance, where: Endpoints, asked: "Asked", show: Say | None) -> "Verdict":
    from streams.lanes.verify import verify

    with Bar(f"verify {instance.name}/{instance.shard}", "inputs", show) as bar:
        (verdict,) = verify(
            [lane_spec(topology, instance, where)],
            lambda spec, control: build_process(topology, instance)(control),
            asked,
            lambda verdict, done: bar.update(done, verdict.executed),
        )
    return verdict


def _wanted(topology: Topology, process: str) -> list[Instance]:
    """The processes that have a journal, or the one of that name."""
    agents = journalled(topology)
    wanted = [instance for instance in agents if process in ("", instance.name)]
    if not wanted:
        raise ConfigError(f"{topology.path}: no process {process!r} with a journal{nearest(process, {i.name for i in agents})}")
    return wanted


def _asked(topology: Topology, options: Options) -> tuple[list["Change"], "Asked"]:
    """What is replaced, and all that is asked of the lane."""
    from streams.lanes.verify import Asked
    from streams.topology.changes import changes

    asked = Asked(options.run_number)
    if options.from_time:
        asked = asked._replace(from_ns=instant_ns(options.from_time, "--from"))
    if options.to_time:
        asked = asked._replace(to_ns=instant_ns(options.to_time, "--to"))
    if asked.from_ns >= asked.to_ns:
        raise ConfigError(f"--from {options.from_time} --to {options.to_time}: ends before it begins; give a later --to")
    found = changes(topology, load(topology.path, options.settings)) if options.settings else []
    return found, asked._replace(replaced=tuple(change.after for change in found))


def _coverage(verdict: "Verdict", asked: "Asked") -> str:
    """What was compared, where that is not the whole run."""
    if not asked.in_part:
        return ""
    if not verdict.batches and verdict.difference is None:
        return f" in the time asked for; what was goes from {_time(verdict.began_ns)} to {_time(max(verdict.began_ns, verdict.ended_ns))}"
    times = f"{_time(verdict.first_ns)} to {_time(verdict.last_ns)}"
    text = f"; batches {verdict.first_batch} to {verdict.last_batch}, {times}" if verdict.batches else ""
    if asked.from_ns:
        start = f"snapshot {verdict.snapshot}" if verdict.snapshot >= 0 else "the start of the run"
        text += f"; {verdict.before} before them executed from {start}, not compared"
    return text + (f": batch {verdict.before_differs} is the first of them that differs" if verdict.before_differs >= 0 else "")


def _time(at_ns: int) -> str:
    """To the millisecond."""
    return instant_text(at_ns // 10**6 * 10**6)


def _json(verdicts: Iterable["Verdict"], changes: Iterable["Change"]) -> str:
    """One object: whether all are equal, what was replaced, each verdict."""
    found = [{"equal": verdict.equal, **asdict(verdict), "difference": _difference(verdict)} for verdict in verdicts]
    return json.dumps({"equal": all(each["equal"] for each in found), "replaced": [str(change) for change in changes], "processes": found})


def _difference(verdict: "Verdict") -> dict[str, Any] | None:
    """The first difference; values that JSON does not know as text, ids as people write them."""
    found = verdict.difference
    if found is None:
        return None
    values = {"recorded": json_value(found.field, found.recorded), "now": json_value(found.field, found.now)}
    told = {"batch": found.batch, "topic": found.topic, "id": ids.text(found.id) if found.id else "", "field": found.field}
    return {**told, **values, "cause_id": ids.text(found.cause_id) if found.cause_id else "", "text": str(found)}
