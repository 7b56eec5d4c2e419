"""Limits and parameters in place of recorded ones."""

from streams.lanes.replaced import Replaced
from streams.records import Limit, Param, Rule


def param(name: str, value: int, id: int = 0) -> Param:
    return Param(id, id, id, id, id, "maker", name, value_long=value)


def test_replaced_record_keeps_id_and_times_of_the_recorded_one():
    replaced = Replaced([param("size", 9)])
    replaced.active = True
    assert replaced(param("size", 1, id=5)) == param("size", 9, id=5)
    assert replaced(param("other", 1, id=6)) == param("other", 1, id=6)


def test_replaced_holds_from_when_it_is_active():
    replaced = Replaced([param("size", 9)])
    assert replaced(param("size", 1)) == param("size", 1)
    replaced.active = True
    assert replaced(param("size", 2)) == param("size", 9)


def test_replaced_records_that_met_none_are_left_once():
    limit = Limit(0, 0, 0, 0, 0, "firm", None, Rule.GROSS)
    replaced = Replaced([param("size", 9), limit])
    replaced.active = True
    replaced(param("size", 1))
    assert replaced.left() == [limit]
    assert replaced.left() == []
