"""The life of an order: one table over its status and what happens to it.

`NEXT[status * EVENTS + event]` is the status after, or

    WORKING (9)    back to where an open order stands by its quantities: see `Order.working_status`
    REFUSED (-1)   this cannot happen to an order in that status; nothing changes, and the caller counts it

Rules behind the table:
- FILLED, CANCELLED, REJECTED and EXPIRED are terminal: no event leads out of them.
- A fill is money and is always taken. In a terminal status it is late: booked, the status stays.
- While a cancel or a replace is pending, fills and acknowledgements keep it pending; only its answer, or a full fill, ends that.
- Answers can come twice or after the race is over (a cancel refused because the order had filled): they change nothing and are no error.
- A terminal answer that contradicts another one is refused.
"""

import numpy as np

__all__ = [
    "ACK",
    "CANCEL",
    "CANCEL_REJECT",
    "CANCEL_REQUEST",
    "EVENTS",
    "EXPIRE",
    "FILL",
    "FILL_FULL",
    "NEXT",
    "REFUSED",
    "REJECT",
    "REPLACE",
    "REPLACE_REJECT",
    "REPLACE_REQUEST",
    "STATUSES",
    "TRIGGER",
    "WORKING",
]

STATUSES: int = 9  # symbols of OrdStatus

# events
ACK: int = 0
FILL: int = 1  # leaves something open
FILL_FULL: int = 2  # leaves nothing open
CANCEL_REQUEST: int = 3
CANCEL: int = 4  # the venue says: cancelled
CANCEL_REJECT: int = 5
REPLACE_REQUEST: int = 6
REPLACE: int = 7  # the venue says: replaced
REPLACE_REJECT: int = 8
REJECT: int = 9
EXPIRE: int = 10
TRIGGER: int = 11  # a stop order became active
EVENTS: int = 12

WORKING: int = 9
REFUSED: int = -1

_PN, _NEW, _PF, _FI, _PC, _PR, _CA, _RJ, _EX, _W, _NO = 0, 1, 2, 3, 4, 5, 6, 7, 8, WORKING, REFUSED

# fmt: off
_ROWS = [
    # ACK  FILL FULL C_REQ CANCEL C_REJ R_REQ REPL R_REJ REJECT EXPIRE TRIGGER
    [_NEW, _PF, _FI, _PC,  _CA,   _PN,  _NO,  _NO, _PN,  _RJ,   _EX,   _PN],  # PENDING_NEW
    [_NEW, _PF, _FI, _PC,  _CA,   _NEW, _PR,  _W,  _NEW, _RJ,   _EX,   _NEW],  # NEW
    [_PF,  _PF, _FI, _PC,  _CA,   _PF,  _PR,  _W,  _PF,  _RJ,   _EX,   _PF],  # PARTIALLY_FILLED
    [_FI,  _FI, _FI, _NO,  _NO,   _FI,  _NO,  _NO, _FI,  _NO,   _NO,   _NO],  # FILLED
    [_PC,  _PC, _FI, _PC,  _CA,   _W,   _NO,  _PC, _PC,  _RJ,   _EX,   _PC],  # PENDING_CANCEL
    [_PR,  _PR, _FI, _PC,  _CA,   _PR,  _NO,  _W,  _W,   _RJ,   _EX,   _PR],  # PENDING_REPLACE
    [_CA,  _CA, _CA, _NO,  _CA,   _CA,  _NO,  _NO, _CA,  _NO,   _NO,   _NO],  # CANCELLED
    [_NO,  _RJ, _RJ, _NO,  _NO,   _RJ,  _NO,  _NO, _RJ,  _RJ,   _NO,   _NO],  # REJECTED
    [_EX,  _EX, _EX, _NO,  _NO,   _EX,  _NO,  _NO, _EX,  _NO,   _EX,   _NO],  # EXPIRED
]
# fmt: on

NEXT = np.array(_ROWS, np.int64).ravel()
NEXT.flags.writeable = False
