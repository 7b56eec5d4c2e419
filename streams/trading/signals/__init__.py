"""Signals of market microstructure: each incremental, in bounded memory, equal to its batch formula. Table in docs/signals.md."""
