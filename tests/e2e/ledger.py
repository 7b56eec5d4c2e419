"""What must be true of a run's records, whatever happened while it ran: ids, answers, executions, positions, causes."""

import json
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.e2e.foreign import DLQ, Record

__all__ = ["VenueMemory", "cause_path", "id_faults", "position_faults", "request_faults"]

_WRITER_SHIFT = 47
_TOOLS = ("apply/", "run/", "command/", "control/")  # people's tools write random sequences of their own writers


class VenueMemory:
    """The simulated venue's log of a run: what came in, what it said.

    new        : how often each client order id came in as a NEW
    acked      : how often each was accepted
    executions : FILL reports by execution id, each as often as it was said first
    """

    def __init__(self, path: Path) -> None:
        self.new: Counter[str] = Counter()
        self.acked: Counter[str] = Counter()
        self.executions: dict[str, list[Record]] = defaultdict(list)
        for text in path.read_text().splitlines():
            kind, *line = json.loads(text)
            if kind == "in" and line[1]["op"] == "new":
                self.new[line[1]["cl_ord_id"]] += 1
            elif kind == "out" and line[1]["report"] == "ACK":
                self.acked[line[1]["cl_ord_id"]] += 1
            elif kind == "out" and line[1]["report"] == "FILL":
                self.executions[line[1]["exec_id"]].append(line[1])

    def faults(self, fills: list[Record]) -> list[str]:
        """Orders that reached the venue twice; executions that are not exactly once, and the same, among the fills."""
        found = [f"{cl_ord_id} was sent {count} times" for cl_ord_id, count in self.new.items() if count > 1]
        found += [f"{cl_ord_id} was accepted {count} times" for cl_ord_id, count in self.acked.items() if count > 1]
        booked = Counter((fill["exec_id"], fill["last_px_e9"], fill["last_qty_e9"], fill["fee"] + 0) for fill in fills)
        told = Counter(
            (r["exec_id"], e9(r["last_px"]), e9(r["last_qty"]), Decimal(r["fee"])) for rs in self.executions.values() for r in rs
        )
        found += [f"execution {execution} is {count} times in fills.v1" for execution, count in booked.items() if count != told[execution]]
        return found + [f"execution {execution} is not in fills.v1" for execution in told.keys() - booked.keys()]


def e9(text: str) -> int:
    """A decimal x 10^9."""
    return int(Decimal(text).scaleb(9))


def id_faults(topics: dict[str, list[Record]], names: list[Record]) -> list[str]:
    """Writers whose ids are not 1, 2, 3 ... without a hole or a double, over all that the topics hold."""
    writers = {name["number"]: name["name"] for name in names if name["kind"] == "WRITER"}
    found = []
    for topic, records in topics.items():
        sequences: dict[int, list[int]] = defaultdict(list)
        for record in records:
            sequences[record["id"] >> _WRITER_SHIFT].append(record["id"] & ((1 << _WRITER_SHIFT) - 1))
        for writer, seen in sequences.items():
            name = writers.get(writer, "?")
            if topic != "snapshots.v1" and not name.startswith(_TOOLS) and sorted(seen) != list(range(1, len(seen) + 1)):
                found.append(f"{topic}: {name}: {len(seen)} ids from {min(seen)} to {max(seen)}, {len(set(seen))} different ones")
    return found


def request_faults(requests: list[Record], events: list[Record]) -> list[str]:
    """Requests without an answer, or with more than one."""
    answers = Counter(event["request_id"] for event in events if event["request_id"] is not None)
    found = [f"request {r['id']} ({r['action']}) has {answers[r['id']]} answers" for r in requests if answers[r["id"]] != 1]
    return found + [f"an answer to request {id}, which nobody made" for id in answers.keys() - {r["id"] for r in requests}]


def position_faults(positions: list[Record], fills: list[Record]) -> list[str]:
    """Where the last position of an account in an instrument is not the sum of its fills, or a profit not the sum of its parts."""
    parts, whole = ("spread_pnl", "inventory_pnl"), ("realized_pnl", "unrealized_pnl")
    odd = [f"position {p['id']}: spread and inventory are no profit" for p in positions if sum(map(p.get, parts)) != sum(map(p.get, whole))]
    last = {(p["account"], p["strategy"], p["symbol"]): p for p in positions}
    wanted: dict[tuple[str, str, str], dict[str, Any]] = {}
    for fill in fills:
        key = (fill["account"], fill["strategy"], fill["symbol"])
        sums = wanted.setdefault(key, {"bought_qty_e9": 0, "sold_qty_e9": 0, "fees": Decimal(0), "fill_count": 0})
        sums["bought_qty_e9" if fill["side"] == "BUY" else "sold_qty_e9"] += fill["last_qty_e9"]
        sums["fees"] += fill["fee"]
        sums["fill_count"] += 1
    for sums in wanted.values():
        sums["qty_e9"] = sums["bought_qty_e9"] - sums["sold_qty_e9"]
    told = {key: {name: last[key][name] for name in sums} if key in last else None for key, sums in wanted.items()}
    return odd + [f"{key}: position says {told[key]}, fills say {sums}" for key, sums in wanted.items() if told[key] != sums]


def cause_path(record: Record, topics: dict[str, list[Record]]) -> list[str]:
    """Topics on the way from a record to what caused it first."""
    by_id = {r["id"]: (topic, r) for topic, records in topics.items() if not topic.endswith(DLQ) for r in records}
    path, id = [], record["id"]
    while id in by_id:
        topic, found = by_id[id]
        path.append(topic)
        id = found["cause_id"]
    return path
