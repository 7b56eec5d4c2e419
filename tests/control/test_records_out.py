"""What people ask for becomes a record that lanes take, or one clear line."""

from decimal import Decimal

import pytest

from streams.control.records_out import Author
from streams.errors import ConfigError
from streams.lanes.control import Control
from streams.records import CommandType, Rule, Severity
from streams.schema import ids
from tests.control.made import control, run_command


@pytest.fixture
def author() -> Author:
    return Author(control())


def test_command_has_the_run_and_a_random_sequence_of_its_own_writer(author):
    first, second = author.command("KILL", "", "now"), author.command("KILL", "", "now")
    number = author.numbers["control/0/commands"]
    assert (first.kind, first.target, first.reason, first.run_id, first.cause_id) == (CommandType.KILL, "", "now", 1, 0)
    assert {ids.writer(first.id), ids.writer(second.id)} == {number}
    assert first.id != second.id


@pytest.mark.parametrize(
    ("kind", "target", "text"),
    [
        ("RUN", "", "command 'RUN': must be one of KILL, RESUME, PAUSE"),
        ("KILL", "account:maker-2", "'account:maker-2' is no scope, instrument or strategy; nearest is 'account:maker-1'"),
        ("KILL", "zzz", "'zzz' is no scope, instrument or strategy; known: account:maker-1, binance:BTCUSDT, desk:crypto, firm, maker"),
    ],
)
def test_command_that_nobody_would_obey_is_refused(author, kind, target, text):
    with pytest.raises(ConfigError, match=f"^{text}$"):
        author.command(kind, target, "")


def test_command_without_a_run_is_refused():
    with pytest.raises(ConfigError, match="there is no run"):
        Author(Control()).command("KILL", "", "")


def test_command_follows_the_run_that_was_opened_last(author):
    author.on_command(run_command(3))
    author.on_command(run_command(2))
    assert author.command("KILL", "", "").run_id == 3


def test_limit_takes_its_place_in_the_tree(author):
    fields = {"scope": "account:maker-1", "rule": "DAILY_LOSS", "limit_money": "150.5", "instrument": "binance:BTCUSDT"}
    limit = author.limit(fields)
    assert (limit.rule, limit.parent, limit.venue, limit.symbol) == (Rule.DAILY_LOSS, "desk:crypto", "binance", "BTCUSDT")
    assert limit.limit_money == Decimal("150.5")
    assert author.limit({"scope": "firm", "rule": "SECTOR", "group": "majors", "limit_count": 1}).sector == "majors"
    assert author.limit({"scope": "firm", "rule": "GROSS"}).limit_money is None


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"scope": "firm", "rule": "GROS"}, "rule 'GROS': must be one of"),
        ({"scope": "desk:x", "rule": "GROSS"}, "scope 'desk:x' has no place in the tree"),
        ({"scope": "firm", "rule": "GROSS", "limit_money": "1e40"}, "limit_money '1e40': must be an amount"),
        ({"scope": "firm", "rule": "GROSS", "limit_money": "nan"}, "limit_money 'nan': must be an amount"),
        ({"scope": "firm", "rule": "GROSS", "limit_money": "1", "limit_count": 1}, "a limit has one value"),
        ({"scope": "firm", "rule": "OPEN_ORDERS", "limit_count": 1.5}, "limit_count 1.5: must be a whole number"),
        ({"scope": "firm", "rule": "GROSS", "group": "x"}, "rule GROSS holds for no group"),
        ({"scope": "firm", "rule": "GROSS", "instrument": "BTCUSDT"}, "instrument 'BTCUSDT' is not known"),
        ({"scope": "firm", "rule": "GROSS", "limit": 1}, "'limit': no field here"),
    ],
)
def test_limit_that_is_wrong_names_the_field(author, fields, text):
    with pytest.raises(ConfigError, match=text):
        author.limit(fields)


@pytest.mark.parametrize(("value", "field"), [(0.5, "value_double"), (3, "value_long"), (True, "value_long"), ("abc", "value_text")])
def test_param_stands_in_the_field_of_its_type(author, value, field):
    assert getattr(author.param({"strategy": "maker", "name": "gamma", "value": value}), field) == value


@pytest.mark.parametrize("fields", [{"strategy": "firm", "name": "a", "value": 1}, {"strategy": "maker", "name": "a b", "value": 1}, {}])
def test_param_that_is_wrong_is_refused(author, fields):
    with pytest.raises(ConfigError):
        author.param(fields)


def test_letter_of_one_place_has_one_id(author):
    first, again, other = (author.letter("fills.v1", 1, offset, "why", b"x") for offset in (5, 5, 6))
    assert first.id == again.id != other.id
    assert author.alert(Severity.ERROR, "x").source == "control"
