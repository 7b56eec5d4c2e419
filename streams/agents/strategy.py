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
from streams.agents.context import MAX_ORDERS_PER_CALL, MAX_WORDS_PER_CALL, REFUSAL_PAUSE_NS, Context
from streams.agents.outbox import FOLLOWS, Outbox
from streams.agents.views import Views
from streams.agents.window import MAX_TIMERS, NEVER_NS
from streams.kernel import I8, Struct, Table, addr_of, call3
from streams.slots import CommandSlot, FillSlot, PositionSlot, QuoteSlot, ReportSlot, SignalSlot, TradeSlot

__all__ = ["StrategyAgent", "StrategyEntry"]

RUNNING, HALTED = 0, 1


class StrategyEntry(Struct, align=64):
    """One strategy of the process.

    on_... : address of int64(state, context, argument), 0 = the strategy has no such callback
    state  : address of the strategy's own struct
    status : 0 running, 1 halted (a fault, PAUSE, STOP or KILL); faults: callbacks that raised
    sweep  : 1 while orders of a halted strategy are still to be cancelled
    """

    on_start: int
    on_book: int
    on_quote: int
    on_trade: int
    on_signal: int
    on_fill: int
    on_order: int
    on_position: int
    on_timer: int
    on_param: int
    on_stop: int
    state: int
    faults: int
    status: I8
    started: I8
    sweep: I8
    context: Context


class StrategyAgent(Struct, align=64):
    """count: strategies in use; member: 1 where a strategy trades an instrument, [strategy x instruments + instrument]."""

    count: int
    instruments: int
    entries: Table[StrategyEntry, "strategies"]
    member: Table[I8, "strategies * instruments"]

    def listens(self, i: int, instrument: int) -> bool:
        """The i-th strategy runs and trades this instrument."""
        return self.entries[i].status == RUNNING and self.member[i * self.instruments + instrument] != 0

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

    def on_signal(self, e: SignalSlot, own: bool, views: Views, out: Outbox) -> None:
        """Hand a strategy's signal to the others of its instrument; of an own one, write what all live signals come to."""
        for i in range(self.count):
            entry = self.entries[i]
            if entry.on_signal != 0 and entry.context.strategy != e.strategy and self.listens(i, e.instrument):
                self.call(entry, entry.on_signal, addr_of(e), views, out)
        ranking = views.told.ranking
        if not own or ranking.agree(e.instrument, views.now_ns) < 2 or out.free() <= 0:
            return
        c = ranking.consensus
        s = out.new_signal(e.instrument, c.side)
        s.strategy = -1
        s.strength = c.strength
        s.fair_px = c.fair_px
        s.horizon_ns = c.until_ns - views.now_ns
        s.urgency = c.urgency
        s.rank = 0

    def on_position(self, e: PositionSlot, views: Views, out: Outbox) -> None:
        for i in range(self.count):
            entry = self.entries[i]
            if entry.context.strategy == e.strategy and entry.status == RUNNING and entry.on_position != 0:
                self.call(entry, entry.on_position, addr_of(e), views, out)

    def on_param(self, i: int, views: Views, out: Outbox) -> None:
        """A parameter of the i-th strategy has its new value. Before `on_start` there is nobody to tell."""
        entry = self.entries[i]
        if entry.on_param != 0 and entry.status == RUNNING and entry.started != 0:
            self.call(entry, entry.on_param, 0, views, out)

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
        """Start who waits for market data alone, fire what is due (contract 9), and go on cancelling for who was halted."""
        for i in range(self.count):
            entry = self.entries[i]
            if entry.status != RUNNING:
                if entry.sweep != 0:
                    self.cancel_rest(entry, views, out)
            elif entry.started == 0:
                if views.data_ts_ns != 0 and entry.context.strategy >= 0:
                    self.call(entry, 0, 0, views, out)
            elif entry.context.due_ns <= views.now_ns:
                self.fire(entry, views, out)

    def due_ns(self) -> int:
        """When the first timer of a strategy that runs is due."""
        due_ns = NEVER_NS
        for i in range(self.count):
            entry = self.entries[i]
            if entry.status == RUNNING and entry.started != 0:
                due_ns = min(due_ns, entry.context.due_ns)
        return due_ns

    def fire(self, entry: StrategyEntry, views: Views, out: Outbox) -> None:
        """The timers that are due, in the order of their numbers, each once."""
        for timer in range(MAX_TIMERS):
            due_ns = entry.context.timers[timer]
            if due_ns != 0 and due_ns <= views.now_ns and entry.status == RUNNING:
                entry.context.clear_timer(timer)
                if entry.on_timer != 0:
                    self.call(entry, entry.on_timer, timer, views, out)

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
            return self.member[i * self.instruments + e.instrument] != 0
        return e.instrument == -1

    def call(self, entry: StrategyEntry, address: int, argument: int, views: Views, out: Outbox) -> None:
        """One callback, or `on_start` alone where the address is 0; the context's addresses live for its time only."""
        context = entry.context
        context.now_ns = views.now_ns
        context.views = addr_of(views)
        context.out = addr_of(out)
        fault = 0
        if entry.started == 0:
            entry.started = 1
            if entry.on_start != 0:
                context.orders_left = MAX_ORDERS_PER_CALL
                context.words_left = MAX_WORDS_PER_CALL
                fault = call3(entry.on_start, entry.state, addr_of(context), 0)
        if fault == 0 and address != 0:
            context.orders_left = MAX_ORDERS_PER_CALL
            context.words_left = MAX_WORDS_PER_CALL
            fault = call3(address, entry.state, addr_of(context), argument)
        context.views = 0
        context.out = 0
        if fault != 0:
            entry.faults += 1
            self.halt(entry, views, out)

    def halt(self, entry: StrategyEntry, views: Views, out: Outbox) -> None:
        """No more callbacks; what the strategy has open is cancelled."""
        entry.status = HALTED
        self.cancel_rest(entry, views, out)

    def cancel_rest(self, entry: StrategyEntry, views: Views, out: Outbox) -> None:
        """Cancel the strategy's open orders as far as the outbox has room; the rest at the next input."""
        entry.sweep = 0
        s = views.orders.first(entry.context.strategy)
        while s >= 0:
            o = views.orders.pool[s]
            s = o.next
            if views.cancellable(o.order_id):
                if out.free() <= 1 + FOLLOWS:
                    entry.sweep = 1
                    return
                out.change_order(o, ACTION_CANCEL)
