"""Records and a desk for the tests of the control plane: small, and complete."""

from decimal import Decimal
from typing import Any

from streams.control.desk import Desk
from streams.control.settings import CONTROL, READS, TABLES, WRITES
from streams.lanes.control import Control
from streams.lanes.writers import dlq_topic, writer_name
from streams.records import (
    Clock,
    Command,
    CommandType,
    DenyCode,
    ExecType,
    Fill,
    Limit,
    Name,
    NameKind,
    OrdStatus,
    OrdType,
    Position,
    Report,
    Rule,
    Side,
    TimeInForce,
)
from streams.schema import ids

__all__ = ["EXECUTE", "ORDER", "HandClock", "control", "desk", "fill", "order_command", "position", "report", "run_command"]

EXECUTE, ACCOUNT, TOOL = 40, 50, 60
NAMES = {
    NameKind.SCOPE: ("firm", "desk:crypto", "account:maker-1"),
    NameKind.INSTRUMENT: ("binance:BTCUSDT",),
    NameKind.STRATEGY: ("maker",),
    NameKind.WRITER: tuple(writer_name(CONTROL, 0, topic) for topic in (*WRITES, *map(dlq_topic, READS))),
}
ORDER = ids.make(30, 1)
_WHERE = ("binance", "BTCUSDT")


def run_command(number: int = 1) -> Command:
    """A RUN record of the wall clock."""
    head = (ids.make(TOOL, number), 0, number, 1_000, 1_000)
    return Command(*head, CommandType.RUN, "", "test", number, "", "demo", Clock.WALL, 0, 0, 1.0)


def control(run: int = 1) -> Control:
    """What `apply` and `run` have written."""
    found = Control(epoch=1_700_000_000, run=run_command(run))
    for kind, names in NAMES.items():
        for number, name in enumerate(names, 1):
            found.names.append(Name(ids.make(1, len(found.names) + 1), 0, 0, 0, 0, kind, number, name, found.epoch))
            found.numbers[kind][name] = number
    parents = {"firm": None, "desk:crypto": "firm", "account:maker-1": "desk:crypto"}
    found.limits = [Limit(0, 0, 0, 0, 0, scope, Rule.ORDER_SIZE, parent) for scope, parent in parents.items()]
    return found


class HandClock:
    """Seconds that pass by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def desk(run: int = 1, clock: Any = None) -> Desk:
    """A desk over dicts, in a run."""
    made = Desk(control(run), {name: {} for name in TABLES}, clock or HandClock())
    made.enter_run(run)
    return made


def order_command(kind: CommandType, target: str = "", ts_ns: int = 5_000, run: int = 1) -> Command:
    """A command of a person."""
    return Command(ids.make(TOOL, ts_ns), 0, run, ts_ns, ts_ns, kind, target, "a test")


def position(sequence: int, bought: int, sold: int, fills: int, run: int = 1) -> Position:
    """What the account agent says."""
    zero = Decimal(0)
    return Position(
        *(
            ids.make(ACCOUNT, sequence),
            0,
            run,
            9_000 + sequence,
            9_000,
            "maker-1",
            "maker",
            *_WHERE,
            bought - sold,
            zero,
            Decimal("3.5"),
            zero,
        ),
        *(Decimal("1.25"), zero, bought, sold, fills),
    )


def fill(sequence: int, qty: int, side: Side = Side.BUY, order_id: int = ORDER, run: int = 1) -> Fill:
    """An execution."""
    head = (ids.make(EXECUTE, sequence), 0, run, 8_000 + sequence, 8_000, order_id, *_WHERE, "maker-1", "maker", side)
    return Fill(*head, f"x{sequence}", 61_000 * 10**9, qty, 0, Decimal("0.1"), "USDT", True)


def report(sequence: int, status: OrdStatus, qty: int, cum: int, order_id: int = ORDER, run: int = 1) -> Report:
    """A state of an order."""
    ended = status in (OrdStatus.FILLED, OrdStatus.CANCELLED, OrdStatus.REJECTED, OrdStatus.EXPIRED)
    return Report(
        *(ids.make(EXECUTE + 1, sequence), 0, run, 7_000 + sequence, 7_000, order_id, *_WHERE, "maker-1", "maker", ExecType.NEW, status),
        *(Side.BUY, OrdType.LIMIT, TimeInForce.GTC, qty, 0 if ended else qty - cum, cum, DenyCode.OK, 61_000 * 10**9),
    )
