"""The rules of the risk tree, the codes of its answers, and the ranges of what it counts.

The numbers are the symbols' positions in the Avro enums `Rule` and `DenyCode` (a test keeps them equal): compiled code reads plain
integers.
"""

# rules; those that the tree checks, in the order in which one scope checks them
ORDER_SIZE, ORDER_NOTIONAL, COLLAR, LONG, SHORT, GROSS, OPEN_ORDERS, OPEN_NOTIONAL, ORDER_RATE, DAILY_LOSS = range(10)
NET = 10
SECTOR = 11
CURRENCY = 12
CONCENTRATION = 13
CORRELATED = 14
VAR = 15
MESSAGES_PER_FILL = 16
DAILY_TRADES = 17
DAILY_VOLUME = 18
DRAWDOWN = 19
STOP_LOSS = 20
MARGIN = 21
LEVERAGE = 22
SELF_MATCH = 23
REPEATED = 24
RESTRICTED = 25
REDUCE_ONLY = 26
PRICE_MOVE = 27
LOSS_RATE = 28
REJECT_RATE = 29
DATA_STALE = 30
LATENCY = 31
CAPITAL = 32
VAR_WEIGHT = 33
REDUCE = 34
RULES = 35  # how many there are

# answers of a check
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
DENY_LAGGING = 21
DENY_NET = 23
DENY_SECTOR = 24
DENY_CURRENCY = 25
DENY_CONCENTRATION = 26
DENY_CORRELATED = 27
DENY_VAR = 28
DENY_MESSAGES_PER_FILL = 29
DENY_DAILY_TRADES = 30
DENY_DAILY_VOLUME = 31
DENY_DRAWDOWN = 32
DENY_STOP_LOSS = 33
DENY_MARGIN = 34
DENY_LEVERAGE = 35
DENY_SELF_MATCH = 36
DENY_REPEATED = 37
DENY_RESTRICTED = 38
DENY_REDUCE_ONLY = 39
DENY_PRICE_MOVE = 40
DENY_LOSS_RATE = 41
DENY_REJECT_RATE = 42
DENY_DATA_STALE = 43
DENY_UNSUPPORTED = 44

# unit of the limit and the used value of a denial
UNIT_NONE, UNIT_LOTS, UNIT_MONEY, UNIT_COUNT, UNIT_BPS, UNIT_NS = range(6)

MAX_PX_TICKS = 1 << 38  # any price is below
MAX_QTY_LOTS = 1 << 31  # any quantity of one order or fill is below
MAX_MONEY = 1 << 59  # largest limit in money; without a limit this one holds, so that sums of four such values fit 64 bits
NEVER = (1 << 63) - 1  # what a limit holds where none is set, whatever its unit: nothing is greater
MAX_BPS = 1 << 22  # largest collar, leverage and concentration; price x (10,000 + bps) fits 64 bits
MAX_WEIGHT_BPS = 10_000  # largest VAR_WEIGHT and MARGIN: the whole exposure
MAX_BETA_E9 = 4_000_000_000  # largest |beta| of an instrument in its cluster: sums of beta x money fit 64 bits
MAX_PER_FILL = 1 << 31  # largest MESSAGES_PER_FILL; x fills of a day fits 64 bits

__all__ = [
    "CAPITAL",
    "COLLAR",
    "CONCENTRATION",
    "CORRELATED",
    "CURRENCY",
    "DAILY_LOSS",
    "DAILY_TRADES",
    "DAILY_VOLUME",
    "DATA_STALE",
    "DENY_BAD_FIELD",
    "DENY_COLLAR",
    "DENY_CONCENTRATION",
    "DENY_CORRELATED",
    "DENY_CURRENCY",
    "DENY_DAILY_LOSS",
    "DENY_DAILY_TRADES",
    "DENY_DAILY_VOLUME",
    "DENY_DATA_STALE",
    "DENY_DRAWDOWN",
    "DENY_GROSS",
    "DENY_HALTED",
    "DENY_LAGGING",
    "DENY_LEVERAGE",
    "DENY_LONG",
    "DENY_LOSS_RATE",
    "DENY_MARGIN",
    "DENY_MESSAGES_PER_FILL",
    "DENY_NET",
    "DENY_NO_REFERENCE_PRICE",
    "DENY_OPEN_NOTIONAL",
    "DENY_OPEN_ORDERS",
    "DENY_ORDER_NOTIONAL",
    "DENY_ORDER_RATE",
    "DENY_ORDER_SIZE",
    "DENY_PRICE_MOVE",
    "DENY_REDUCE_ONLY",
    "DENY_REJECT_RATE",
    "DENY_REPEATED",
    "DENY_RESTRICTED",
    "DENY_SECTOR",
    "DENY_SELF_MATCH",
    "DENY_SHORT",
    "DENY_STOP_LOSS",
    "DENY_UNKNOWN_ACCOUNT",
    "DENY_UNKNOWN_INSTRUMENT",
    "DENY_UNSUPPORTED",
    "DENY_VAR",
    "DRAWDOWN",
    "GROSS",
    "LATENCY",
    "LEVERAGE",
    "LONG",
    "LOSS_RATE",
    "MARGIN",
    "MAX_BETA_E9",
    "MAX_BPS",
    "MAX_MONEY",
    "MAX_PER_FILL",
    "MAX_PX_TICKS",
    "MAX_QTY_LOTS",
    "MAX_WEIGHT_BPS",
    "MESSAGES_PER_FILL",
    "NET",
    "NEVER",
    "OK",
    "OPEN_NOTIONAL",
    "OPEN_ORDERS",
    "ORDER_NOTIONAL",
    "ORDER_RATE",
    "ORDER_SIZE",
    "PRICE_MOVE",
    "REDUCE",
    "REDUCE_ONLY",
    "REJECT_RATE",
    "REPEATED",
    "RESTRICTED",
    "RULES",
    "SECTOR",
    "SELF_MATCH",
    "SHORT",
    "STOP_LOSS",
    "UNIT_BPS",
    "UNIT_COUNT",
    "UNIT_LOTS",
    "UNIT_MONEY",
    "UNIT_NONE",
    "UNIT_NS",
    "VAR",
    "VAR_WEIGHT",
]
