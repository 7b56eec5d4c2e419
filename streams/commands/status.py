"""`millrace status` and `millrace down`."""

from collections.abc import Callable

__all__ = ["show", "stop"]

Say = Callable[[str], None]


def show(say: Say) -> None:
    """One line a service, one a running process, one a ring of the fast lane."""
    import json

    from streams.commands.rings_shown import ring_lines
    from streams.lanes.fast_rings import rings_folder
    from streams.local import services
    from streams.topology.processes import run_folder
    from streams.topology.progress import latency_text
    from streams.topology.run import holder

    for one in services.status():
        place = "given" if one.given else f"pid {one.pid}  {one.memory_mb} MB  {_duration(one.up_s)}" if one.pid else ""
        log = f"  log {one.log}" if one.log else ""
        say(f"{one.name:<16} {one.state:<7} {one.address:<48} {place}{log}".rstrip())
    pid = holder()
    say(f"{'run':<16} {'up' if pid else 'down':<7} {f'pid {pid}' if pid else ''}".rstrip())
    paths = sorted(run_folder().glob("*.json"), key=lambda path: path.stem) if pid else []
    width = max((len(path.stem) for path in paths), default=0)
    for path in paths:
        found = json.loads(path.read_text())
        letters = f"  dead letters {found['dead_letters']:,}" if found.get("dead_letters") else ""
        figures = (
            f"in {found['records_in']:,}  out {found['records_out']:,}  lag {found['lag']:,}  p99 {latency_text(found['latency_ms_p99'])}"
        )
        say(f"  {path.stem:<{width}} {found['state']:<7} run {found['run']}  {figures}  pid {found['pid']}{letters}")
    for line in ring_lines(rings_folder()):
        say(line)


def stop(purge: bool, say: Say) -> None:
    """Stop a run in order, then the services."""
    from streams.local import services
    from streams.topology.fast import drop_rings
    from streams.topology.run import stop_run

    stop_run(say=say)
    if dropped := drop_rings(purge):
        say(f"{'rings':<16} {dropped}")
    services.down(purge, say)
    if purge:
        _purge()


def _purge() -> None:
    """What runs left behind: their status files and the simulated venue's logs."""
    import shutil

    from streams.config import home_folder

    for name in ("run", "venue"):
        shutil.rmtree(home_folder() / name, ignore_errors=True)


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    return f"{int(seconds)} s" if minutes < 2 else f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
