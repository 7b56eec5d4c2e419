"""Playback: order over several files, pace by the run's clock, resumption, damaged lines. The writer is a stub, no broker."""

import ctypes
import time
from threading import Event

from streams.clock import RunClock
from streams.records import Clock
from streams.venues.binance.frames import Place
from streams.venues.binance.playback import play

START_NS = 1_000_000_000


class Writer:
    """What `play` needs of a FrameWriter, remembering everything."""

    def __init__(self, at: int = 0, at_damage: int = 0, speed: float = 1e9, wall_start_ns: int | None = None) -> None:
        self.clock = RunClock(Clock.RECORDING, START_NS, wall_start_ns or time.time_ns(), speed)
        self.at, self.at_damage = Place(1 if at else 0, at), Place(0, at_damage)
        self.sent: list[tuple[int, int, int, bytes]] = []
        self.letters: list[tuple[int, str, bytes]] = []
        self.sent_at_ns: list[int] = []
        self.flushed = False

    def frames(self, connection, times, seqs, starts, sizes) -> None:
        for time_ns, seq, start, size in zip(*(c.tolist() for c in (times, seqs, starts, sizes)), strict=True):
            self.sent.append((time_ns, connection, seq, ctypes.string_at(start, size)))
            self.sent_at_ns.append(self.clock.now_ns())

    def dead_letter(self, recv_ts_ns: int, source_seq: int, reason: str, payload: bytes) -> None:
        self.letters.append((source_seq, reason, payload))

    def poll(self) -> None: ...

    def flush(self) -> None:
        self.flushed = True


def recording(path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def stamped(*offsets: int) -> list[str]:
    return [f'{START_NS + offset} {{"n":{offset}}}' for offset in offsets]


def test_play_sends_every_line_once_in_order_and_flushes(tmp_path):
    writer = Writer()
    assert play((recording(tmp_path / "a", *stamped(1, 2, 3)),), writer, Event())
    assert writer.sent == [(START_NS + n, 1, n, b'{"n":%d}' % n) for n in (1, 2, 3)]
    assert writer.flushed


def test_play_resumes_after_the_last_frame_and_the_last_dead_letter(tmp_path):
    path = recording(tmp_path / "a", *stamped(1), "bad one", *stamped(3), "bad two", *stamped(5))
    for at, at_damage, frames, letters in [
        (0, 0, [1, 3, 5], [2, 4]),
        (3, 2, [5], [4]),
        (5, 2, [], [4]),  # the frames were delivered, the second letter was not
        (1, 4, [3, 5], []),
        (5, 4, [], []),
    ]:
        writer = Writer(at, at_damage)
        assert play((path,), writer, Event())
        assert [frame[2] for frame in writer.sent] == frames
        assert [letter[0] for letter in writer.letters] == letters


def test_play_damaged_line_becomes_a_dead_letter_with_file_line_and_reason(tmp_path):
    writer = Writer()
    play((recording(tmp_path / "a", *stamped(1), "nonsense"),), writer, Event())
    ((source_seq, reason, payload),) = writer.letters
    assert (source_seq, payload) == (2, b"nonsense")
    assert reason.startswith(f"{tmp_path / 'a'}:2: no receive time")


def test_play_never_sends_before_the_runs_clock_shows_the_receive_time(tmp_path):
    writer = Writer(speed=2.0)
    play((recording(tmp_path / "a", *stamped(0, 20_000_000, 60_000_000)),), writer, Event())
    assert all(sent_ns >= frame[0] for sent_ns, frame in zip(writer.sent_at_ns, writer.sent, strict=True))


def test_play_stopped_ends_early_and_flushes(tmp_path):
    stop = Event()
    stop.set()
    writer = Writer()
    assert not play((recording(tmp_path / "a", *stamped(1)),), writer, stop)
    assert (writer.sent, writer.flushed) == ([], True)


def test_play_leaves_frames_of_other_shards_to_their_feeds(tmp_path):
    ours, wrapped = '{"e":"trade","s":"BTCUSDT"}', '{"stream":"ethusdt@trade","data":{"e":"trade","s":"ETHUSDT"}}'
    raw, nobody = '{"e":"trade","s":"ETHUSDT"}', '{"lastUpdateId":5}'
    lines = [f"{START_NS + n} {frame}" for n, frame in enumerate((ours, wrapped, raw, nobody))]
    writer = Writer()
    play((recording(tmp_path / "a", *lines),), writer, Event(), ("ETHUSDT",))
    assert [(frame[2], frame[3].decode()) for frame in writer.sent] == [(1, ours), (4, nobody)]
