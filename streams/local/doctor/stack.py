"""The stack: its ports, its services, and a docker engine for those who want the services as containers."""

import http.client
import os
import socket
from pathlib import Path

from streams.config import SERVICES, given
from streams.local.doctor.finding import BETTER, WRONG, Finding
from streams.local.doctor.host import Host
from streams.local.home import Home
from streams.local.ports import DEFAULT_BASE, asked_base
from streams.local.service import OFFSETS

__all__ = ["PORTS", "docker", "ports", "services"]

PORTS = {**OFFSETS, "simulated venue": 10, "page": 66}
"""What listens where: above the base port."""
_SERVICE = {"controller": "kafka"}
_BOUND_S = 2.0


def ports(host: Host) -> Finding:
    """Whether the ports that `up` and `run` would take are free, or by whom they are taken."""
    asked = asked_base()
    base = asked or Home(host.home).base_port() or DEFAULT_BASE
    elsewhere = given(host.home)
    embedded = {name: offset for name, offset in PORTS.items() if _SERVICE.get(name, name) not in elsewhere}
    held = host.holders(tuple(base + offset for offset in embedded.values()))
    found = f"from {base}: {len(embedded) - len(held)} of {len(embedded)} free"
    theirs: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for name, offset in embedded.items():
        holder, ours, owner = held.get(base + offset, ("", True, ""))
        if not ours:
            theirs.setdefault(holder, []).append(f"{base + offset} ({name})")
        elif owner and owner != str(host.home):
            others.setdefault(f"the stack of {owner}", []).append(f"{base + offset} ({name})")
    remedy = f"MILLRACE_PORT={base + 10_000 if base < 50_000 else DEFAULT_BASE} millrace up"
    if theirs or (others and asked):
        taken = "; ".join(f"{', '.join(places)} taken by {holder}" for holder, places in (theirs | others).items())
        return Finding("ports", f"{found}; {taken}", WRONG, "the stack, or a run, cannot listen there", remedy)
    if others:
        return Finding("ports", f"{found}; the rest have {' and '.join(others)}: `up` takes the next free thousand")
    return Finding("ports", found + ("; the rest are millrace's own" if held else ""))


def services(host: Host) -> Finding:
    """Whether the stack is up."""
    found = host.services()
    told = ", ".join(f"{one.name} {one.state}" + (f" at {one.address}" if one.address else "") for one in found)
    silent = [one for one in found if one.given and one.state != "up"]
    if silent:
        names = " ".join(f"MILLRACE_{one.name.upper()}" for one in silent)
        cost = "an address was given, and nothing answers there: no command reaches it"
        return Finding("stack", told, WRONG, cost, f"unset {names}; grep -n . {host.home}/endpoints.toml")
    if any(one.state in ("dead", "silent") for one in found):
        return Finding("stack", told, BETTER, "a service was started and does not answer: runs wait for it", "millrace up")
    if len({one.state for one in found}) > 1:
        return Finding("stack", told, BETTER, "a run needs all of them", "millrace up")
    return Finding("stack", f"not up ({', '.join(SERVICES)}); `millrace up` starts it" if found[0].state == "down" else told)


def docker(host: Host) -> Finding:
    """Whether a docker engine answers."""
    cost = "the services cannot be started by docker-compose.kafka.yml, and its tests are skipped; nothing else needs docker"
    fault = ""
    for path in _sockets(host):
        try:
            return Finding("docker", f"engine {_asked_version(path)} at {path}")
        except PermissionError:
            remedy = "sudo usermod -aG docker $USER  # then log in again"
            return Finding("docker", f"{path}: this user may not use it", BETTER, cost, remedy)
        except OSError as found:
            fault = f"no answer at {path} ({found.strerror or found})"
    if host.environ.get("DOCKER_HOST", "").startswith("tcp://"):
        return Finding("docker", f"at {host.environ['DOCKER_HOST']} (not asked)")
    install = (
        "sudo apt-get install docker.io docker-compose-v2" if host.exists("etc/debian_version") else "# docs.docker.com/engine/install"
    )
    return Finding("docker", fault or "no engine", BETTER, cost, "sudo systemctl start docker" if fault else install)


def _sockets(host: Host) -> list[str]:
    """Where an engine may listen, those that are there."""
    named = host.environ.get("DOCKER_HOST", "")
    if named:
        return [named.removeprefix("unix://")] if named.startswith("unix://") else []
    paths = [str(host.root / "var/run/docker.sock"), str(host.root / "run/podman/podman.sock")]
    paths += [f"{host.environ['XDG_RUNTIME_DIR']}/docker.sock"] if host.environ.get("XDG_RUNTIME_DIR") else []
    paths += [str(Path(host.environ["HOME"]) / ".docker/run/docker.sock")] if host.environ.get("HOME") else []
    return [path for path in paths if os.path.exists(path)]


def _asked_version(path: str) -> str:
    """The engine's own answer; OSError without one."""
    connection = http.client.HTTPConnection("docker", timeout=_BOUND_S)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(_BOUND_S)
    try:
        connection.sock.connect(path)
        connection.request("GET", "/_ping")
        answer = connection.getresponse()
        answer.read()
    except http.client.HTTPException as fault:
        raise OSError(f"no HTTP: {fault or type(fault).__name__}") from None
    finally:
        connection.close()
    return f"API {answer.getheader('Api-Version', '?')}"
