"""Lanes carry records to agents: `kafka` is the river; `fast` and `replay` stand beside it."""
