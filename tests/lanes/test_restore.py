"""Restore against a real broker: inputs read in bulk with bounded memory, kills while it restores, the plain way beside the bulk one."""

import signal
import time

import pytest

from streams.agents.batch_plain import PlainBatch
from streams.errors import RestoreError
from streams.lanes import sources
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.messages import Place
from streams.lanes.sources import Sources
from streams.lanes.verify import Asked, verify
from tests.lanes.bulk_kit import new_topic, send_values
from tests.lanes.lane_kit import World
from tests.lanes.test_kafka import assert_exact

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def two_partitions(bootstrap: str, count: int) -> tuple[Place, Place]:
    """A topic whose partitions hold numbers from 0 to `count`, and from 1000."""
    topic = new_topic(bootstrap, 2)
    with BulkProducer(bootstrap) as producer:
        for partition in (0, 1):
            send_values(producer, topic, partition, (b"%d" % (1000 * partition + n) for n in range(count)))
        producer.flush()
    return (topic, 0), (topic, 1)


def taken(reader: Sources, place: Place, last_offset: int) -> list[bytes]:
    found = [
        piece.memory[start : start + size].tobytes()
        for piece in reader.take(place, last_offset)
        for start, size, offset in zip(piece.address - piece.memory.ctypes.data, piece.size, piece.offset, strict=True)
        if offset <= last_offset
    ]
    reader.free(place, last_offset)
    return found


@pytest.mark.parametrize("most_bytes", [1 << 20, 0])
def test_sources_give_each_partition_forwards_also_with_room_for_one_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    monkeypatch.setattr(sources, "_MOST_BYTES", most_bytes)
    monkeypatch.setattr(sources, "_ROWS", 7)
    first, second = two_partitions(world.kafka, 40)
    reader = Sources(world.kafka, {first: 0, second: 10})
    try:
        assert taken(reader, first, 13)[-1] == b"13"
        assert taken(reader, second, 20)[0] == b"1010"
        assert taken(reader, first, 39)[-1] == b"39"
        assert taken(reader, second, 39)[-1] == b"1039"
    finally:
        reader.close()


def test_sources_give_commands_backwards_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that came over the ring `kill` was carried before what stands before it in its topic."""
    place, _ = two_partitions(world.kafka, 4)
    monkeypatch.setattr(sources, "COMMANDS", place[0])
    reader = Sources(world.kafka, {place: 1})
    try:
        assert taken(reader, place, 3)[-1] == b"3"
        assert taken(reader, place, 1) == [b"1"]
    finally:
        reader.close()


def test_sources_record_that_is_not_kept_is_named(world: World) -> None:
    place, _ = two_partitions(world.kafka, 3)
    reader = Sources(world.kafka, {place: 3})
    with BulkProducer(world.kafka) as producer:
        send_values(producer, *place, [b"4", b"5"])
        producer.flush()
    try:
        with pytest.raises(RestoreError, match=r"\[0\]: the record at offset 2 is no longer kept; start a fresh run"):
            reader.take(place, 2)
    finally:
        reader.close()


def test_verify_the_plain_way_gives_the_same_hash(world: World) -> None:
    world.write(b"%d" % n for n in range(300))
    world.run_until(trades=300, rows=50)
    (bulk,) = verify([world.spec()], lambda spec, control: world.build()(control))
    (plain,) = verify([world.spec()], lambda spec, control: world.build()(control), Asked(make_batch=PlainBatch))
    assert bulk.equal
    assert (plain.digest, plain.inputs, plain.outputs) == (bulk.digest, bulk.inputs, bulk.outputs)


def test_lane_killed_while_it_restores_loses_and_doubles_nothing(world: World) -> None:
    world.write(b"%d" % n for n in range(400))
    child = world.child(rows=20, snapshot_s=1e9)  # all of it is re-executed at each start
    try:
        world.wait_for_trades(400, child)
        for wait_s in (0.0, 0.6, 0.9, 1.2, 1.5):
            child.kill()
            child.wait()
            child = world.child(rows=20, snapshot_s=1e9)
            time.sleep(wait_s)  # somewhere in its start
        world.write([b"7"])
        world.wait_for_trades(401, child)
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
    assert_exact(world, [*range(400), 7])
