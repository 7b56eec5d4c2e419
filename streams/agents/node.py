"""The node: the views and compiled agents of one process, and the queue that carries each input to completion (contract 12, 13).

One input goes to the views, then to the agents in the order the topology lists them; what they write is appended to the outbox and goes the
same way, first written first, until nothing is left; then the next input.
"""

import numpy as np

from streams.agents.account import AccountAgent
from streams.agents.codes import AGENT_ACCOUNT, AGENT_EXECUTE, AGENT_RISK, AGENT_STRATEGY
from streams.agents.execute import ExecuteAgent
from streams.agents.outbox import ROOM, Outbox
from streams.agents.risk import RiskAgent
from streams.agents.strategy import StrategyAgent
from streams.agents.views import Views
from streams.kernel import I8, Array, Struct, at
from streams.slots import (
    FLAG_LAST,
    KIND_COMMAND,
    KIND_DECISION,
    KIND_FILL,
    KIND_FUNDING,
    KIND_INSTRUMENT,
    KIND_LEVEL,
    KIND_LIMIT,
    KIND_ORDER,
    KIND_POSITION,
    KIND_QUOTE,
    KIND_REPORT,
    KIND_SIGNAL,
    KIND_TRADE,
    KIND_VENUE_EVENT,
    SLOTS,
    CommandSlot,
    DecisionSlot,
    FillSlot,
    FundingSlot,
    InstrumentSlot,
    LevelSlot,
    LimitSlot,
    OrderSlot,
    PositionSlot,
    QuoteSlot,
    ReportSlot,
    SignalSlot,
    Slot,
    TradeSlot,
    VenueEventSlot,
)

__all__ = ["ENTRIES", "KIND_PARAM", "KIND_TICK", "Node"]

KIND_TICK = 0  # a clock tick of the lane: a header alone, 64 bytes
KIND_PARAM = 31  # a parameter has been set: a header alone, `instrument` is the strategy's index in the process
SLOT_BYTES = np.full(32, 64, np.int64)  # by kind
for _kind, _slot in SLOTS.items():
    SLOT_BYTES[_kind] = _slot._size_
SLOT_BYTES.flags.writeable = False


class Node(Struct, align=64):
    """One process. agents: AGENT_... codes in the topology's order, agent_count of them."""

    agents: Array[I8, 8]
    agent_count: int
    inputs: int
    views: Views
    strategy: StrategyAgent
    risk: RiskAgent
    execute: ExecuteAgent
    account: AccountAgent
    out: Outbox

    def setup(self, instruments: int, strategies: int, currencies: int) -> None:
        """Once, before the first input; the sizes that the tables were made with."""
        self.views.setup()
        self.risk.setup()
        self.execute.setup()
        self.strategy.instruments = instruments
        self.account.instruments = instruments
        self.account.strategies = strategies
        self.account.currencies = currencies

    def step(self, address: int, nbytes: int) -> int:
        """Carry packed slots to completion, one after the other; the bytes used. Stops early when the outbox must be emptied first."""
        used = 0
        while used < nbytes and self.out.room() >= ROOM:
            used += self.take(address + used)
        return used

    def take(self, address: int) -> int:
        """One input, and all that follows from it; its size in bytes."""
        e = at(Slot, address)
        kind = e.kind
        self.inputs += 1
        if kind == KIND_LEVEL or kind == KIND_QUOTE or kind == KIND_TRADE:
            self.views.data_ts_ns = max(self.views.data_ts_ns, e.recv_ts_ns)
        if kind != KIND_COMMAND and kind != KIND_LIMIT and kind != KIND_INSTRUMENT and kind != KIND_PARAM:  # stamped by people's clocks
            self.views.advance(max(e.ts_ns, e.recv_ts_ns))
        self.begin(e.id, e.recv_ts_ns)
        self.dispatch(kind, address)
        self.execute.on_time(self.out)
        self.strategy.on_time(self.views, self.out)
        self.carry()
        return int(SLOT_BYTES[kind])

    def due_ns(self) -> int:
        """When a tick is due: for the first timer of a strategy, or an order that should have ended; 2**62 = none is."""
        return min(self.execute.next_end_ns, self.strategy.due_ns())

    def begin(self, cause_id: int, recv_ts_ns: int) -> None:
        """What is written from here on was caused by this record."""
        self.out.cause_id = cause_id
        self.out.now_ns = self.views.now_ns
        self.out.recv_ts_ns = recv_ts_ns

    def dispatch(self, kind: int, address: int) -> None:
        """Hand one input slot to views and agents."""
        if kind == KIND_LEVEL:
            self.on_level(at(LevelSlot, address))
        elif kind == KIND_TRADE:
            self.on_trade(at(TradeSlot, address))
        elif kind == KIND_QUOTE:
            self.on_quote(at(QuoteSlot, address))
        elif kind == KIND_VENUE_EVENT:
            self.on_venue_event(at(VenueEventSlot, address))
        elif kind == KIND_FILL:
            self.on_fill(at(FillSlot, address))
        elif kind == KIND_FUNDING:
            self.on_funding(at(FundingSlot, address))
        elif kind == KIND_REPORT:
            self.on_report(at(ReportSlot, address))
        elif kind == KIND_ORDER:
            self.on_order(at(OrderSlot, address))
        elif kind == KIND_DECISION:
            self.on_decision(at(DecisionSlot, address))
        else:
            self.dispatch_control(kind, address)

    def dispatch_control(self, kind: int, address: int) -> None:
        if kind == KIND_LIMIT:
            self.views.on_limit(at(LimitSlot, address))
            self.risk.on_limit(at(LimitSlot, address))
        elif kind == KIND_COMMAND:
            self.on_command(at(CommandSlot, address))
        elif kind == KIND_POSITION:
            self.on_position(at(PositionSlot, address))
        elif kind == KIND_SIGNAL:
            self.on_signal(at(SignalSlot, address), False)
        elif kind == KIND_PARAM:
            self.strategy.on_param(at(Slot, address).instrument, self.views, self.out)
        elif kind == KIND_INSTRUMENT:
            e = at(InstrumentSlot, address)
            self.views.on_instrument(e)
            self.risk.on_instrument(e, self.views)

    def carry(self) -> None:
        """Bring what was written to its readers, until there is nothing left."""
        out = self.out
        while out.head < out.count:
            kind = out.kinds[out.head]
            row = out.rows[out.head]
            out.head += 1
            if kind == KIND_ORDER:
                self.begin(out.orders[row].id, out.orders[row].recv_ts_ns)
                self.on_order(out.orders[row])
            elif kind == KIND_DECISION:
                self.begin(out.decisions[row].id, out.decisions[row].recv_ts_ns)
                self.on_decision(out.decisions[row])
            elif kind == KIND_REPORT:
                self.begin(out.reports[row].id, out.reports[row].recv_ts_ns)
                self.on_report(out.reports[row])
            elif kind == KIND_FILL:
                self.begin(out.fills[row].id, out.fills[row].recv_ts_ns)
                self.on_fill(out.fills[row])
            elif kind == KIND_POSITION:
                self.begin(out.positions[row].id, out.positions[row].recv_ts_ns)
                self.on_position(out.positions[row])
            elif kind == KIND_SIGNAL and out.signals[row].strategy >= 0:  # the consensus has no strategy, and ends here
                self.begin(out.signals[row].id, out.signals[row].recv_ts_ns)
                self.on_signal(out.signals[row], True)
        out.promised = 0

    # ---- one kind of record each: views first, then the agents in their order ----
    def on_level(self, e: LevelSlot) -> None:
        self.views.on_level(e)
        if e.flags & FLAG_LAST == 0 or not self.views.quotable(e.instrument):
            return
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_STRATEGY:
                self.strategy.on_book(e.instrument, self.views, self.out)
            elif self.agents[i] == AGENT_RISK:
                self.risk.on_mark(e.instrument, self.views)

    def on_trade(self, e: TradeSlot) -> None:
        self.views.on_trade(e)
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_STRATEGY:
                self.strategy.on_trade(e, self.views, self.out)

    def on_quote(self, e: QuoteSlot) -> None:
        self.views.on_quote(e)
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_STRATEGY:
                self.strategy.on_quote(e, self.views, self.out)
            elif self.agents[i] == AGENT_RISK:
                self.risk.on_mark(e.instrument, self.views)
            elif self.agents[i] == AGENT_ACCOUNT:
                self.account.on_mark(e.instrument, self.views, self.out)

    def on_order(self, e: OrderSlot) -> None:
        self.views.on_order(e)
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_RISK:
                self.risk.on_order(e, self.views, self.out)

    def on_decision(self, e: DecisionSlot) -> None:
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_EXECUTE:
                self.execute.on_decision(e, self.out)

    def on_venue_event(self, e: VenueEventSlot) -> None:
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_EXECUTE:
                self.execute.on_venue_event(e, self.views, self.out)

    def on_report(self, e: ReportSlot) -> None:
        self.views.on_report(e)
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_STRATEGY:
                self.strategy.on_report(e, self.views, self.out)
            elif self.agents[i] == AGENT_RISK:
                self.risk.on_report(e, self.views)
        self.views.after_report(e)

    def on_fill(self, e: FillSlot) -> None:
        self.views.on_fill(e)
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_STRATEGY:
                self.strategy.on_fill(e, self.views, self.out)
            elif self.agents[i] == AGENT_RISK:
                self.risk.on_fill(e, self.views)
            elif self.agents[i] == AGENT_ACCOUNT:
                self.account.on_fill(e, self.views, self.out)

    def on_position(self, e: PositionSlot) -> None:
        self.views.told.on_position(e)
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_STRATEGY:
                self.strategy.on_position(e, self.views, self.out)

    def on_signal(self, e: SignalSlot, own: bool) -> None:
        if e.strategy < 0:
            return
        rank = self.views.told.on_signal(e, self.views.now_ns)
        if own:
            e.rank = rank
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_STRATEGY:
                self.strategy.on_signal(e, own, self.views, self.out)

    def on_funding(self, e: FundingSlot) -> None:
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_RISK:
                self.risk.on_funding(e, self.views)
            elif self.agents[i] == AGENT_ACCOUNT:
                self.account.on_funding(e, self.views, self.out)

    def on_command(self, e: CommandSlot) -> None:
        for i in range(self.agent_count):
            if self.agents[i] == AGENT_STRATEGY:
                self.strategy.on_command(e, self.views, self.out)
            elif self.agents[i] == AGENT_RISK:
                self.risk.on_command(e)


# ---- entry points, int64(int64, ...) ----
def node_step(node: int, address: int, nbytes: int) -> int:
    """Bytes of input used; then the outbox has to be emptied."""
    return at(Node, node).step(address, nbytes)


def node_empty(node: int) -> int:
    """Forget what the outbox holds."""
    at(Node, node).out.empty()
    return 0


def node_account(node: int, account: int, scope: int) -> int:
    """Say which scope of the risk tree an account is."""
    n = at(Node, node)
    n.views.account_scope[account] = scope
    return n.risk.tree.set_account(account, scope)


def node_strategy(node: int, index: int, strategy: int, account: int) -> int:
    """Give the index-th strategy of the process its dictionary number and its account's."""
    entry = at(Node, node).strategy.entries[index]
    entry.context.strategy = strategy
    entry.context.account = account
    return 0


def node_member(node: int, index: int, instrument: int, first: int) -> int:
    """Say that the index-th strategy trades an instrument; first: 1 for the first that it lists."""
    agent = at(Node, node).strategy
    agent.member[index * agent.instruments + instrument] = 1
    if first != 0:
        agent.entries[index].context.home = instrument
    return 0


def node_metric(node: int, index: int, place: int, number: int) -> int:
    """Give a metric of the index-th strategy, by its place in the class's `metrics`, its dictionary number."""
    at(Node, node).strategy.entries[index].context.metrics[place] = number + 1
    return 0


ENTRIES = {
    "node_step": (node_step, 3),
    "node_empty": (node_empty, 1),
    "node_account": (node_account, 3),
    "node_strategy": (node_strategy, 4),
    "node_member": (node_member, 4),
    "node_metric": (node_metric, 4),
}
"""Entry points of the compiled node: name -> (function, number of arguments)."""
