"""The lane against a real broker: outputs dense and unique whatever happens, dead letters, fencing, snapshots."""

import itertools
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from streams.config import read_state
from streams.errors import RestoreError
from streams.lanes.kafka import EXIT_FENCED, EXIT_NEW_RUN, KafkaLane
from streams.lanes.verify import Verdict, verify
from streams.lanes.writers import dlq_topic
from streams.schema import ids
from tests.lanes.lane_kit import World

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def verdict_of(world: World, twist: int = 0, twist_at: int = 0) -> Verdict:
    (verdict,) = verify([world.spec()], lambda spec, control: world.build(twist, twist_at)(control))
    return verdict


def assert_exact(world: World, payloads: list[int]) -> None:
    """Trades are the running sums, one a frame; every writer's ids are dense; the journal re-executes to the same bytes."""
    trades = world.read("trades.v1")
    assert [t.px_e9 - 1 for t in trades] == list(itertools.accumulate(payloads))
    assert [ids.sequence(t.id) for t in trades] == list(range(1, len(payloads) + 1))
    for topic in ("alerts.v1", "latency.v1", "journal.v1"):
        by_writer: dict[int, list[int]] = {}
        for record in world.read(topic):
            by_writer.setdefault(ids.writer(record.id), []).append(ids.sequence(record.id))
        for sequences in by_writer.values():
            assert sequences == list(range(1, len(sequences) + 1)), topic
    assert [e.batch for e in world.read("journal.v1")] == list(range(len(world.read("journal.v1"))))
    verdict = verdict_of(world)
    assert verdict.difference is None
    assert verdict.outputs == len(trades) + sum(alert.source == "tally" for alert in world.read("alerts.v1"))  # others are the lane's


def test_lane_stopped_and_started_goes_on_where_it_was(world: World) -> None:
    world.write(b"%d" % n for n in range(500))
    world.run_until(trades=500)
    world.write(b"%d" % n for n in range(500))
    lane = world.run_until(trades=500)
    assert lane.status.now.restored_batches == 0  # the ordered stop wrote a snapshot
    assert_exact(world, [*range(500), *range(500)])


def test_lane_killed_again_and_again_equals_an_unkilled_twin(world: World) -> None:
    chance, written = random.Random(7), 0
    child = world.child(commit_ms=5.0, rows=200, snapshot_s=0.5)
    try:
        for _ in range(8):
            until = time.monotonic() + 1.0 + chance.random() * 1.5
            while time.monotonic() < until:
                world.write(b"%d" % n for n in range(written, written + 50))
                written += 50
                time.sleep(0.02)
            child.kill()
            child.wait()
            child = world.child(commit_ms=5.0, rows=200, snapshot_s=0.5)
        world.wait_for_trades(written, child)
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
    assert_exact(world, list(range(written)))


def test_lane_second_instance_takes_the_shard_and_the_first_ends(world: World, tmp_path: Path) -> None:
    first = world.child(status_path=str(tmp_path / "first.json"))
    try:
        world.write(b"%d" % n for n in range(100))
        world.wait_for_trades(100, first)
        second = KafkaLane(world.spec(), world.build())
        second.open()
        world.write(b"%d" % n for n in range(100, 200))
        assert first.wait(20) == EXIT_FENCED
        second.close()
    finally:
        first.kill()
    status = json.loads((tmp_path / "first.json").read_text())
    assert status["state"] == "fenced"
    world.run_until(trades=100)
    assert_exact(world, list(range(200)))


def test_lane_broker_silent_for_14_s_goes_on_exactly(world: World) -> None:
    broker = read_state().get("services", {}).get("kafka")
    if broker is None:
        pytest.skip("the broker was given by its address: it is not ours to stop")
    child = world.child()
    try:
        world.write(b"%d" % n for n in range(200))
        world.wait_for_trades(200, child)
        world.write(b"%d" % n for n in range(200, 2000))
        os.kill(broker["pid"], signal.SIGSTOP)
        try:
            time.sleep(14)  # longer than a transaction may stay open
        finally:
            os.kill(broker["pid"], signal.SIGCONT)
        world.supervise(child, 2000)
    finally:
        child.kill()
    assert_exact(world, list(range(2000)))


def test_lane_committed_offsets_lost_restores_from_the_journal_alone(world: World) -> None:
    world.write(b"%d" % n for n in range(300))
    world.run_until(trades=300)
    world.forget_offsets()
    world.write(b"%d" % n for n in range(300, 400))
    world.run_until(trades=100)
    assert_exact(world, list(range(400)))


def test_lane_journal_lost_refuses_the_run_and_a_new_run_continues_the_ids(world: World) -> None:
    world.write(b"%d" % n for n in range(100))
    world.run_until(trades=100)
    world.drop("journal.v1")
    with pytest.raises(RestoreError, match="no longer kept; start a fresh run"):
        world.run_until(trades=1)
    world.open_run()
    world.write([b"5"])
    world.run_until(trades=1)
    assert [ids.sequence(t.id) for t in world.read("trades.v1")] == list(range(1, 102))


def test_lane_bad_inputs_become_dead_letters_and_the_flow_goes_on(world: World) -> None:
    world.write([b"1", b"bad", b"2"])
    world.sender.send("frames.v1", world.shard, b"\x00\x7f\x7f\x7f\x7fabc")  # a schema id nobody knows
    world.sender.send("frames.v1", world.shard, b"no avro at all")
    good = world.wire.encode("frames.v1", world.frame(b"3"))
    world.sender.send("frames.v1", world.shard, good[:-2])  # cut off
    world.sender.send("frames.v1", world.shard, world.wire.encode("trades.v1", trade := world.trade()))  # another topic's schema
    world.write([b"4"])
    world.run_until(trades=3)
    letters = world.read(dlq_topic("frames.v1"))
    assert [t.px_e9 - 1 for t in world.read("trades.v1")] == [1, 3, 7]
    assert [ids.sequence(letter.id) for letter in letters] == [1, 2, 3, 4, 5]
    reasons = sorted(letter.reason for letter in letters)
    assert [any(word in reason for reason in reasons) for word in ("no number", "unknown", "magic", "cut off", "Trade")] == [True] * 5
    assert good[:-2] in {letter.payload for letter in letters}
    assert trade is not None
    verdict = verdict_of(world)
    assert verdict.equal
    world.write([b"5"])
    world.run_until(trades=1)
    assert verdict_of(world).equal


def test_lane_input_that_makes_the_process_fail_is_found_and_the_flow_goes_on(world: World) -> None:
    world.write([b"1", b"2", b"boom", b"3", b"boom", b"bad", b"4"])
    world.run_until(trades=4)
    letters = world.read(dlq_topic("frames.v1"))
    assert [t.px_e9 - 1 for t in world.read("trades.v1")] == [1, 3, 6, 10]
    assert [ids.sequence(t.id) for t in world.read("trades.v1")] == [1, 2, 3, 4]
    frames = world.read("frames.v1")
    assert sorted((letter.cause_id, "ZeroDivisionError" in letter.reason) for letter in letters) == [
        (frames[2].id, True),
        (frames[4].id, True),
        (frames[5].id, False),
    ]
    assert verdict_of(world).equal
    world.write([b"5"])
    world.run_until(trades=1)
    assert world.read("trades.v1")[-1].px_e9 - 1 == 15
    assert verdict_of(world).equal


def test_lane_oversized_output_becomes_a_dead_letter_of_its_topic(world: World) -> None:
    world.write([b"1", b"big", b"2"])
    world.run_until(trades=2, alerts=1)
    (letter,) = world.read(dlq_topic("alerts.v1"))
    assert "too large for alerts.v1" in letter.reason
    assert [t.px_e9 - 1 for t in world.read("trades.v1")] == [1, 3]
    assert verdict_of(world).equal


def test_restore_changed_code_refuses_and_names_the_first_difference(world: World) -> None:
    world.write(b"%d" % n for n in range(300))
    world.run_until(trades=300, rows=50, snapshot_s=1e9)
    world.drop("snapshots.v1")
    with pytest.raises(RestoreError, match=r"trades.v1 \d+:101: px_e9: recorded 5051, now 5058"):
        world.run_until(trades=1, twist=7, twist_at=101)


def test_restore_changed_code_after_an_ordered_stop_starts(world: World) -> None:
    world.write(b"%d" % n for n in range(300))
    world.run_until(trades=300)
    world.write([b"0"])
    world.run_until(trades=1, twist=7, twist_at=101)
    assert world.read("trades.v1")[-1].px_e9 == sum(range(300)) + 8


def test_verify_changed_code_names_topic_id_field_and_cause(world: World) -> None:
    world.write(b"%d" % n for n in range(300))
    world.run_until(trades=300, rows=50)
    difference = verdict_of(world, twist=1, twist_at=200).difference
    assert difference is not None
    frames = world.read("frames.v1")
    assert (difference.topic, ids.sequence(difference.id), difference.field) == ("trades.v1", 200, "px_e9")
    assert difference.now == difference.recorded + 1
    assert difference.cause_id == frames[199].id


def test_lane_new_run_starts_empty_with_ids_continued_and_ends_the_old_one(world: World) -> None:
    world.write(b"%d" % n for n in range(100))
    world.run_until(trades=100)
    child = world.child()
    try:
        world.write([b"1000"])
        world.wait_for_trades(101, child)
        world.open_run()
        assert child.wait(20) == EXIT_NEW_RUN
    finally:
        child.kill()
    world.write([b"1", b"2"])
    world.run_until(trades=2)
    trades = world.read("trades.v1")
    assert [t.px_e9 - 1 for t in trades[-2:]] == [1, 3]
    assert [t.run_id for t in trades[-2:]] == [world.run_number] * 2
    assert [ids.sequence(t.id) for t in trades] == list(range(1, 104))
    assert verdict_of(world).equal


def test_lane_silent_inputs_ticks_are_journalled_and_restored(world: World) -> None:
    world.run_until(alerts=3)  # one each 50 ticks
    entries = world.read("journal.v1")
    assert sum(len(e.tick_ts_ns) for e in entries) >= 150
    assert len(entries) < 12  # ticks alone make no transaction, but once a second
    assert verdict_of(world).equal
