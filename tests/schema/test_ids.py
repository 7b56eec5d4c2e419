"""Contract 6 and 7: ids are dense per writer, and the venue's client order id leads back to the order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import UnitError
from streams.schema import ids

EPOCH = 1_723_161_602
IDS = st.integers(0, (1 << 63) - 1)


@given(writer=st.integers(0, ids.MAX_WRITER), sequence=st.integers(0, ids.MAX_SEQUENCE))
def test_make_any_writer_and_sequence_comes_apart_again(writer: int, sequence: int) -> None:
    made = ids.make(writer, sequence)
    assert 0 <= made < 1 << 63
    assert (ids.writer(made), ids.sequence(made)) == (writer, sequence)
    assert ids.parse(ids.text(made)) == made
    assert ids.parse(str(made)) == made


def test_make_of_later_sequence_is_greater_within_a_writer() -> None:
    assert ids.make(3, 1) < ids.make(3, 2) < ids.make(3, ids.MAX_SEQUENCE) < ids.make(4, 0)


@pytest.mark.parametrize(("writer", "sequence"), [(-1, 0), (1 << 16, 0), (0, -1), (0, 1 << 47)])
def test_make_out_of_range_is_refused(writer: int, sequence: int) -> None:
    with pytest.raises(UnitError, match="out of range"):
        ids.make(writer, sequence)


@pytest.mark.parametrize("text", ["", ":", "1:", "1:2:3", "a:1", "-1", "1:-2", "٣:1", "99999999999999999999", "65536:1"])
def test_parse_of_no_id_is_refused(text: str) -> None:
    with pytest.raises(UnitError):
        ids.parse(text)


def test_counter_gives_dense_ids_and_continues_where_it_stopped() -> None:
    counter = ids.Counter(writer=9)
    first = [counter.next() for _ in range(5)]
    assert first == [ids.make(9, n) for n in (1, 2, 3, 4, 5)]
    assert ids.Counter(writer=9, sequence=counter.sequence).next() == ids.make(9, 6)


@given(epoch=st.integers(0, 36**6 - 1), order_id=IDS)
def test_cl_ord_id_of_any_order_leads_back_and_fits_a_venue(epoch: int, order_id: int) -> None:
    text = ids.cl_ord_id(epoch, order_id)
    assert ids.order_id(text) == (epoch, order_id)
    assert len(text) <= 21
    assert text.isalnum()
    assert text == text.lower()


def test_cl_ord_id_after_a_purge_differs() -> None:
    assert ids.cl_ord_id(EPOCH, 5) != ids.cl_ord_id(EPOCH + 1, 5)


@pytest.mark.parametrize("text", ["", "mr", "mrshxc02", "web_abc", "MRSHXC025", "mrshxc0205", "mrshxc02_5", "mrshxc02zzzzzzzzzzzzzz"])
def test_order_id_of_a_foreign_order_is_refused(text: str) -> None:
    with pytest.raises(UnitError, match="not ours"):
        ids.order_id(text)


@pytest.mark.parametrize(("epoch", "order_id"), [(-1, 1), (36**6, 1), (1, -1)])
def test_cl_ord_id_out_of_range_is_refused(epoch: int, order_id: int) -> None:
    with pytest.raises(UnitError):
        ids.cl_ord_id(epoch, order_id)
