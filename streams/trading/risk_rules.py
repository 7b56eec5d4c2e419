"""The ten rules of the risk tree, the codes of its answers, and the ranges of what it counts.

The numbers are the symbols' positions in the Avro enums `Rule` and `DenyCode` (a test keeps them equal): compiled code reads plain
integers.
"""

# rules, in the order in which one scope checks them
ORDER_SIZE, ORDER_NOTIONAL, COLLAR, LONG, SHORT, GROSS, OPEN_ORDERS, OPEN_NOTIONAL, ORDER_RATE, DAILY_LOSS = range(10)

# answers of a check; the order of the rules above, so that a denial by rule r has code r + DENY_ORDER_SIZE
OK = 0
DENY_HALTED = 1
DENY_ORDER_SIZE = 2
DENY_ORDER_NOTIONAL = 3
DENY_COLLAR = 4
DENY_LONG = 5
DENY_SHORT = 6
DENY_GROSS = 7
DENY_OPEN_ORDERS = 8
DENY_OPEN_NOTIONAL = 9
DENY_ORDER_RATE = 10
DENY_DAILY_LOSS = 11
DENY_NO_REFERENCE_PRICE = 13
DENY_UNKNOWN_INSTRUMENT = 14
DENY_UNKNOWN_ACCOUNT = 15
DENY_BAD_FIELD = 18

# unit of the limit and the used value of a denial
UNIT_NONE, UNIT_LOTS, UNIT_MONEY, UNIT_COUNT, UNIT_BPS = range(5)

MAX_PX_TICKS = 1 << 38  # any price is below
MAX_QTY_LOTS = 1 << 31  # any quantity of one order or fill is below
MAX_MONEY = 1 << 59  # largest limit in money; without a limit this one holds, so that sums of four such values fit 64 bits
NO_LIMIT = MAX_MONEY  # what a limit holds where none is set, whatever its unit
MAX_BPS = 1 << 22  # largest collar; price x (10,000 + bps) fits 64 bits

__all__ = [
    "COLLAR",
    "DAILY_LOSS",
    "DENY_BAD_FIELD",
    "DENY_COLLAR",
    "DENY_DAILY_LOSS",
    "DENY_GROSS",
    "DENY_HALTED",
    "DENY_LONG",
    "DENY_NO_REFERENCE_PRICE",
    "DENY_OPEN_NOTIONAL",
    "DENY_OPEN_ORDERS",
    "DENY_ORDER_NOTIONAL",
    "DENY_ORDER_RATE",
    "DENY_ORDER_SIZE",
    "DENY_SHORT",
    "DENY_UNKNOWN_ACCOUNT",
    "DENY_UNKNOWN_INSTRUMENT",
    "GROSS",
    "LONG",
    "MAX_BPS",
    "MAX_MONEY",
    "MAX_PX_TICKS",
    "MAX_QTY_LOTS",
    "NO_LIMIT",
    "OK",
    "OPEN_NOTIONAL",
    "OPEN_ORDERS",
    "ORDER_NOTIONAL",
    "ORDER_RATE",
    "ORDER_SIZE",
    "SHORT",
    "UNIT_BPS",
    "UNIT_COUNT",
    "UNIT_LOTS",
    "UNIT_MONEY",
    "UNIT_NONE",
]
