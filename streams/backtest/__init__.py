"""Backtests: the agents of a topology and simulated venues, carried through recorded market data in virtual time."""
