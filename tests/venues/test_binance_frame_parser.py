"""The compiled frame parser reads what `messages.parse` reads, and never what that refuses; hostile frames included."""

import ctypes
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import FrameError
from streams.venues.binance.frame_parser import REST, FrameParser
from streams.venues.binance.messages import Ignored, MarkPrice, Message, Snapshot, parse
from streams.venues.binance.plain_parser import PlainParser
from streams.venues.binance.respell import respell
from tests.venues.binance_frames import COINM, SPOT, USDM, mark_price
from tests.venues.frame_reader import LEVELS, FrameReader, compiled_parser, message_of

READER = FrameReader()
FRAMES = [*USDM, *COINM, *SPOT, mark_price("60000.12345678", "-0.0002", 8_000)]
BLANKS = st.text(" \t\r\n", max_size=2)
NAMES = st.sampled_from(["x", "i", "ps", "pair", "RPI", "symbolx", "lastUpdateI", "dat", "", "é", "币安"])


def slow(payload: bytes) -> Message | None:
    """What Python reads; None for what is refused or not ours."""
    try:
        message = parse(payload)
    except FrameError:
        return None
    return None if isinstance(message, Ignored) else message


def agree(payload: bytes) -> None:
    """Both read the same, or the compiled one leaves it, and then reads it spelled anew."""
    ours, theirs = READER.read(payload), slow(payload)
    if ours is not None:
        assert ours == theirs, payload
    elif theirs is not None:
        again = READER.read(respell(theirs))
        assert again == (theirs._replace(exch_ts_ns=again.exch_ts_ns) if isinstance(again, MarkPrice) else theirs), payload


# ---- frames in any spelling ----
decimals = st.integers(0, 10**15).flatmap(
    lambda n: st.sampled_from([0, 1, 2, 8, 9]).map(lambda d: f"{n / 10**d:.{d}f}" if n < 1e9 else str(n % 10**9))
)
above_0 = decimals.filter(lambda text: float(text) > 0)
levels = st.lists(st.tuples(above_0, decimals).map(list), max_size=4)
whole = st.integers(0, 10**18 - 1)
ms = st.integers(0, 9_223_372_036_854)
other = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(-1e9, 1e9).map(lambda x: float(f"{x:.3f}"))
    | st.sampled_from(["", "a", "é", "{[,"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
symbols = st.sampled_from(["BTCUSDT", "BTCUSD_PERP", "币安人生USDT", "1000PEPEUSDT"])
events = st.one_of(
    st.fixed_dictionaries(
        {
            "e": st.just("depthUpdate"),
            "s": symbols,
            "U": st.integers(0, 10**9),
            "u": st.integers(10**9, 10**17),
            "b": levels,
            "a": levels,
            "E": ms,
        },
        optional={"T": ms, "pu": whole},
    ),
    st.fixed_dictionaries(
        {"s": symbols, "u": whole, "b": above_0, "B": decimals, "a": above_0, "A": decimals},
        optional={"e": st.just("bookTicker"), "T": ms, "E": ms},
    ),
    st.fixed_dictionaries(
        {"e": st.just("trade"), "s": symbols, "t": whole, "p": above_0, "q": above_0, "m": st.booleans(), "T": ms},
        optional={"X": st.just("MARKET"), "M": st.booleans(), "a": whole, "b": whole, "E": ms},
    ),
    st.fixed_dictionaries(
        {
            "e": st.just("aggTrade"),
            "s": symbols,
            "a": whole,
            "p": above_0,
            "q": above_0,
            "m": st.booleans(),
            "E": ms,
            "f": whole,
            "l": whole,
        }
    ),
    st.fixed_dictionaries(
        {
            "e": st.just("markPriceUpdate"),
            "s": symbols,
            "p": above_0.filter(lambda t: float(t) < 2e9),
            "r": st.sampled_from(["0.0001", "-0.5", "1", "0"]),
            "T": st.integers(1, 10**12),
            "E": ms,
        }
    ),
    st.fixed_dictionaries(
        {"lastUpdateId": whole, "bids": levels, "asks": levels}, optional={"E": ms, "T": ms, "symbol": symbols, "pair": symbols}
    ),
)


@st.composite
def spelled(draw: Any) -> bytes:
    """An event with its members in any order, unknown ones and white space between them, in an envelope or not."""
    event = draw(events)
    members = [(json.dumps(k), json.dumps(v, ensure_ascii=False)) for k, v in event.items()]
    members += [
        (json.dumps(k, ensure_ascii=False), json.dumps(v, ensure_ascii=False))
        for k, v in draw(st.dictionaries(NAMES, other, max_size=2)).items()
    ]
    data = _object(draw, draw(st.permutations(members)))
    if "lastUpdateId" in event or draw(st.booleans()):
        return data.encode()
    return _object(draw, draw(st.permutations([('"stream"', '"x@depth@100ms"'), ('"data"', data), ('"n"', "1")]))).encode()


def _object(draw: Any, members: list[tuple[str, str]]) -> str:
    blank = draw(BLANKS)
    return blank + "{" + ",".join(f"{blank}{k}{blank}:{blank}{v}{blank}" for k, v in members) + "}" + blank


@settings(deadline=None)
@given(spelled())
def test_parser_reads_any_spelling_of_a_venues_frame(payload):
    assert READER.read(payload) == parse(payload)


# ---- hostile frames ----
def mutated(rng: random.Random, payload: bytes) -> bytes:
    """A frame with one to three bytes changed, removed, added, or a part of it repeated."""
    b = bytearray(payload)
    for _ in range(rng.randint(1, 3)):
        at, what = rng.randrange(len(b)), rng.random()
        if what < 0.4:
            b[at] = rng.choice(b'0123456789.,:"[]{}abeutTsE -+\\\n\x00\x7f\x80\xc3\xff')
        elif what < 0.6:
            del b[at : at + rng.randint(1, 3)]
        elif what < 0.8:
            b.insert(at, rng.choice(b'0123456789.,:"[]{}abeut -\\'))
        elif what < 0.9:
            del b[at:]
        else:
            b[at:at] = b[at : at + rng.randint(1, 30)]
        if not b:
            return b"{"
    return bytes(b)


@pytest.mark.parametrize("seed", range(4))
def test_parser_of_damaged_frames_reads_what_python_reads(seed):
    rng, compact = random.Random(seed), [json.dumps(json.loads(f), separators=(",", ":")).encode() for f in FRAMES]
    for _ in range(5_000):
        agree(mutated(rng, rng.choice(rng.choice([FRAMES, compact]))))


@settings(deadline=None)
@given(st.binary(max_size=40) | st.text('{}[]:,"0.9etbau \\', max_size=40).map(str.encode))
def test_parser_of_any_bytes_reads_what_python_reads(payload):
    agree(payload)
    agree(b'{"e":"trade","s":' + payload + b"}")


LEVEL_ROWS = [
    ["1", "2"],
    ["1", "2", []],
    ["1"],
    "12",
    ["1", 2],
    ["1e3", "1"],
    ["0", "1"],
    ["-1", "1"],
    [" 1", "1"],
    ["1.", "1"],
    [".5", "1"],
    ["01", "1"],
]
LEVEL_ROWS += [
    ["1.0000000001", "1"],
    ["1.0000000000", "1"],
    ["9223372036.854775807", "1"],
    ["9223372036.854775808", "1"],
    ["1" * 30, "1"],
    ["1", ""],
    None,
]


@pytest.mark.parametrize("row", LEVEL_ROWS, ids=str)
def test_parser_of_a_level_reads_what_python_reads(row):
    agree(json.dumps({"lastUpdateId": 1, "bids": [["7", "1"], row], "asks": []}).encode())


DIFF = b'"e":"depthUpdate","T":1,"s":"X","U":1,"u":1,"b":[],"a":[]'
TRADE = b'"e":"trade","s":"X","t":1,"p":"1","q":"1","m":true,"T":1'
WHOLE = b'"lastUpdateId":1,"bids":[],"asks":[]'
HOSTILE = [
    b"",
    b"{",
    b"}",
    b"{}",
    b"[]",
    b"null",
    b'""',
    b"{}}",
    b'{"a":{}}}',
    b'{"e":"trade"}',
    b'{"e"}',
    b'{"e":}',
    b'{"e":"',
    b'{"\\u0065":"trade"}',
]
HOSTILE += [
    b'{"stream":"x","data":{}}',
    b'{"data":{"e":"trade"}}',
    b'{"stream":1,"data":{%b}}' % WHOLE,
    b'{"stream":"x@depth5","data":{%b}}' % DIFF,
]
HOSTILE += [b'{"stream":"x@depth","data":{%b},"e":"trade"}' % DIFF, b'{"stream":"x@depth","data":{%b},"data":{%b}}' % (DIFF, TRADE)]
HOSTILE += [b'{%b,"data":{"u":2}}' % DIFF, b'{%b,"u":2}' % DIFF, b'{%b,"stream":"x"}' % DIFF, b'{%b,"stream":"x","data":1}' % DIFF]
SPOILT = {  # in a diff, and in a trade
    b'"u":1': [b'"u":0'],
    b'"s":"X"': [b'"s":""', b'"s":1'],
    b'"T":1': [
        b'"T":1.0',
        b'"T":99999999999999',
        b'"T":-1',
        b'"E":1',
        b'"T":1,"X":"INSURANCE_FUND"',
        b'"T":1,"X":null',
        b'"T":1,"X":"MARKET"',
    ],
    b'"U":1': [b'"U":01', b'"U":1e0', b'"U":"1"'],
    b'"b":[]': [b'"b":[[]]', b'"b":[,]', b'"b":{}', b'"b":[["1","1"],]', b'"b":[["1","1"]["2","1"]]', b'"b":[["1",1]]'],
    b'"m":true': [b'"m":1', b'"m":false', b'"m":tru'],
    b'"q":"1"': [b'"q":"0"', b'"q":1', b'"q":""'],
    b'"t":1': [b'"t":9223372036854775807', b'"t":9223372036854775808', b'"t":99999999999999999999', b'"t":null'],
}
HOSTILE += [
    b"{%b}" % frame.replace(old, new) for frame in (DIFF, TRADE) for old, spoilt in SPOILT.items() for new in spoilt if old in frame
]
VALUES = [
    b"1e999",
    b"1e5",
    b"-",
    b"-1.5",
    b"01",
    b"1.",
    b"1" * 400,
    b"nul",
    b"nulll",
    b"truefalse",
    b"false",
    b"[1 2]",
    b'{"a" 1}',
    b'{"a":1,}',
]
VALUES += [
    b'"\xff"',
    b'"\xed\xa0\x80"',
    b'"\xe5\xb8\x81"',
    b'"\xc0\x80"',
    b'"\xf5\x80\x80\x80"',
    b'"\xf0\x9f\x98\x80"',
    b'"\\ud800"',
    b'"\\n"',
    b'"\x01"',
]
VALUES += [b"[" * 40 + b"]" * 40, b"[" * 2000 + b"]" * 2000, b'[[1,{}],{"a":[]}]', b'[1,"}",{"]":"{"}]', b"{1:1}", b'"\x7f"']
HOSTILE += [b'{%b,"x":%b}' % (DIFF, value) for value in VALUES]
HOSTILE += [b'{"%b"}' % name for name in (b"pu", b"bids", b"data", b"symbol", b"stream", b"lastUpdateId", b"\xc3\xa9")]
HOSTILE += [
    b'{"e":null,%b}' % WHOLE,
    b'{"e":1,%b}' % WHOLE,
    b'{"lastUpdateId":null,"u":1,"s":"X","b":"1","B":"1","a":"1","A":"1"}',
    b'{%b,"symbol":""}' % WHOLE,
]
HOSTILE += [b"\xef\xbb\xbf{%b}" % WHOLE, b"{%b}\x0b" % WHOLE, b"{%b} \n" % WHOLE, b"{%b}," % WHOLE, b'{%b,"symbol":null}' % WHOLE]


@pytest.mark.parametrize("payload", HOSTILE, ids=lambda payload: repr(payload[:60]))
def test_parser_of_hostile_frame_reads_what_python_reads(payload):
    agree(payload)


def test_parser_of_every_beginning_of_a_frame_reads_nothing():
    for frame in FRAMES:
        for end in range(len(frame)):
            assert READER.read(frame[:end]) is None


def test_parser_of_more_levels_than_there_is_room_for_leaves_it():
    rows = [[str(i + 1), "1"] for i in range(LEVELS + 1)]
    for n in (LEVELS, LEVELS + 1):
        payload = json.dumps({"lastUpdateId": 1, "bids": rows[: n // 2], "asks": rows[n // 2 : n]}).encode()
        found = READER.read(payload)
        assert (isinstance(found, Snapshot) and found == parse(payload)) if n == LEVELS else found is None


@pytest.mark.parametrize("payload", FRAMES)
def test_parser_plain_and_compiled_end_in_the_same_bytes(payload):
    plain, compiled = FrameParser({"levels": 8}), FrameParser({"levels": 8}).pack()
    memory = bytearray(payload)

    place = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert plain.parse(place, len(payload)) == compiled_parser()(compiled.ctypes.data, place, len(payload)) != REST
    assert plain.pack().tobytes() == compiled.tobytes()
    assert message_of(plain) == parse(payload)


@pytest.mark.parametrize("payload", [*FRAMES, *HOSTILE], ids=lambda payload: repr(payload[:60]))
def test_plain_parser_reads_what_python_reads(payload):
    parser, memory = PlainParser({"levels": 8}), ctypes.create_string_buffer(payload, len(payload))
    theirs = slow(payload)
    found = None if parser.parse(ctypes.addressof(memory), len(payload)) == REST else message_of(parser)
    assert found == theirs
