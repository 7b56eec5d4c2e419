"""One line of the doctor: what was found, whether that is good, what it costs, what to do."""

from typing import NamedTuple

__all__ = ["BETTER", "OK", "WRONG", "Finding"]

OK, BETTER, WRONG = "ok", "could be better", "wrong"


class Finding(NamedTuple):
    """What one question gave.

    name   : the question, one or two words
    found  : as it is
    state  : OK; BETTER: slower, or something optional is left out; WRONG: something of millrace would not work at all
    cost   : what follows from it; empty if OK
    remedy : a command, to be copied; what no command can change is a comment; empty if OK
    """

    name: str
    found: str
    state: str = OK
    cost: str = ""
    remedy: str = ""
