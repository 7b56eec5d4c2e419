"""Run every benchmark beside its peer and write the table of docs/benchmarks.md: `make bench`, or `python benchmarks/run_all.py NAME ...`.

A script that fails or misses a goal is told, the others still run; the exit status is 1 then.
"""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
SHARED = (
    "run_all",
    "claims",
    "disruptor",
    "fast_edge",
    "fast_world",
    "peers",
    "book_streams",
    "order_cycle",
    "replay_grid",
    "replay_ours",
    "replay_rows",
    "replay_stream",
    "made_records",
    "metronome",
    "kafka_chain",
    "kafka_io",
    "kafka_paced",
    "kafka_shipped",
    "kafka_stack",
)
BOUND_S = 900

HEAD = """# Benchmarks

Written by `make bench`. Each script of `benchmarks/` checks its result before it gives a figure, and measures its peer in the same run
on the same machine: compare the ratios, not figures of two machines. A ratio above 1 says that ours is better.
"""


def main(names: list[str]) -> int:
    """Run the scripts, all by default; 0 when every goal was met."""
    scripts = [path for path in sorted(HERE.glob("*.py")) if path.stem not in SHARED and (not names or path.stem in names)]
    results = [found for script in scripts if (found := _run(script)) is not None]
    if not names:
        PAGE.write_text(page(results))
        print(f"written: {PAGE.relative_to(HERE.parent)}")
    met = [claim["met"] for result in results for claim in result["claims"]]
    print(f"{sum(met)} of {len(met)} goals met, {len(scripts) - len(results)} scripts failed")
    return 0 if all(met) and len(results) == len(scripts) else 1


def page(results: list[dict[str, Any]]) -> str:
    """The page as text: one table a script, with its conditions."""
    parts = [HEAD]
    for result in results:
        where = ", ".join(f"{name} {value}" for name, value in result["conditions"].items())
        parts.append(f"## {result['name']}\n\n{where}; {datetime.now(UTC):%Y-%m-%d}.\n")
        parts.append("| claim | ours | peer | ratio | goal | met |\n|---|---:|---:|---:|---|---|")
        parts += [_row(claim) for claim in result["claims"]]
        parts.append("")
    return "\n".join(parts)


def _row(claim: dict[str, Any]) -> str:
    peer = "" if claim["peer"] is None else f"{claim['peer']:,.4g} {claim['unit']}"
    ratio = "" if claim["ratio"] is None else f"{claim['ratio']:,.2f}"
    ours, met = f"{claim['ours']:,.4g} {claim['unit']}", "yes" if claim["met"] else "**no**"
    return f"| {claim['claim']} | {ours} | {peer} | {ratio} | {claim['goal']} | {met} |"


def _run(script: Path) -> dict[str, Any] | None:
    print(f"{script.stem:<16} running", flush=True)
    try:
        done = subprocess.run([sys.executable, str(script), "--json"], capture_output=True, text=True, timeout=BOUND_S, cwd=HERE.parent)
        result = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, IndexError, ValueError) as error:
        shown = done.stderr.strip().splitlines()[-3:] if isinstance(error, IndexError | ValueError) else [f"no end within {BOUND_S} s"]
        print(f"{script.stem:<16} failed: {' / '.join(shown)}", flush=True)
        return None
    for claim in result["claims"]:
        peer = "" if claim["peer"] is None else f"   peer {claim['peer']:,.4g}   ratio {claim['ratio']:,.2f}"
        print(f"  {claim['claim']:<58} {claim['ours']:>12,.4g} {claim['unit']}{peer}   {'met' if claim['met'] else 'MISSED'}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
