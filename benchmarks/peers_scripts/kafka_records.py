"""What the Kafka peers share: the record of the benchmark, its Avro value under the registry's header, and the settings of a client."""

import io
import json
import time
from pathlib import Path
from typing import Any

import fastavro

__all__ = ["CONSUMER", "FIRST_TRADE_ID", "PRODUCER", "Codec", "Watch", "record"]

HEADER_BYTES = 5
FIRST_TRADE_ID = 5_000_000_000
PRODUCER = {"enable.idempotence": True, "compression.type": "lz4", "linger.ms": 1, "batch.num.messages": 100_000, "batch.size": 1_000_000}
PRODUCER |= {"queue.buffering.max.messages": 1_000_000, "queue.buffering.max.kbytes": 512 * 1024, "retry.backoff.ms": 5}
CONSUMER = {"isolation.level": "read_committed", "enable.auto.commit": False, "auto.offset.reset": "earliest", "check.crcs": False}
CONSUMER |= {"fetch.wait.max.ms": 100, "fetch.queue.backoff.ms": 2, "queued.min.messages": 100_000}


def record(i: int) -> dict[str, Any]:
    """The i-th trade."""
    ts_ns = 1_723_161_600_000_000_000 + 1_000_000 * i
    head = {"id": (7 << 47) + i + 1, "cause_id": (5 << 47) + i + 1, "run_id": 1, "ts_ns": ts_ns, "recv_ts_ns": ts_ns}
    trade = {"exch_ts_ns": ts_ns - 2_000_000, "trade_id": FIRST_TRADE_ID + i, "side": "SELL" if i % 3 else "BUY"}
    return {**head, "venue": "binance", "symbol": "BTCUSDT", **trade, "px_e9": (61_000 + i % 500) * 10**9, "qty_e9": (1 + i % 97) * 10**6}


class Codec:
    """Values of one schema. header: hexadecimal, magic byte and id of the schema in the registry."""

    def __init__(self, schema_path: str, header: str) -> None:
        self.schema = fastavro.parse_schema(json.loads(Path(schema_path).read_text()))
        self.header = bytes.fromhex(header)

    def encode(self, value: dict[str, Any]) -> bytes:
        out = io.BytesIO(self.header)
        out.seek(HEADER_BYTES)
        fastavro.schemaless_writer(out, self.schema, value)
        return out.getvalue()

    def decode(self, value: bytes) -> dict[str, Any]:
        if value[:HEADER_BYTES] != self.header:
            raise ValueError(f"a value under another header: {value[:HEADER_BYTES].hex()}")
        return fastavro.schemaless_reader(io.BytesIO(value[HEADER_BYTES:]), self.schema, None)  # type: ignore[return-value]


class Watch:
    """Seconds from the first record to the last, and the sum of a column to check by."""

    def __init__(self, count: int) -> None:
        self.count = self.left = count
        self.first_s = self.last_s = 0.0
        self.sum = 0

    def see(self, value: dict[str, Any]) -> bool:
        """Take one record; true at the last."""
        if not self.first_s:
            self.first_s = time.perf_counter()
        self.sum += value["qty_e9"]
        self.left -= 1
        if self.left == 0:
            self.last_s = time.perf_counter()
        return self.left <= 0

    def report(self, produced_s: float, produced: int) -> str:
        """The script's last line: seconds that it took to write so many records, and to read those seen here."""
        consumed = {"seconds": self.last_s - self.first_s, "count": self.count, "sum": self.sum}
        return json.dumps({"produce": {"seconds": produced_s, "count": produced}, "consume": consumed})
