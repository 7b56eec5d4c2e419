"""Enum values as plain integers, for code that runs compiled: the symbol indices of the Avro enums; a test keeps them equal."""

__all__ = [
    "BUY",
    "CANCELLED",
    "DAY",
    "EXPIRED",
    "FILLED",
    "FOK",
    "GTC",
    "GTD",
    "HALF_UP",
    "ICEBERG",
    "IMPLEMENTATION_SHORTFALL",
    "INVERSE",
    "IOC",
    "LIMIT",
    "LINEAR",
    "MARKET",
    "NEW",
    "PARTIALLY_FILLED",
    "PEGGED",
    "PENDING_CANCEL",
    "PENDING_NEW",
    "PENDING_REPLACE",
    "REJECTED",
    "SELL",
    "SPOT",
    "STOP",
    "STOP_LIMIT",
    "TWAP",
    "UP",
    "VWAP",
    "sign",
]

# Side
BUY: int = 0
SELL: int = 1

# OrdType
MARKET: int = 0
LIMIT: int = 1
STOP: int = 2
STOP_LIMIT: int = 3
ICEBERG: int = 4
TWAP: int = 5
VWAP: int = 6
IMPLEMENTATION_SHORTFALL: int = 7
PEGGED: int = 8

# TimeInForce
GTC: int = 0
IOC: int = 1
FOK: int = 2
DAY: int = 3
GTD: int = 4

# OrdStatus; FILLED and CANCELLED, REJECTED, EXPIRED are terminal
PENDING_NEW: int = 0
NEW: int = 1
PARTIALLY_FILLED: int = 2
FILLED: int = 3
PENDING_CANCEL: int = 4
PENDING_REPLACE: int = 5
CANCELLED: int = 6
REJECTED: int = 7
EXPIRED: int = 8

# InstrumentType
SPOT: int = 0
LINEAR: int = 1
INVERSE: int = 2

# FeeRounding
HALF_UP: int = 0
UP: int = 1


def sign(side: int) -> int:
    """+1 for BUY, -1 for SELL."""
    return 1 - 2 * side
