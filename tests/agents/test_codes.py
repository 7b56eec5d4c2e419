"""The integers that compiled code uses are the values of the records' enums."""

import pytest

from streams.agents import codes
from streams.records import CommandType, DenyCode, ExecType, OrderAction, Outcome, VenueEventType

PREFIXES = [
    ("ACTION_", OrderAction),
    ("OUTCOME_", Outcome),
    ("CODE_", DenyCode),
    ("VENUE_", VenueEventType),
    ("EXEC_", ExecType),
    ("COMMAND_", CommandType),
]


@pytest.mark.parametrize(("prefix", "enum"), PREFIXES)
def test_codes_equal_the_enums_of_the_records(prefix, enum):
    ours = {name.removeprefix(prefix): getattr(codes, name) for name in codes.__all__ if name.startswith(prefix)}
    assert ours
    assert ours == {name: int(enum[name]) for name in ours}
