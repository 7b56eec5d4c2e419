"""The simulated venue's log: written before the answers, executed again to the same state."""

import errno
import json
import os
from typing import Any

import pytest

from streams.errors import VenueError
from streams.records import Clock, Command, CommandType, Side, StartPosition
from streams.trading.venue_models import VenueModels
from streams.venues.sim import exchange as exchange_module
from streams.venues.sim import recorder as recorder_module
from streams.venues.sim.log import VenueLog, log_path
from streams.venues.sim.recorder import Recorder
from tests.venues.sim_orders import book, instrument, new, rows_of, trade

ME = "gateway/0"
PLAIN = VenueModels()
SMALL = {"window": 128, "far": 64, "orders": 8, "executions": 8, "answers": 64}
PARTITIONS = [("book_updates.v1", 0), ("trades.v1", 0)]
MARKET = [
    (0, 5, book([(1000, 5)], [(1001, 4)], snapshot=True)),
    (1, 2, trade(Side.SELL, 1000, 6)),
    (1, 4, None),
    (1, 7, trade(Side.SELL, 999, 1)),
]


def run_of(number=1, wall_start_ns=77):
    starts = (StartPosition("book_updates.v1", 0, 5), StartPosition("trades.v1", 0, 2))
    return Command(1, 0, number, 0, 0, CommandType.RUN, "", "", number, "", "t", Clock.WALL, 0, wall_start_ns, 1.0, starts)


class Again:
    """Market data read again from MARKET."""

    def __init__(self, slots, place, start):
        self.slots, self.left = slots, [r for r in MARKET if r[0] == place and r[1] >= start]

    def take(self, offset, count):
        taken, self.left = self.left[:count], self.left[count:]
        if len(taken) < count or taken[0][1] != offset:
            raise VenueError(f"no longer has offset {offset}")
        return rows_of(self.slots, taken, batch=offset)

    def close(self):
        pass


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "compiled"])
def open_recorder(request, tmp_path, monkeypatch):
    """Opens the venue of run 1 again and again; market data is read again from MARKET."""

    def read_again(kafka, wire, partitions, starts, slots):
        return [Again(slots, place, start) for place, start in enumerate(starts)]

    monkeypatch.setattr(recorder_module, "read_again", read_again)
    monkeypatch.setattr(exchange_module, "SIZES", SMALL)

    def made(run=None, models=PLAIN):
        wire: Any = None
        return Recorder.open(tmp_path, "venue", run or run_of(), [instrument()], PARTITIONS, "", wire, request.param, models=models)

    return made


def follow(recorder, records):
    said = recorder.on_market(rows_of(recorder.exchange.slots, records))
    recorder.write()
    return [(session, json.loads(text)) for session, text in said]


def ask(recorder, message, now_ns):
    said = recorder.on_request(ME, message, json.dumps(message), now_ns)
    recorder.write()
    return [(session, json.loads(text)) for session, text in said]


def some_trading(recorder):
    """Inputs of every kind."""
    follow(recorder, MARKET[:1])
    ask(recorder, new(1, "a"), 10)
    follow(recorder, MARKET[1:3])
    ask(recorder, new(2, "b", tif="GTD", expire_ts_ns=50, px="99.5"), 20)
    recorder.on_time(50)
    recorder.write()


def state_of(recorder):
    exchange = recorder.exchange
    return exchange.matcher.pack(), exchange.open_orders(ME), exchange.executions_after(ME, None), recorder.offsets


def test_log_executed_again_gives_the_same_state_and_goes_on(open_recorder):
    recorder = open_recorder()
    some_trading(recorder)
    before = state_of(recorder)
    recorder.close()
    again = open_recorder()
    assert state_of(again) == before
    assert again.offsets == [6, 5]
    assert [r["report"] for _, r in follow(again, MARKET[3:])] == ["FILL"]


def test_log_executed_again_keeps_the_models_that_its_run_began_with(open_recorder):
    models = VenueModels(queue="power", fills="whole", fee_tiers=((0, 100_000, 200_000), (5_000_000, -100_000, 100_000)))
    recorder = open_recorder(models=models)
    some_trading(recorder)
    before = state_of(recorder)
    recorder.close()
    again = open_recorder()
    assert state_of(again) == before
    assert (again.exchange.matcher.venue.whole, again.exchange.matcher.venue.tiers.count) == (1, 2)


def test_log_of_an_earlier_version_without_models_is_executed_by_the_plain_venue(open_recorder):
    recorder = open_recorder()
    some_trading(recorder)
    before = state_of(recorder)
    recorder.close()
    path = recorder.log.path
    kind, head = json.loads(path.read_text().splitlines()[0])
    without = json.dumps([kind, {key: value for key, value in head.items() if key != "models"}])
    path.write_text("\n".join([without, *path.read_text().splitlines()[1:], ""]))
    assert state_of(open_recorder()) == before


def test_answers_are_in_the_log_when_they_are_returned(open_recorder):
    recorder = open_recorder()
    follow(recorder, MARKET[:1])
    ((_, ack),) = ask(recorder, new(1, "a"), 10)
    lines = [json.loads(line) for line in recorder.log.path.read_text().splitlines()]
    assert lines[1:] == [["merged", [[0, 5, 1]]], ["in", ME, new(1, "a"), 10], ["out", ME, ack]]


def test_log_of_an_earlier_version_with_its_own_order_is_executed_again(open_recorder):
    recorder = open_recorder()
    follow(recorder, MARKET)
    ask(recorder, new(1, "a"), 10)
    before = state_of(recorder)
    recorder.close()
    path = recorder.log.path
    path.write_text(path.read_text().replace('["merged",[[0,5,1],[1,2,3]]]', '["market",[[0,5,1],[1,2,1],[1,4,2]]]'))
    assert '"market"' in path.read_text()
    assert state_of(open_recorder()) == before


def test_message_that_cannot_be_read_lets_only_time_pass(open_recorder):
    recorder = open_recorder()
    follow(recorder, MARKET[:1])
    ask(recorder, new(1, "a", tif="GTD", expire_ts_ns=50), 10)
    said = ask(recorder, {"op": "cancel", "req": "x"}, 60)
    assert [r.get("report", "error") for _, r in said] == ["EXPIRED", "error"]
    before = state_of(recorder)
    recorder.close()
    assert state_of(open_recorder()) == before


@pytest.mark.parametrize("cut", range(0, 700, 41))
def test_log_cut_off_by_a_kill_loses_only_what_was_never_answered(open_recorder, cut):
    recorder = open_recorder()
    some_trading(recorder)
    recorder.close()
    path = recorder.log.path
    whole = path.read_bytes()
    os.truncate(path, max(0, len(whole) - cut))
    again = open_recorder()
    assert whole.startswith(path.read_bytes()) or path.read_bytes().startswith(whole[: len(whole) - cut].rpartition(b"\n")[0])
    again.close()
    assert state_of(open_recorder()) == state_of(again)


def test_log_with_another_answer_than_todays_names_the_line(open_recorder):
    recorder = open_recorder()
    some_trading(recorder)
    recorder.close()
    path = recorder.log.path
    path.write_text(path.read_text().replace('"last_qty":"0.001"', '"last_qty":"0.002"'))
    with pytest.raises(VenueError, match=r"venue-run-000001.jsonl:6: answered .* then, and .* now; start a fresh run"):
        open_recorder()


def test_log_line_that_is_no_json_is_named(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('["run",{}]\nnonsense\n')
    with pytest.raises(VenueError, match=r"x.jsonl:2: no JSON; the log is damaged"):
        list(VenueLog(path).lines())


def test_log_of_a_purged_broker_is_put_aside(open_recorder, tmp_path):
    recorder = open_recorder()
    some_trading(recorder)
    recorder.close()
    assert open_recorder(run_of(wall_start_ns=99)).exchange.by_number == []
    assert sorted(p.name for p in tmp_path.iterdir()) == ["venue-run-000001.77.jsonl", "venue-run-000001.jsonl"]


def test_disk_full_is_one_clear_error_and_nothing_is_said(open_recorder, monkeypatch):
    recorder = open_recorder()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(VenueError, match=r"cannot be written \(No space left on device\); free some space"):
        ask(recorder, new(1, "a"), 10)
    assert recorder.log.broken


def test_fresh_run_has_a_log_of_its_own(open_recorder, tmp_path):
    some_trading(open_recorder())
    assert open_recorder(run_of(2)).exchange.by_number == []
    assert log_path(tmp_path, "venue", 2).exists()
