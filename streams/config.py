"""Where the broker, the registry and ClickHouse are, and which folder this checkout keeps its state in.

One rule for every command, process and test. For each address on its own, the first that is set wins:

1. the environment: `MILLRACE_KAFKA`, `MILLRACE_REGISTRY`, `MILLRACE_CLICKHOUSE`, `MILLRACE_DATABASE`
2. `endpoints.toml` in the state folder, four optional lines: `kafka = "host:port"`, `registry = "http://..."`,
   `clickhouse = "http://..."`, `database = "..."`
3. the embedded stack that `millrace up` started: `state.json` in the state folder

The state folder is `.millrace` of the checkout, or `MILLRACE_HOME`.
"""

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streams.errors import ConfigError

__all__ = ["Endpoints", "cache_folder", "endpoints", "given", "home_folder", "plain", "read_state"]

DATABASE = "millrace"
SERVICES = ("kafka", "registry", "clickhouse")
KEYS = (*SERVICES, "database")


@dataclass(frozen=True)
class Endpoints:
    """Addresses of what a process talks to.

    kafka      : bootstrap servers, `host:port[,host:port...]`
    registry   : root of the registry's Confluent API, without a slash at the end
    clickhouse : HTTP root of ClickHouse, `http://[user:password@]host:port`
    database   : ClickHouse database that holds the tables
    """

    kafka: str
    registry: str
    clickhouse: str
    database: str = DATABASE


def plain() -> bool:
    """Agents run as plain Python objects, not as machine code: `MILLRACE_PLAIN=1`, which `--plain` sets. Same records, slower."""
    return os.environ.get("MILLRACE_PLAIN") == "1"


def home_folder() -> Path:
    """The folder with this checkout's state: `MILLRACE_HOME`, else `.millrace` beside the package (or below the working folder)."""
    named = os.environ.get("MILLRACE_HOME")
    if named:
        return Path(named).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[1]
    root = checkout if (checkout / "pyproject.toml").exists() else Path.cwd()
    return root / ".millrace"


def cache_folder() -> Path:
    """The folder that all checkouts of one user share (jars, compiled kernels): `MILLRACE_CACHE`, else `~/.cache/millrace`."""
    named = os.environ.get("MILLRACE_CACHE")
    return Path(named).expanduser().resolve() if named else Path.home() / ".cache" / "millrace"


def given(home: Path | None = None) -> dict[str, str]:
    """The addresses that the environment or `endpoints.toml` sets, by key; ConfigError for a file that cannot be read."""
    found = _read_endpoints_file((home or home_folder()) / "endpoints.toml")
    found.update({key: os.environ[name] for key in KEYS if os.environ.get(name := f"MILLRACE_{key.upper()}")})
    return {key: value.rstrip("/") for key, value in found.items()}


def read_state(home: Path | None = None) -> dict[str, Any]:
    """What `millrace up` wrote about the embedded stack; empty if nothing was started."""
    path = (home or home_folder()) / "state.json"
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as fault:
        raise ConfigError(f"{path}: is not JSON ({fault}); run `millrace down`, then delete it") from None


def endpoints(home: Path | None = None) -> Endpoints:
    """Where to connect; ConfigError if an address is neither given nor that of a started embedded stack."""
    home = home or home_folder()
    found = given(home)
    for name, service in read_state(home).get("services", {}).items():
        found.setdefault(name, service["address"])
    missing = [key for key in SERVICES if key not in found]
    if missing:
        names = ", ".join(f"MILLRACE_{key.upper()}" for key in missing)
        raise ConfigError(f"no stack is up in {home} ({', '.join(missing)} unknown); run `millrace up`, or set {names}")
    return Endpoints(**found)


def _read_endpoints_file(path: Path) -> dict[str, str]:
    try:
        table = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(f"{path}: {fault}") from None
    faults = [f"{key}: unknown; allowed are {', '.join(KEYS)}" for key in table if key not in KEYS]
    faults += [f"{key}: is {value!r}, must be a text" for key, value in table.items() if key in KEYS and not isinstance(value, str)]
    if faults:
        raise ConfigError("; ".join(f"{path}: {fault}" for fault in faults))
    return dict(table)
