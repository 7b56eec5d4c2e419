"""A process behind arrays writes what the process alone writes, byte for byte, and says the same of what it refuses."""

import ctypes

import numpy as np
import pytest

from streams.agents.batch import BAD, Queue, batch_of
from streams.agents.process import Process
from streams.agents.rows_in_slots import SlotRows
from streams.errors import EdgeError, StepError
from streams.records import Quote
from streams.schema import codec, model
from streams.schema.rolling import EMPTY_HASH, roll
from tests.agents.desk import T0, Desk, book, control, quote, spec
from tests.agents.test_parity import market, play

AGENTS = ("strategy", "risk", "execute", "account")
TICK = 77


def topic_of(record) -> str:
    return model.SCHEMAS[type(record).__name__].topic


def trading(seed: int, n: int) -> list:
    """Inputs of a process that trades: the market, and a venue's answers to what it asked for."""
    desk, given = Desk(*AGENTS), []
    give = desk.give
    desk.give = lambda *records: given.extend(records) or give(*records)
    play(desk, seed, n)
    return given


def alone(records) -> tuple[list[tuple[str, bytes]], list[str]]:
    """What a process writes, and the reasons of what it refuses."""
    process, written, reasons = Process(spec(*AGENTS), compiled=False), [], []
    for record in records:
        try:
            process.on_input(record)
        except EdgeError as error:
            reasons.append(str(error))
        written += [(topic, codec.encode(found)) for topic, found in process.take_outputs()]
    return written, reasons


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "compiled"])
def batch(request):
    return batch_of(Process(spec(*AGENTS), compiled=request.param))


def queue_of(batch, records) -> Queue:
    """The records as values, topic by topic, in the order given."""
    topics = list(dict.fromkeys(map(topic_of, records)))
    groups = [[i for i, r in enumerate(records) if topic_of(r) == topic] for topic in topics]
    sources = [batch.read_values(topic, [codec.encode(records[i]) for i in group]) for topic, group in zip(topics, groups, strict=True)]
    return Queue.of(sources, np.argsort([i for group in groups for i in group], kind="stable"))


def carry(batch, queue: Queue) -> None:
    at = 0
    while at < len(queue):
        at = batch.carry(queue, at, len(queue))


def values(written) -> list[tuple[str, bytes]]:
    return [(written.topics[topic], written.body(row)) for row, topic in enumerate(written.topic)]


def test_batch_given_values_writes_what_the_process_writes(batch):
    records = [*control(), *trading(3, 60)]
    queue = queue_of(batch, records)
    carry(batch, queue)
    expected, _ = alone(records)
    written = batch.written()
    assert values(written) == expected
    assert len(expected) > 50
    digest = EMPTY_HASH
    for _, body in expected:
        digest = roll(digest, body)
    assert written.digest == digest
    assert not queue.refused
    for topic, (count, last_id) in written.counts.items():
        mine = [written.record(row) for row in written.by_topic[topic]]
        assert (count, last_id) == (len(mine), mine[-1].id)
        assert [r.id for r in mine] == written.id[written.by_topic[topic]].tolist()


def test_batch_refused_row_gives_place_and_reason_and_goes_on(batch):
    off_grid = quote(9, "60000.05", "60000.2", T0)
    records = [*control(), book(1, "60000", "60000.1", T0, snapshot=True), off_grid, *market(3, 9)]
    queue = queue_of(batch, records)
    carry(batch, queue)
    expected, reasons = alone(records)
    assert values(batch.written()) == expected
    assert [r.at for r in queue.refused] == [records.index(off_grid)]
    assert [r.reason for r in queue.refused] == reasons


def test_batch_value_that_is_no_record_is_bad_with_reason(batch):
    whole = codec.encode(quote(1, "60000", "60000.1", T0))
    rows = batch.read_values("quotes.v1", [whole, whole[:-1], None, whole])
    assert rows.state.tolist()[1:3] == [BAD, BAD]
    assert BAD not in (rows.state[0], rows.state[3])
    assert sorted(rows.reasons) == [1, 2]
    assert "cut off" in rows.reasons[1]
    assert rows.record(3) == codec.decode(Quote, whole)
    assert rows.id.tolist() == [rows.record(0).id, 0, 0, rows.record(3).id]
    assert rows.recv_ts_ns[0] == T0
    assert rows.run_id.tolist() == [7, 0, 0, 7]


def test_batch_reads_values_by_address(batch):
    body = np.frombuffer(codec.encode(quote(1, "60000", "60000.1", T0)), np.uint8)
    rows = batch.read("quotes.v1", np.array([body.ctypes.data, 0]), np.array([len(body), 0]))
    assert rows.record(0) == quote(1, "60000", "60000.1", T0)
    assert list(rows.reasons) == [1]


def test_batch_record_and_tick_are_carried_at_once(batch):
    process = Process(spec(*AGENTS), compiled=False)
    for record in control():
        process.on_input(record)
        assert batch.carry_record(record) is None
    for record in market(3, 40):
        process.on_input(record)
        process.on_tick(TICK, record.ts_ns + 1)
        assert batch.carry_record(record) is None
        batch.tick(TICK, record.ts_ns + 1)
    expected = [(topic, codec.encode(record)) for topic, record in process.take_outputs()]
    assert batch.pending == len(expected)
    written = batch.written()
    assert values(written) == expected
    assert written.size.sum() == len(written.buffer)
    assert batch.pending == batch.pending_bytes == len(batch.written()) == 0


def test_batch_back_at_mark_writes_as_if_nothing_had_come_after(batch):
    records = trading(3, 40)
    first, second = [*control(), *records[:60]], records[60:]
    carry(batch, queue_of(batch, first))
    pending, digest, mark = batch.pending, batch.digest, batch.mark()
    carry(batch, queue_of(batch, second))
    assert batch.pending > pending > 0
    batch.back(mark)
    assert (batch.pending, batch.digest) == (pending, digest)
    carry(batch, queue_of(batch, second))
    assert values(batch.written()) == alone([*first, *second])[0]


def test_batch_input_that_makes_an_agent_fail_is_named_and_can_be_left_out(batch):
    carry(batch, queue_of(batch, control()))
    records = trading(3, 20)
    at, bad = 5, quote(99, "60000", "60000.1", T0)
    queue = queue_of(batch, [*records[:at], bad, *records[at:]])
    make_fail(batch, queue, at, bad)
    mark = batch.mark()
    with pytest.raises(StepError, match="agent fail") as failed:
        batch.carry(queue, 0, len(queue))
    assert failed.value.at == at
    batch.back(mark)
    batch.carry(queue, 0, at)
    batch.carry(queue, at + 1, len(queue))
    assert values(batch.written()) == alone([*control(), *records])[0]


def make_fail(batch, queue: Queue, at: int, bad: Quote) -> None:
    """Let the node, or the plain process, fail at a place of the queue."""
    rows = queue.sources[queue.source[at]]
    if isinstance(rows, SlotRows):
        ctypes.c_int32.from_address(int(rows.found.start[queue.row[at]]) + 32).value = 99  # an instrument that there is no room for
        return
    on_input = batch.process.on_input

    def failing(record):
        on_input(record)
        if record == bad:
            raise ZeroDivisionError("in an agent")

    batch.process.on_input = failing


def test_batch_rewrite_gives_and_hashes_other_bodies(batch):
    batch.rewrite = lambda topic, record: codec.encode(record) + b"+"
    records = [*control(), *market(3, 30)]
    carry(batch, queue_of(batch, records))
    expected, digest = [], EMPTY_HASH
    for topic, body in alone(records)[0]:
        expected.append((topic, body + b"+"))
        digest = roll(digest, body + b"+")
    written = batch.written()
    assert values(written) == expected
    assert written.digest == digest
