"""The market in the kernel, plain and compiled, against the slow normalize: the same bytes of records and slots, and the same refusals."""

from collections import Counter

import orjson
import pytest

from streams.agents.market import Market
from streams.agents.market_node import KINDS
from streams.agents.process import Process
from streams.errors import EdgeError, FrameError
from streams.kernel import View
from streams.records import BookUpdate, Command, CommandType, InstrumentType
from streams.venues.binance.recording import Line, read_recording
from tests.agents.desk import control, spec
from tests.agents.market_desk import REAL, MarketDesk, Twins, instrument
from tests.agents.market_flow import INSTRUMENTS, flow
from tests.real_recording import PATH, needs_real_recording
from tests.venues.binance_frames import USDM, snapshot, stream, usdm_diff, usdm_ticker, usdm_trade

BTCUSDT = instrument("BTCUSDT", InstrumentType.LINEAR)
ROOM = {"window": 256, "far": 1024, "levels": 64}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("held", [64, 1 << 15])
def test_market_of_any_flow_writes_what_the_slow_one_writes(seed, held):
    twins = Twins(*INSTRUMENTS, compiled=True, held=held, **ROOM)
    found = Counter(type(record).__name__ for record in twins.play(flow(seed, 1_500)))
    assert {"BookUpdate", "Quote", "Trade", "Funding", "Command"} == set(found)
    assert found["BookUpdate"] > 100
    assert twins.refused > 10
    assert all(side.lost == 0 for book in twins.desk.node.market.books for side in (book.bids, book.asks))


def test_market_plain_writes_what_the_slow_one_writes():
    assert len(Twins(*INSTRUMENTS, compiled=False, **ROOM).play(flow(7, 300))) >= 200


def test_market_plain_and_compiled_end_in_the_same_bytes():
    plain, compiled = (Twins(*INSTRUMENTS, compiled=c, **ROOM | {"held": 256}) for c in (False, True))
    for payload in flow(8, 300):
        plain.give(payload)
        compiled.give(payload)
    assert plain.desk.node.state() == compiled.desk.node.state()
    assert plain.desk.node.layout() == compiled.desk.node.layout()


@pytest.mark.parametrize("cut", [0, 1, 17, 100, 399])
def test_market_state_loaded_anywhere_goes_on_to_the_same_bytes(cut):
    frames, whole = list(flow(9, 400)), Twins(*INSTRUMENTS, compiled=True, **ROOM)
    whole.play(frames[:cut])
    state, ignored = whole.desk.node.state(), dict(whole.desk.node.ignored)
    second = Twins(*INSTRUMENTS, compiled=True, **ROOM)
    second.desk.node.load(state)
    second.desk.node.ignored, second.desk.frames = ignored, whole.desk.frames
    second.slow, second.writer = whole.slow, whole.writer
    second.play(frames[cut:])
    assert second.desk.frames == len(frames)


@needs_real_recording
@pytest.mark.slow
def test_market_of_the_recording_writes_what_the_slow_one_writes():
    twins = Twins(instrument("BTCUSDT", InstrumentType.LINEAR, 10**8, 10**6), compiled=True, **REAL)
    lines = (line for line in read_recording(PATH) if isinstance(line, Line))
    assert sum(len(twins.give(line.payload)) for line in lines) == 93_950
    assert twins.refused == 0
    (book, *_) = twins.desk.node.market.books
    assert book.bids.lost == book.asks.lost == 0


# ---- bounds ----
def test_market_without_room_for_held_diffs_gives_up_the_oldest():
    twins = Twins(BTCUSDT, compiled=True, held=64)
    rows = [[f"{i}.0", "1"] for i in range(1, 11)]
    diffs = [usdm_diff(i, i, i - 1, rows) for i in range(10, 16)]  # 26 words each: two fit
    assert twins.play(diffs) == []
    sequence, held = (getattr(twins.desk.node.market.books[0], name) for name in ("sequence", "held"))
    assert (held.count, held.used, sequence.dropped) == (2, 52, 4)
    (asked,) = twins.give(snapshot(12, [["1.0", "1"]], [["99.0", "1"]], T=1))  # before what is held: joins nothing
    assert asked.reason == "snapshot 12 is older than the diffs held"
    assert [r.last_seq for r in twins.give(snapshot(14, [["1.0", "1"]], [["99.0", "1"]], T=1))] == [14, 14, 15]


def test_market_diff_larger_than_all_room_is_not_held():
    twins = Twins(BTCUSDT, compiled=True, held=64)
    rows = [[f"{i}.0", "1"] for i in range(1, 41)]
    assert twins.play([usdm_diff(10, 10, 9), usdm_diff(11, 11, 10, rows)]) == []
    assert twins.desk.node.market.books[0].held.count == 0
    assert twins.desk.node.market.books[0].sequence.dropped == 2


def test_market_frame_of_more_levels_than_room_is_refused_with_the_remedy():
    desk = MarketDesk(BTCUSDT, compiled=True, levels=8)
    with pytest.raises(FrameError, match=r"more than 8 levels: raise sizes\.levels"):
        desk.feed(snapshot(1, [[f"{i}.0", "1"] for i in range(1, 10)], []))


def test_market_far_level_beyond_all_room_is_counted_and_the_touch_stays():
    desk = MarketDesk(BTCUSDT, compiled=True, window=128, far=8, levels=64)
    rows = [["5000.0", "1"]] + [[f"{i}.0", "1"] for i in range(1, 21)]
    (update,) = desk.feed(snapshot(1, rows, [["6000.0", "1"]]))
    assert (update.bid_px_e9, update.ask_px_e9) == (5_000 * 10**9, 6_000 * 10**9)
    assert desk.node.market.books[0].bids.lost == 13


def test_market_instrument_beyond_the_sizes_is_refused_with_the_remedy():
    with pytest.raises(EdgeError, match=r"room is for 2 instruments: raise sizes\.instruments"):
        MarketDesk(*INSTRUMENTS, compiled=True, instruments=2)


@pytest.mark.parametrize(
    ("tick_e9", "px", "qty", "reason"),
    [
        (10**7, "2748779069.44", "0.001", r"2\^38 are allowed"),
        (10**8, "1.0", "1099511627.776", r"2\^40 are allowed"),
        (10**8, "1000000.0", "1000000", "more money than can be counted"),
    ],
)
@pytest.mark.parametrize("compiled", [False, True])
def test_market_price_or_size_beyond_memory_is_refused(tick_e9, px, qty, reason, compiled):
    twins = Twins(instrument("BTCUSDT", InstrumentType.LINEAR, tick_e9, 10**6), compiled=compiled)
    assert twins.give(usdm_trade(1, px, qty, True)) == []
    with pytest.raises(FrameError, match=reason):
        twins.desk.feed(usdm_trade(1, px, qty, True))


# ---- control ----
def test_market_new_grid_forgets_the_book_and_asks_for_another():
    twins = Twins(BTCUSDT, compiled=True)
    twins.play(USDM)
    twins.learn(BTCUSDT._replace(tick_e9=10**7))
    gap, resync = twins.give(usdm_diff(111, 112, 110, [["99.01", "1"]]))
    assert gap.gap
    assert resync.kind == CommandType.RESYNC
    whole, held = twins.give(snapshot(112, [["98.01", "2"]], [["98.52", "2"]], T=1))
    assert (whole.bid_px_e9, held.bid_px_e9) == (98_010_000_000, 99_010_000_000)
    twins.learn(BTCUSDT._replace(tick_e9=10**7))  # the same again changes nothing
    assert [r.gap for r in twins.give(usdm_diff(113, 114, 112))] == [False]


def test_market_of_two_venues_tells_them_apart():
    twins = Twins(BTCUSDT, instrument("BTCUSDT", InstrumentType.LINEAR, venue="other"), compiled=True)
    first, second = usdm_ticker(1, "100.0", "1", "100.1", "1"), usdm_ticker(2, "200.0", "1", "200.1", "1")
    assert [r.venue for r in (*twins.give(first), *twins.give(second, "other"))] == ["binance", "other"]
    assert twins.give(first, "third") == []
    assert twins.refused == 1
    assert [r.venue for r in twins.give(snapshot(5, [["1.0", "1"]], [["2.0", "1"]]), "other")] == ["other"]
    assert [type(r) for r in twins.give(snapshot(5, [["1.0", "1"]], [["2.0", "1"]]))] == [BookUpdate]


def test_market_symbol_that_is_no_ascii_is_read():
    twins = Twins(instrument("币安人生USDT", InstrumentType.LINEAR), compiled=True)
    data = {"e": "bookTicker", "u": 1, "s": "币安人生USDT", "b": "1.0", "B": "1", "a": "2.0", "A": "1", "T": 5, "E": 6}
    assert len(twins.give(stream("x@bookTicker", data))) == 1  # escaped
    assert len(twins.give(orjson.dumps({"stream": "x@bookTicker", "data": data}))) == 1


def test_process_snapshot_names_the_layout_of_normalize():
    process = Process(spec("normalize"))
    layout, fields, state = process.snapshot()["normalize"]
    assert fields.startswith('[{"name": "now_ns"')
    assert View(Market, bytearray(state)).now_ns == 0
    assert Process(spec("normalize", held=64)).layouts()["normalize"][0] != layout
    assert Process(spec("normalize", levels=64)).layouts()["normalize"][0] == layout  # scratch is no state


@pytest.mark.parametrize("agents", [("normalize",), ("normalize", "strategy", "risk", "execute", "account")])
@pytest.mark.parametrize("cut", [0, 3, 5, len(USDM)])
def test_process_restored_from_its_snapshot_goes_on_to_the_same_records(agents, cut):
    desk = MarketDesk(BTCUSDT)
    frames = [
        desk.frame(payload)
        for payload in (*USDM, b'{"result":null,"id":1}', usdm_diff(115, 118, 112), usdm_ticker(9, "1.0", "1", "2.0", "1"))
    ]
    first, second = Process(spec(*agents)), Process(spec(*agents))
    for record in control():
        first.on_input(record)
    for frame in frames[:cut]:
        first.on_input(frame)
    first.take_outputs()
    second.restore(first.snapshot())
    assert second.snapshot() == first.snapshot()
    assert second.counters() == first.counters()
    for frame in frames[cut:]:
        first.on_input(frame)
        second.on_input(frame)
        assert second.take_outputs() == first.take_outputs()
    assert second.snapshot() == first.snapshot()


def test_process_counts_what_normalize_writes_by_topic():
    desk = Twins(BTCUSDT, compiled=True).desk
    assert set(desk.node.sequences()) == set(KINDS)
    assert isinstance(desk.feed(usdm_diff(1, 1, 0), usdm_diff(5, 5, 3))[-1], Command)
    assert sorted(desk.node.sequences().values()) == [0, 0, 0, 1, 1]
