"""The kernel: what compiling costs, how fast a process starts, and how fast the book and the whole decision chain run.

Peers, in the same run: compiling at every start, as a plain JIT does, and the same Python source uncompiled.
The data are the synthetic market, so that the figures can be had anywhere; each compiled result is compared with the plain one first.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from claims import Claim, conditions, report, seconds

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

START = """
import time; start = time.perf_counter()
from tests.agents.desk import T0, Desk, book
desk = Desk("strategy", "risk", "execute", "account", compiled=True)
assert len(desk.give(book(1, "60000.0", "60000.1", T0, snapshot=True))) == 8
print(time.perf_counter() - start)
"""


def start_s(cache: str) -> float:
    """Seconds from the first import to the first input carried to completion, in a new process."""
    root = Path(__file__).resolve().parents[1]
    env = {**os.environ, "MILLRACE_CACHE": cache, "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", START], env=env, cwd=root, capture_output=True, text=True, check=True)
    return float(done.stdout)


def chain(compiled: bool, frames: int) -> tuple[float, int, dict[str, bytes]]:
    """Seconds, records and end state of a run of every agent over the synthetic market."""
    from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
    from tests.agents.recorded import Run

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "market.gz"
        write_synthetic(path, SyntheticMarket(seconds=20))
        run = Run(compiled, path)
        spent = seconds(lambda: run.play(frames), runs=1)
    return spent, len(run.records), {part: data for part, (_, _, data) in run.process.snapshot().items()}


def measure() -> list[Claim]:
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = start_s(cache), min(start_s(cache) for _ in range(3))
    fast, records, ours = chain(True, 3_000)
    slow, same, theirs = chain(False, 3_000)
    assert records == same, "plain and compiled wrote a different number of records"
    assert ours == theirs, "plain and compiled runs ended in different bytes"
    return [
        Claim("cold: compile node and strategy, step the first input", cold, None, None, "s", "< 20 s", cold < 20),
        Claim("warm: load, step the first input (peer: compiling each time)", warm, cold, cold / warm, "s", "< 1 s", warm < 1),
        Claim(
            "frames to positions, all agents (peer: uncompiled)", records / fast, same / slow, slow / fast, "records/s", "> 1", fast < slow
        ),
    ]


if __name__ == "__main__":
    report("kernel", conditions(), measure)
