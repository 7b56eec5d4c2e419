"""Avro bodies to columns: a flat record (Trade) and an array record (BookUpdate, 20 levels), beside fastavro and pyruhvro.

All take the values of a topic as a consumer hands them over: a list of bytes, each with the registry's header, which ours compares,
fastavro's stream skips and pyruhvro needs cut off (`pyruhvro alone` leaves that out). fastavro makes a dict a record, pyruhvro an Arrow
batch, ours numpy columns. Figures are CPU time of one thread, the best of several runs, so that other work on the machine enters little.
There is no bulk encoder: what is measured of encoding is the codec of the agents, a record at a time.
"""

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
from made_records import LEVELS, trade, update

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.schema import bulk, codec
from streams.schema.model import SCHEMAS, Schema

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


def by_pyruhvro(schema: Schema, values: list[bytes], found: bulk.Columns) -> tuple[float, float]:
    """pyruhvro's nanoseconds a record with and without cutting off headers, its result checked."""
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder) / name for name in ("schema.json", "values", "starts.npy")]
        names[0].write_text(json.dumps(schema.plain))
        names[1].write_bytes(b"".join(values))
        np.save(names[2], np.cumsum([0, *map(len, values)]))
        told = peers.run("pyruhvro_decode.py", *names)
    ours = {name: sum(found.columns[name].values.tolist()) for name in told["sums"]}
    assert (told["rows"], told["sums"]) == (found.rows, ours), f"pyruhvro's {schema.name} differs from ours"
    return told["ns"], told["alone_ns"]


def decoding(schema: Schema, records: list[Any], title: str) -> list[Claim]:
    header, avro = codec.frame(7, b""), fastavro.parse_schema(schema.plain)
    values = [header + codec.encode(record) for record in records]
    found = bulk.decode(schema, values, header)
    check(schema, found, values, avro)
    ours = cpu_ns(lambda: bulk.decode(schema, values, header), len(values), RUNS)
    peer = cpu_ns(lambda: by_fastavro(avro, values), len(values), PEER_RUNS)
    rust, alone = by_pyruhvro(schema, values, found)
    what = f"decode {title} to columns"
    return [
        Claim(f"{what} (peer: fastavro)", ours, peer, peer / ours, "ns", f"{GOAL}x", peer >= GOAL * ours),
        Claim(f"{what} (peer: pyruhvro)", ours, rust, rust / ours, "ns", "> 1", rust > ours),
        Claim(f"{what} (peer: pyruhvro alone)", ours, alone, alone / ours, "ns", "none", True),
    ]


def encoding(schema: Schema, records: list[Any], title: str) -> Claim:
    avro = fastavro.parse_schema(schema.plain)
    bodies = [codec.encode(record) for record in records]
    dicts = by_fastavro(avro, [codec.frame(7, body) for body in bodies])

    def write() -> list[bytes]:
        out = []
        for values in dicts:
            stream = io.BytesIO()
            fastavro.schemaless_writer(stream, avro, values)
            out.append(stream.getvalue())
        return out

    assert write() == bodies, f"{schema.name}: fastavro writes other bytes"
    ours = cpu_ns(lambda: [codec.encode(record) for record in records], len(records), PEER_RUNS)
    peer = cpu_ns(write, len(records), PEER_RUNS)
    return Claim(f"encode {title}, a record at a time (peer: fastavro)", ours, peer, peer / ours, "ns", "> 1", peer > ours)


def measure() -> list[Claim]:
    trades, updates = [trade(n) for n in range(TRADES)], [update(n) for n in range(UPDATES)]
    levels = f"BookUpdate ({LEVELS} levels)"
    return [
        *decoding(SCHEMAS["Trade"], trades, "Trade"),
        *decoding(SCHEMAS["BookUpdate"], updates, levels),
        encoding(SCHEMAS["Trade"], trades, "Trade"),
        encoding(SCHEMAS["BookUpdate"], updates[:1000], levels),
    ]


if __name__ == "__main__":
    where = conditions(fastavro=version("fastavro"), trades=TRADES, updates=UPDATES, time="CPU, one thread, best of runs")
    report("avro", where, measure)
