"""The strategy agent: calls each strategy for its instruments, in topology order; their orders go to `orders.v1`.

A strategy is compiled apart and called by address, so a changed strategy never recompiles the process, and one process serves any number
of them. A strategy that raises is halted: no more callbacks, its orders are cancelled; nothing else stops.
"""

from streams.agents.codes import (
    ACTION_CANCEL,
    COMMAND_KILL,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_STOP,
    EXEC_REJECTED,
    EXEC_REPLACE_REJECT,
)
from streams.agents.context import MAX_ORDERS_PER_CALL, NEVER_NS, REFUSAL_PAUSE_NS, Context
from streams.agents.outbox import ROOM, Outbox
from streams.agents.views import Views
from streams.kernel import I8, Struct, Table, addr_of, call3
from streams.slots import CommandSlot, FillSlot, QuoteSlot, ReportSlot, TradeSlot

__all__ = ["StrategyAgent", "StrategyEntry"]

RUNNING, HALTED = 0, 1


class StrategyEntry(Struct, align=64):
    """One strategy of the process.

    on_... : address of int64(state, context, argument), 0 = the strategy has no such callback
    state  : address of the strategy's own struct
    status : 0 running, 1 halted (a fault, PAUSE, STOP or KILL); faults: callbacks that raised
    """

    on_start: int
    on_book: int
    on_quote: int
    on_trade: int
    on_fill: int
    on_order: int
    on_timer: int
    on_stop: int
    state: int
    faults: int
    status: I8
    started: I8
    context: Context


class StrategyAgent(Struct, align=64):
    """count: strategies in use; member: 1 where a strategy trades an instrument, [strategy x instruments + instrument]."""

    count: int
    entries: Table[StrategyEntry, "strategies"]
    member: Table[I8, "strategies * instruments"]

    def listens(self, i: int, instrument: int) -> bool:
        """The i-th strategy runs and trades this instrument."""
        n = self.member.n // self.entries.n
        return self.entries[i].status == RUNNING and self.member[i * n + instrument] != 0

    def on_book(self, instrument: int, views: Views, out: Outbox) -> None:
        for i in range(self.count):
            entry = self.entries[i]
            if entry.on_book != 0 and self.listens(i, instrument):
                self.call(entry, entry.on_book, addr_of(views.books[instrument]), views, out)

    def on_quote(self, e: QuoteSlot, views: Views, out: Outbox) -> None:
        for i in range(self.count):
            entry = self.entries[i]
            if entry.on_quote != 0 and self.listens(i, e.instrument):
                self.call(entry, entry.on_quote, addr_of(e), views, out)

    def on_trade(self, e: TradeSlot, views: Views, out: Outbox) -> None:
        for i in range(self.count):
            entry = self.entries[i]
            if entry.on_trade != 0 and self.listens(i, e.instrument):
                self.call(entry, entry.on_trade, addr_of(e), views, out)

    def on_fill(self, e: FillSlot, views: Views, out: Outbox) -> None:
        for i in range(self.count):
            entry = self.entries[i]
            if entry.context.strategy == e.strategy and entry.status == RUNNING and entry.on_fill != 0:
                self.call(entry, entry.on_fill, addr_of(e), views, out)

    def on_report(self, e: ReportSlot, views: Views, out: Outbox) -> None:
        for i in range(self.count):
            entry = self.entries[i]
            if entry.context.strategy != e.strategy:
                continue
            if e.exec_type == EXEC_REJECTED or e.exec_type == EXEC_REPLACE_REJECT:
                entry.context.resume_ns = views.now_ns + REFUSAL_PAUSE_NS
            if entry.status == RUNNING and entry.on_order != 0:
                self.call(entry, entry.on_order, addr_of(e), views, out)

    def on_time(self, views: Views, out: Outbox) -> None:
        """Fire what is due: at the first input at or after it (contract 9)."""
        for i in range(self.count):
            entry = self.entries[i]
            if entry.context.due_ns <= views.now_ns and entry.status == RUNNING and entry.on_timer != 0:
                entry.context.due_ns = NEVER_NS
                self.call(entry, entry.on_timer, views.now_ns, views, out)

    def on_command(self, e: CommandSlot, views: Views, out: Outbox) -> None:
        """KILL, PAUSE and STOP halt, RESUME lets run again; each for what the command names."""
        for i in range(self.count):
            entry = self.entries[i]
            if not self.meant(entry, i, e, views):
                continue
            if e.command_type == COMMAND_RESUME:
                entry.status = RUNNING
            elif e.command_type == COMMAND_KILL or e.command_type == COMMAND_PAUSE or e.command_type == COMMAND_STOP:
                if entry.on_stop != 0 and entry.status == RUNNING:
                    self.call(entry, entry.on_stop, 0, views, out)
                self.halt(entry, views, out)

    def meant(self, entry: StrategyEntry, i: int, e: CommandSlot, views: Views) -> bool:
        """The command names this strategy, a scope above it, one of its instruments, or nothing at all (-1 everywhere)."""
        if e.target_strategy >= 0:
            return e.target_strategy == entry.context.strategy
        if e.target_scope >= 0:
            return views.under(entry.context.account, e.target_scope)
        if e.instrument >= 0:
            return self.member[i * (self.member.n // self.entries.n) + e.instrument] != 0
        return e.instrument == -1

    def call(self, entry: StrategyEntry, address: int, argument: int, views: Views, out: Outbox) -> None:
        """One callback; the context's addresses live for its time only."""
        context = entry.context
        context.now_ns = views.now_ns
        context.views = addr_of(views)
        context.out = addr_of(out)
        fault = 0
        if entry.started == 0:
            entry.started = 1
            if entry.on_start != 0:
                context.orders_left = MAX_ORDERS_PER_CALL
                fault = call3(entry.on_start, entry.state, addr_of(context), 0)
        if fault == 0:
            context.orders_left = MAX_ORDERS_PER_CALL
            fault = call3(address, entry.state, addr_of(context), argument)
        context.views = 0
        context.out = 0
        if fault != 0:
            entry.faults += 1
            self.halt(entry, views, out)

    def halt(self, entry: StrategyEntry, views: Views, out: Outbox) -> None:
        """No more callbacks; what the strategy has open is cancelled, as far as the outbox has room."""
        entry.status = HALTED
        s = views.orders.first(entry.context.strategy)
        while s >= 0:
            o = views.orders.pool[s]
            s = o.next
            if views.cancellable(o.order_id) and out.room() > ROOM // 2:
                out.change_order(o, ACTION_CANCEL)
