"""Which agent reads and writes which records, and the hash of the code that decides."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from pathlib import Path

from streams.records import (
    BookUpdate,
    Command,
    Decision,
    Fill,
    Frame,
    Funding,
    Instrument,
    Limit,
    Name,
    Order,
    Param,
    Position,
    Quote,
    Report,
    Shard,
    Signal,
    Trade,
    VenueEvent,
)
from streams.schema.model import SCHEMAS

__all__ = ["CONTROL", "READS", "WRITES", "code_hash", "reads_of", "writes_of"]

CONTROL: tuple[type, ...] = (Name, Instrument, Shard, Limit, Param, Command)
"""What every process reads first, in this order."""

READS: Mapping[str, tuple[type, ...]] = {
    "normalize": (Frame,),
    "strategy": (BookUpdate, Trade, Quote, Report, Fill, Position, Signal),
    "risk": (Order, BookUpdate, Quote, Report, Fill, Funding),
    "execute": (Decision, VenueEvent, Quote),
    "account": (Fill, Funding, Quote),
}
WRITES: Mapping[str, tuple[str, ...]] = {
    "normalize": ("BookUpdate", "Trade", "Quote", "Funding", "Command"),
    "strategy": ("Order", "Signal", "Metric"),
    "risk": ("Decision",),
    "execute": ("Request", "Report", "Fill"),
    "account": ("Position", "Balance"),
}
_STREAMS = Path(__file__).resolve().parents[1]


def reads_of(agents: tuple[str, ...], shared: tuple[str, ...] = ()) -> tuple[type, ...]:
    """Record classes that a process of these agents consumes: control first, and nothing that it writes itself (contract 12).

    shared: agents that run in other processes too; what those write is read, without what the process wrote itself.
    """
    written = {name for agent in agents if agent not in shared for name in WRITES[agent]}
    data = dict.fromkeys(cls for agent in agents for cls in READS[agent] if cls.__name__ not in written)
    return (*CONTROL, *data)


def writes_of(agents: tuple[str, ...]) -> tuple[str, ...]:
    """Topics that a process of these agents writes."""
    return tuple(SCHEMAS[name].topic for agent in agents for name in WRITES[agent])


def code_hash(more: Iterable[Path] = ()) -> str:
    """Hash of the sources that decide: the same code gives the same bytes. more: files of strategies that stand elsewhere."""
    h = blake2b(digest_size=16)
    folders = ("schema", "kernel", "trading", "agents", "strategies", "venues/binance")
    for path in sorted(p for f in folders for p in (_STREAMS / f).glob("*.py")):
        h.update(str(path.relative_to(_STREAMS)).encode() + b"\0" + path.read_bytes())
    for path in sorted({p for p in more if _STREAMS not in p.parents}):
        h.update(path.name.encode() + b"\0" + path.read_bytes())
    return h.hexdigest()
