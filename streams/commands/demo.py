"""`millrace demo`: environment, kernel, stack, topology, a run, and what came of it, read from ClickHouse."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from streams.commands.kernel import Kernel
from streams.config import Endpoints, home_folder
from streams.errors import ConfigError
from streams.local import services
from streams.local.service import line
from streams.topology.instances import instances
from streams.topology.model import Topology, load
from streams.topology.recordings import recordings_of

__all__ = ["demo"]

Say = Callable[[str], None]
_TOPOLOGY = "topologies/demo.yaml"
_SPEED_MAX = 20.0
_FRAMES_PER_S = 1_500  # what two cores carry with room to spare; faster, and agents lag and stop trading
_SYNTHETIC = {"seed": 1, "seconds": 600.0, "events_per_s": 60.0}


def demo(path: str, say: Say) -> int:
    """Run the demo; its exit status. The stack stays up afterwards."""
    path = path or _demo_topology()
    topology, speed = load(path), _asked_speed()
    recordings = recordings_of(topology, _asked_recordings())
    with Kernel(path) as kernel:
        where = services.up(say)
        _apply(topology, where, say)
        recordings = recordings or recordings_of(topology, (_synthetic(say),))
        kernel.wait()
    return _play(topology, where, recordings, speed, say)


def _demo_topology() -> str:
    here = Path(_TOPOLOGY)
    return _TOPOLOGY if here.is_file() else str(Path(__file__).resolve().parents[2] / _TOPOLOGY)


def _asked_speed() -> float:
    """The speed that the environment asks for, 0 if none."""
    text = os.environ.get("MILLRACE_SPEED", "")
    try:
        speed = float(text) if text else 1.0
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 10_000:
        raise ConfigError(f"MILLRACE_SPEED={text!r}: must be recorded seconds per second, more than 0 and at most 10000, such as 20")
    return speed if text else 0.0


def _asked_recordings() -> list[str]:
    text = os.environ.get("MILLRACE_RECORDING", "")
    return [part for half in text.split(",") for part in half.split(os.pathsep) if part]


def _apply(topology: Topology, where: Endpoints, say: Say) -> None:
    from streams.topology.apply import apply

    began_s = time.monotonic()
    done = apply(topology, where, lambda _: None)
    text = f"{topology.name}: {done.topics} topics, {done.tables} tables, {len(instances(topology))} processes"
    say(line("topology", f"{text}, {done.changes} changes" if done.changes else f"{text}, no change", time.monotonic() - began_s))


def _synthetic(say: Say) -> str:
    """A market that needs no data: the same one each time, kept in the state folder."""
    from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic

    market = SyntheticMarket(**_SYNTHETIC)
    path = home_folder() / f"synthetic_{market.symbol.lower()}_{market.seed}_{market.seconds:.0f}s.gz"
    if not path.exists():
        began_s, aside = time.monotonic(), path.with_suffix(f".{os.getpid()}.tmp.gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            frames = write_synthetic(aside, market)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        say(line("market", f"synthetic, {frames:,} frames, {path.name}", time.monotonic() - began_s))
    return str(path)


def _play(topology: Topology, where: Endpoints, recordings: dict[str, tuple[str, ...]], speed: float, say: Say) -> int:
    from streams.commands.live import Board
    from streams.commands.summary import last_fill, summary
    from streams.sinks.query import client
    from streams.topology.run import RunOptions, run

    clickhouse = client(where)
    files = [file for files in recordings.values() for file in files]
    label = ", ".join(Path(path).name for path in files)
    length = _length(files)
    speed = speed or length.speed
    say(line("market", f"{label}: {length.frames:,} frames of {length.ns / 1e9:.0f} s, played {speed:g} times as fast"))
    with Board(clickhouse, label, length.ns, say) as board:
        ending = run(topology, where, RunOptions(True, recordings, speed), board.told, board.poll)
    say("")
    how = "finished" if ending.finished else "stopped"
    say(f"run {ending.run.number} {how} after {ending.seconds:.0f} s; from ClickHouse, {where.clickhouse}:")
    for text in summary(clickhouse, ending.run.number):
        say(text)
    fill = last_fill(clickhouse, ending.run.number)
    clickhouse.close()
    say("")
    walk = f"       .venv/bin/millrace lineage {fill}" if fill else ""
    say(f'look:    .venv/bin/millrace query "select * from fills limit 5"{walk}')
    say(f"verify:  .venv/bin/millrace verify {topology.path}")
    say(f"replay:  .venv/bin/millrace replay {topology.path} --run {ending.run.number} --report out/")
    say("stop:    .venv/bin/millrace down")
    return 0 if ending.finished else 130


class _Length(NamedTuple):
    """What a recording holds: its frames, and the recorded time from the first to the last."""

    frames: int
    ns: int

    @property
    def speed(self) -> float:
        """The speed at which so many frames leave a second as the machine carries, between real time and twenty times as fast."""
        return min(_SPEED_MAX, max(1.0, round(_FRAMES_PER_S * self.ns / 1e9 / max(1, self.frames), 1)))


def _length(recordings: list[str]) -> _Length:
    from streams.venues.binance.recording import Line, read_recording

    times = [one.recv_ts_ns for path in recordings for one in read_recording(path) if isinstance(one, Line)]
    return _Length(len(times), max(times) - min(times)) if times else _Length(0, 0)
