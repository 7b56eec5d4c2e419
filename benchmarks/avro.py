"""Avro bodies to columns and back: a flat record (Trade) and an array record (BookUpdate, 20 levels), beside fastavro and pyruhvro.

All take the values of a topic as a consumer hands them over: a list of bytes, each with the registry's header, which ours compares,
fastavro's stream skips and pyruhvro needs cut off. `alone` leaves out what comes before: pyruhvro has a list of bodies, ours the values in
one buffer. fastavro makes a dict a record, pyruhvro an Arrow batch, ours numpy columns.

The way back begins with each one's own: dicts, a batch, columns. Ours ends in one buffer of values with their headers, as the bulk
producer takes it, fastavro's in a list of values; pyruhvro's bodies are made one by putting the header before each (`alone`: its bodies
in an Arrow array). Slots, the form of records in the agents, are measured both ways. Figures are CPU time of one thread,
the best of several runs, so that other work on the machine enters little.
"""

import ctypes
import io
import json
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import process_time_ns
from typing import Any

import fastavro
import numpy as np
import peers
from claims import Claim, conditions, report
from made_records import LEVELS, SYMBOLS, edge_of, trade, update

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.schema import bulk, bulk_encode, codec
from streams.schema.layout import layout
from streams.schema.model import SCHEMAS, Schema
from streams.schema.slots_in import SlotReader
from streams.schema.slots_out import SlotWriter

TRADES, UPDATES = 20_000, 5_000
RUNS, PEER_RUNS = 9, 3
GOAL = 20


def cpu_ns(run: Callable[[], Any], count: int, runs: int) -> float:
    """CPU nanoseconds a record, the best of several runs."""
    spent = []
    for _ in range(runs):
        began = process_time_ns()
        run()
        spent.append(process_time_ns() - began)
    return min(spent) / count


def by_fastavro(schema: Any, values: list[bytes]) -> list[Any]:
    """The records as fastavro reads them."""
    records = []
    for value in values:
        stream = io.BytesIO(value)
        stream.seek(codec.HEADER.size)
        records.append(fastavro.schemaless_reader(stream, schema, None))
    return records


def check(schema: Schema, found: bulk.Columns, values: list[bytes], avro: Any) -> None:
    """Every whole number, of rows and of levels, equal to fastavro's."""
    read: Any = by_fastavro(avro, values)
    assert found.rows == len(values), f"{len(values) - found.rows} records were not read"
    for name, column in found.columns.items():
        array, _, inner = name.rpartition(".")
        if column.field.type in ("long", "int") and column.nulls is None:
            wanted = [level[inner] for record in read for level in record[array]] if array else [record[name] for record in read]
            assert column.values.tolist() == wanted, f"{schema.name}.{name} differs from fastavro's"


def by_pyruhvro(script: str, schema: Schema, values: list[bytes]) -> dict[str, Any]:
    """What a script of pyruhvro's says of these values."""
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder) / name for name in ("schema.json", "values", "starts.npy")]
        names[0].write_text(json.dumps(schema.plain))
        names[1].write_bytes(b"".join(values))
        np.save(names[2], np.cumsum([0, *map(len, values)]))
        return peers.run(script, *names)


def decoding(schema: Schema, records: list[Any], title: str) -> list[Claim]:
    header, avro = codec.frame(7, b""), fastavro.parse_schema(schema.plain)
    values = [header + codec.encode(record) for record in records]
    found = bulk.decode(schema, values, header)
    check(schema, found, values, avro)
    ours = cpu_ns(lambda: bulk.decode(schema, values, header), len(values), RUNS)
    peer = cpu_ns(lambda: by_fastavro(avro, values), len(values), PEER_RUNS)
    told = by_pyruhvro("pyruhvro_decode.py", schema, values)
    sums = {name: sum(found.columns[name].values.tolist()) for name in told["sums"]}
    assert (told["rows"], told["sums"]) == (found.rows, sums), f"pyruhvro's {schema.name} differs from ours"
    buffer = np.frombuffer(b"".join((*values, bytes(bulk.BEHIND))), np.uint8)
    starts = np.cumsum([0, *map(len, values)], dtype=np.int64)
    ours_alone = cpu_ns(lambda: bulk.decode_buffer(schema, buffer, starts, header), len(values), RUNS)
    return claims(f"decode {title} to columns", ours, ours_alone, peer, told)


def claims(what: str, ours: float, ours_alone: float, peer: float, told: dict[str, Any]) -> list[Claim]:
    """Ours beside both peers, in nanoseconds a record."""
    rust, alone = told["ns"], told["alone_ns"]
    return [
        Claim(f"{what} (peer: fastavro)", ours, peer, peer / ours, "ns", f"{GOAL}x", peer >= GOAL * ours),
        Claim(f"{what} (peer: pyruhvro)", ours, rust, rust / ours, "ns", "> 1", rust > ours),
        Claim(f"{what}, alone (peer: pyruhvro alone)", ours_alone, alone, alone / ours_alone, "ns", "> 1", alone > ours_alone),
    ]


def encoding(schema: Schema, records: list[Any], title: str) -> list[Claim]:
    header, avro = codec.frame(7, b""), fastavro.parse_schema(schema.plain)
    values = [header + codec.encode(record) for record in records]
    dicts, columns = by_fastavro(avro, values), bulk.decode(schema, values, header)

    def write() -> list[bytes]:
        out = []
        for record in dicts:
            stream = io.BytesIO()
            stream.write(header)
            fastavro.schemaless_writer(stream, avro, record)
            out.append(stream.getvalue())
        return out

    assert write() == values, f"{schema.name}: fastavro writes other bytes"
    assert bulk_encode.encode(columns, header)[0].tobytes() == b"".join(values), f"{schema.name}: ours differs from fastavro's"
    ours = cpu_ns(lambda: bulk_encode.encode(columns, header), len(values), RUNS)
    peer = cpu_ns(write, len(values), PEER_RUNS)
    told = by_pyruhvro("pyruhvro_encode.py", schema, values)
    assert told["equal"], f"pyruhvro's {schema.name} differs from ours"
    one = cpu_ns(lambda: [codec.encode(record) for record in records], len(values), PEER_RUNS)
    single = Claim(f"encode {title}, a record at a time (peer: fastavro)", one, peer, peer / one, "ns", "> 1", peer > one)
    return [*claims(f"encode {title} from columns", ours, ours, peer, told), single]


def from_slots(records: list[Any], title: str) -> Claim:
    """Slots to bodies in compiled code, beside the edge and the codec."""
    edge = edge_of(SYMBOLS)
    kind = layout(codec.of(records[0])).kind
    slots = [edge.to_slots(record) for record in records]
    writer, joined, some = SlotWriter(edge), b"".join(slots), slots[: len(slots) // 10]
    bodies = [codec.encode(edge.from_slot(kind, slot, 1)) for slot in slots]
    assert writer.write(kind, joined, 1)[0].tobytes() == b"".join(bodies), f"{title}: the slots' bodies differ from the codec's"
    ours = cpu_ns(lambda: writer.write(kind, joined, 1), len(slots), RUNS)
    peer = cpu_ns(lambda: [codec.encode(edge.from_slot(kind, slot, 1)) for slot in some], len(some), PEER_RUNS)
    return Claim(f"{title}'s slots to bodies (peer: our edge and codec)", ours, peer, peer / ours, "ns", "> 20", peer > 20 * ours)


def into_slots(schema: Schema, records: list[Any], title: str) -> Claim:
    """Values, as they lie in a consumer's memory, to slots in compiled code, beside the codec and the edge."""
    edge, header = edge_of(SYMBOLS), codec.frame(7, b"")
    bodies = [codec.encode(record) for record in records]
    memory = np.frombuffer(b"".join(header + body for body in bodies), np.uint8)
    size = np.array([len(header) + len(body) for body in bodies], np.int64)
    address, reader, some = memory.ctypes.data + np.cumsum(size) - size, SlotReader(edge), bodies[: len(bodies) // 10]
    found = reader.read(schema, address, size, header)
    written = b"".join(ctypes.string_at(start, nbytes) for start, nbytes in zip(found.start.tolist(), found.nbytes.tolist(), strict=True))
    assert written == b"".join(map(edge.to_slots, records)), f"{title}: the slots differ from the edge's"
    ours = cpu_ns(lambda: reader.read(schema, address, size, header), len(bodies), RUNS)
    peer = cpu_ns(lambda: [edge.to_slots(codec.decode(schema.record, body)) for body in some], len(some), PEER_RUNS)
    return Claim(f"{title} to slots (peer: our codec and edge)", ours, peer, peer / ours, "ns", "> 20", peer > 20 * ours)


def measure() -> list[Claim]:
    trades, updates = [trade(n) for n in range(TRADES)], [update(n) for n in range(UPDATES)]
    levels = f"BookUpdate ({LEVELS} levels)"
    return [
        *decoding(SCHEMAS["Trade"], trades, "Trade"),
        *decoding(SCHEMAS["BookUpdate"], updates, levels),
        *encoding(SCHEMAS["Trade"], trades, "Trade"),
        *encoding(SCHEMAS["BookUpdate"], updates, levels),
        from_slots(trades, "Trade"),
        into_slots(SCHEMAS["Trade"], trades, "Trade"),
        into_slots(SCHEMAS["BookUpdate"], updates, levels),
    ]


if __name__ == "__main__":
    where = conditions(fastavro=version("fastavro"), trades=TRADES, updates=UPDATES, time="CPU, one thread, best of runs")
    report("avro", where, measure)
