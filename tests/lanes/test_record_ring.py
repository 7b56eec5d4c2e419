"""Records of bytes in rings: what is written is read, whole, in place and copied, compiled and plain; full, too large, resumed."""

import ctypes
import random

import pytest

from streams.errors import LaneError
from streams.lanes import record_kernel
from streams.lanes.fast_slots import KIND_RECORD, RecordSlot
from streams.lanes.record_ring import ABOUT, END, TOPICS, RecordReader, Records, RecordWriter, RingRecord, topic_number
from streams.lanes.ring import Ring
from streams.schema.model import BY_TOPIC

both = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])


@pytest.fixture
def ring(tmp_path):
    made = Ring.create(tmp_path / "records", (RecordSlot,), 64, ABOUT)
    yield made
    made.close()


def ends(ring, compiled):
    reader = RecordReader(ring.reader("mirror", compiled=compiled))
    return RecordWriter(ring.writer("feed", compiled=compiled)), reader


def slots(nbytes):
    """How many slots of 256 bytes hold 80 bytes of head and the payload."""
    used = 1
    while used * 256 < 80 + nbytes:
        used += 1
    return used


@both
def test_read_gives_what_was_written_in_order(ring, compiled):
    writer, reader = ends(ring, compiled)
    chance, number, pending = random.Random(3), 0, []
    for i in range(300):
        payload = chance.randbytes(chance.choice([0, 1, 7, 176, 177, 300, 1_500, 5_000]))
        topic, partition = chance.choice(TOPICS), chance.randrange(1_024)
        fields = {"cause_id": i, "ts_ns": i + 1, "recv_ts_ns": i + 2, "partition": partition, "offset": i - 1, "a": -i, "b": 1 << 60}
        assert writer.write(i << 40, topic, payload, **fields) == number
        pending.append(RingRecord(number, i << 40, i, i + 1, i + 2, topic, partition, i - 1, -i, 1 << 60, payload))
        number += slots(len(payload))
        while pending and (chance.random() < 0.4 or number - reader.reader.committed > 40):
            found = reader.take(chance.choice([1, 2, 100]))
            assert found
            assert found == pending[: len(found)]
            del pending[: len(found)]
            reader.commit()
    while pending:
        found = reader.take()
        assert found
        assert found == pending[: len(found)]
        del pending[: len(found)]
    assert reader.take() == []


@both
def test_walk_gives_payloads_in_place_across_the_end_of_the_ring(ring, compiled):
    writer, reader = ends(ring, compiled)
    for _ in range(3):
        writer.write(1, "frames.v1", b"x" * 4_000)
        reader.take()
        reader.commit()
    writer.write(2, "frames.v1", b"y" * 5_000)  # slots 48 to 67 of 64
    found = reader.walk(10)
    assert found.number.tolist() == [48]
    assert ctypes.string_at(int(found.address[0]), int(found.nbytes[0])) == b"y" * 5_000
    assert found.address[0] + 5_000 > ring.memory.data + 64 * 256


@both
def test_take_before_a_slot_leaves_the_rest(ring, compiled):
    writer, reader = ends(ring, compiled)
    numbers = [writer.write(i, "frames.v1", b"z" * 200) for i in range(4)]
    assert [r.id for r in reader.take(upto=numbers[2])] == [0, 1]
    assert reader.next == numbers[2]
    assert [r.id for r in reader.take()] == [2, 3]


@both
def test_write_into_a_full_ring_writes_nothing(ring, compiled):
    writer, reader = ends(ring, compiled)
    for i in range(64):
        assert writer.write(i, "frames.v1", b"") == i
    assert writer.write(64, "frames.v1", b"", patience_ns=1_000) == -1
    assert len(reader.take(10)) == 10
    reader.commit_to(1)
    assert writer.write(64, "frames.v1", b"") == 64
    assert writer.write(65, "frames.v1", b"", patience_ns=1_000) == -1


@both
def test_write_of_more_than_half_a_ring_is_refused(ring, compiled):
    writer, _ = ends(ring, compiled)
    with pytest.raises(LaneError, match=r"a record of fills.v1 has 9,000 bytes; the ring takes at most half of its 16,384"):
        writer.write(1, "fills.v1", b"x" * 9_000)
    assert ring.head == 0


def test_restarted_reader_reads_on_from_what_was_committed_and_from_where_it_says(ring):
    writer, reader = ends(ring, True)
    numbers = [writer.write(i, "frames.v1", b"z" * 100) for i in range(6)]
    reader.take()
    reader.commit_to(numbers[2])
    assert reader.reader.held == 4 / 64
    reader.reader.detach()
    again = RecordReader(ring.reader("mirror"))
    assert [r.id for r in again.take()] == [2, 3, 4, 5]
    again.seek(numbers[4])
    assert [r.id for r in again.take()] == [4, 5]
    with pytest.raises(LaneError, match="slot 1 cannot be read, the ring keeps 2 to 6 for this reader"):
        again.seek(numbers[1])
    with pytest.raises(LaneError, match="slot 7 cannot be committed, only 6 were read"):
        again.commit_to(7)


def test_head_slot_is_a_record_slot(ring):
    writer, _ = ends(ring, True)
    writer.write(5, "trades.v1", b"abc", cause_id=4, ts_ns=3, recv_ts_ns=2, partition=1, offset=9, a=7, b=8)
    slot = RecordSlot().unpack(ring.memory.bytes_at(ring.memory.data - ring.address, 256))
    assert (slot.id, slot.cause_id, slot.ts_ns, slot.recv_ts_ns) == (5, 4, 3, 2)
    assert (slot.instrument, slot.kind, slot.side, slot.flags, slot.spare) == (-1, KIND_RECORD, -1, 1, 0)
    assert (slot.topic, slot.partition, slot.payload_nbytes) == (topic_number("trades.v1"), 1, 3)
    assert (slot.offset, slot.a, slot.b) == (9, 7, 8)


def test_topics_are_all_and_their_dead_letters():
    assert {*BY_TOPIC} - {"*.dlq.v1"} <= {*TOPICS}
    assert "frames.v1.dlq.v1" in TOPICS
    assert [topic_number(topic) for topic in TOPICS] == list(range(len(TOPICS)))
    assert topic_number(END) == -1
    with pytest.raises(LaneError, match=r"nothing\.v1: no topic"):
        topic_number("nothing.v1")


def test_ring_with_other_topics_is_refused(tmp_path):
    Ring.create(tmp_path / "r", (RecordSlot,), 64, {"topics": "0123"}).close()
    with pytest.raises(LaneError, match=f"topics of the ring are 0123, of this process {ABOUT['topics']}"):
        Ring.open(tmp_path / "r", (RecordSlot,), ABOUT)


def test_columns_are_those_of_records():
    assert Records._fields == record_kernel.COLUMNS
