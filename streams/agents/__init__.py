"""Agents: records in, records out, state in between. No I/O, no clock, no randomness that is not an input. One file an agent."""
