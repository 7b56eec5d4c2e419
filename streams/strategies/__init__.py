"""Strategies as users write them: one file of plain Python each."""
