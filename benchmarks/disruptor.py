"""LMAX Disruptor on this machine: its jar and a compiler of Java from Maven, run by the JVM that the platform has anyway.

`measure` gives None where they cannot be had (no network, no JVM): then a benchmark says that its peer is a published figure.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.errors import StackError
from streams.local import artifacts

__all__ = ["DISRUPTOR", "Measured", "measure"]

DISRUPTOR = "4.0.0"
_COMPILER = "3.42.0"
_SOURCE = Path(__file__).resolve().parent / "peers_scripts" / "Disruptor1P.java"
_BOUND_S = 300


@dataclass(frozen=True)
class Measured:
    """What it does here.

    rates : events a second by (readers, events a publish)
    ages  : mean, p50, p99, p99.9, max in ns by readers, of events that were due on a schedule
    java  : the JVM's feature version
    """

    rates: dict[tuple[int, int], float]
    ages: dict[int, tuple[float, ...]]
    java: str


def measure(capacity: int, events: int, runs: int, paced: int, gap_ns: int) -> Measured | None:
    """Run it with these numbers, as benchmarks/ring.py runs ours."""
    try:
        java = artifacts.java()
        jars = artifacts.class_path(f"disruptor-{DISRUPTOR}", f"com.lmax:disruptor:{DISRUPTOR}", _say)
        compiler = artifacts.class_path(f"ecj-{_COMPILER}", f"org.eclipse.jdt:ecj:{_COMPILER}", _say)
    except StackError as error:
        _say(str(error))
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = ":".join(jars)
        _run(
            java, "-cp", ":".join(compiler), "org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-cp", path, "-d", folder, str(_SOURCE)
        )
        numbers = map(str, (capacity, events, runs, paced, gap_ns))
        said = _run(java, "-Xms1g", "-Xmx1g", "-XX:+AlwaysPreTouch", "-cp", f"{path}:{folder}", "Disruptor1P", *numbers)
    found = json.loads(said.splitlines()[-1])
    rates = {(int(key.split("/")[0]), int(key.split("/")[1])): rate for key, rate in found["rates"].items()}
    return Measured(rates, {int(readers): tuple(ages) for readers, ages in found["ages"].items()}, found["java"])


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_BOUND_S)
    assert done.returncode == 0, f"the Disruptor's program failed: {' / '.join(done.stderr.strip().splitlines()[-3:])}"
    return done.stdout


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    print(measure(1 << 16, 10_000_000, 3, 500_000, 1_000))
