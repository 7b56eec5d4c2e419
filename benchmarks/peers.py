"""Runs a peer's script in the peers' environment (.venv-bench, made by `make peers`) and takes what it measured.

The script stands in benchmarks/peers_scripts/ and must not import ours: it reads files that were written for it and prints one JSON
object as its last line.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["PeerError", "python", "run"]

HERE = Path(__file__).resolve().parent
SCRIPTS = HERE / "peers_scripts"


class PeerError(RuntimeError):
    """A peer could not be measured: its environment is missing, or its script failed."""


def python() -> Path:
    """The interpreter of the peers' environment; MILLRACE_PEERS names another place than .venv-bench of this checkout."""
    found = Path(os.environ.get("MILLRACE_PEERS", HERE.parent / ".venv-bench")) / "bin" / "python"
    if not found.exists():
        raise PeerError(f"{found} does not exist: run `make peers`, or set MILLRACE_PEERS to an environment made by it")
    return found


def run(script: str, *args: object, timeout_s: float = 600.0) -> dict[str, Any]:
    """The JSON object that benchmarks/peers_scripts/`script` printed last. PeerError with its last words if it failed."""
    path = SCRIPTS / script
    try:
        done = subprocess.run([python(), path, *map(str, args)], capture_output=True, text=True, timeout=timeout_s, cwd=SCRIPTS)
    except subprocess.TimeoutExpired as error:
        raise PeerError(f"{script}: no end within {timeout_s:.0f} s") from error
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        raise PeerError(f"{script}: exit status {done.returncode}: {' / '.join(done.stderr.strip().splitlines()[-4:])}")
    return json.loads(lines[-1])
