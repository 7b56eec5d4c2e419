"""Counts and hashes of outputs."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from streams.lanes.journal import EMPTY_HASH, OutputLog, roll
from streams.records import JournalEntry
from streams.schema import ids

A, B = ids.make(1, 1), ids.make(2, 1)


def entry_of(outputs: OutputLog, run_id: int = 1) -> JournalEntry:
    return JournalEntry(1, 0, run_id, 0, 0, "p", 0, 0, (), (), (), outputs.take(), outputs.digest, (), (), "")


@given(st.lists(st.binary(max_size=20), max_size=30), st.integers(0, 30))
def test_output_log_where_a_batch_ends_does_not_change_the_hash(bodies: list[bytes], cut: int) -> None:
    whole, parts = OutputLog(), OutputLog()
    for k, body in enumerate(bodies):
        whole.add("a", A + k, body)
    for k, body in enumerate(bodies[:cut]):
        parts.add("a", A + k, body)
    parts = OutputLog.after(entry_of(parts))
    for k, body in enumerate(bodies[cut:]):
        parts.add("a", A + len(bodies[:cut]) + k, body)
    assert parts.digest == whole.digest
    assert parts.last_ids == whole.last_ids


def test_roll_is_blake2b_128_over_hash_and_body() -> None:
    assert roll(EMPTY_HASH, b"x") == blake2b(bytes(16) + b"x", digest_size=16).digest()


def test_output_log_take_lists_every_writer_with_its_count_of_the_batch() -> None:
    log = OutputLog({1: ("a", A + 4)})
    log.add("b", B, b"one")
    log.add("b", B + 1, b"two")
    (first, second) = log.take()
    assert (first.topic, first.last_id, first.count) == ("a", A + 4, 0)
    assert (second.last_id, second.count) == (B + 1, 2)
    assert [o.count for o in log.take()] == [0, 0]


def test_output_log_before_the_first_entry_gives_the_counters_the_run_began_with() -> None:
    log = OutputLog({1: ("a", A + 4)})
    log.add("a", A + 5, b"x")
    log.add("b", B, b"y")
    before = OutputLog.before(entry_of(log))
    assert before.counters({"a": 1, "b": 2, "c": 3}) == {"a": 5, "b": 0, "c": 0}
    assert before.digest == EMPTY_HASH


def test_output_log_new_run_keeps_counters_and_starts_a_new_hash() -> None:
    log = OutputLog()
    log.add("a", A, b"x")
    entry = entry_of(log)
    assert OutputLog.after(entry, same_run=False).digest == EMPTY_HASH
    assert OutputLog.after(entry, same_run=False).next_id("a", 1) == A + 1


def test_output_log_added_at_once_counts_as_one_by_one() -> None:
    single, whole = OutputLog(), OutputLog()
    for k in range(3):
        single.add("a", A + k, b"x")
    whole.add_written("a", 1, A + 2, 3)
    assert whole.take() == single.take()
