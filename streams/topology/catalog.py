"""The agents and shells that a topology may name, and what decides an agent's shard."""

from typing import Literal

__all__ = ["AGENTS", "SHELLS"]

AGENTS: dict[str, Literal["instrument", "account"]] = {
    "normalize": "instrument",
    "strategy": "instrument",
    "risk": "account",
    "execute": "account",
    "account": "account",
}
"""Every agent of `streams/agents/`, in the order in which a process lists them, with what its shard follows."""

SHELLS: tuple[str, ...] = ("feed", "venue", "gateway", "mirror", "sink", "control")
"""Processes that touch the world: they carry records and decide nothing. Derived from venues, lanes and sinks; control is in every
topology."""
