"""Logs of the processes: one line an event, `2026-11-21T12:00:00.123Z info lane restored run=3`."""

import logging
import sys
from typing import Any

import structlog

__all__ = ["configure"]

_FIRST = ("timestamp", "level", "logger", "event")


def configure(level: int = logging.INFO) -> None:
    """Write structlog's events to stderr, which the supervisor leads into the process's log file."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _line(_: Any, __: str, event: Any) -> str:
    head = [str(event.pop(name)) for name in _FIRST if name in event]
    exception = event.pop("exception", "")
    rest = [f"{name}={_text(value)}" for name, value in event.items()]
    return " ".join(head + rest) + (f"\n{exception}" if exception else "")


def _text(value: Any) -> str:
    text = str(value)
    return repr(text) if " " in text or not text else text
