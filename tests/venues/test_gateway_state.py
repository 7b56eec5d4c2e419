"""What a gateway knows, without any socket or topic."""

from streams.records import Command, CommandType, Limit, OrderAction, Rule, VenueEvent, VenueEventType
from streams.schema import ids
from streams.venues.gateway_state import GatewayState, KillSwitch
from tests.venues.sim_orders import E9, request

CANCEL, REPLACE = OrderAction.CANCEL, OrderAction.REPLACE
ACK, FILL, CANCELLED = VenueEventType.ACK, VenueEventType.FILL, VenueEventType.CANCELLED


def event(kind, order, answers=None, exec_id=None, qty=None, **more):
    """An event on the order of request `order`, answering request `answers`."""
    request_id = None if answers is None else ids.make(9, answers)
    figures = {"exec_id": exec_id, "last_qty_e9": None if qty is None else qty * E9 // 1000, **more}
    return VenueEvent(1, 0, 1, 0, 0, kind, ids.make(9, order), "sim", "BTCUSDT", 0, "", b"", request_id=request_id, **figures)


def state_of(*requests):
    state = GatewayState()
    for offset, record in enumerate(requests, 10):
        state.on_request(record, offset)
    return state


def test_position_is_the_first_unanswered_request():
    state = state_of(request(1), request(2), request(3))
    assert state.position() == 10
    state.on_event(event(ACK, 2, 2))
    assert state.position() == 10
    state.on_event(event(ACK, 1, 1))
    assert state.position() == 12
    state.on_event(event(VenueEventType.REJECT, 3, 3))
    assert state.position() == state.next_offset == 13


def test_event_written_once_is_no_news_again():
    state = state_of(request(1), request(2, CANCEL, 1))
    order_id = ids.make(9, 1)
    assert state.is_news(ACK, order_id, ids.make(9, 1), None)
    for told in (event(ACK, 1, 1), event(FILL, 1, exec_id="1-1", qty=2), event(CANCELLED, 1, 2)):
        state.on_event(told)
    assert not state.is_news(ACK, order_id, ids.make(9, 1), None)
    assert not state.is_news(FILL, order_id, None, "1-1")
    assert state.is_news(FILL, order_id, None, "1-2")  # money is never dropped, also of an order that has ended
    assert not state.is_news(CANCELLED, order_id, None, None)
    assert not state.is_news(VenueEventType.CANCEL_REJECT, order_id, None, None)


def test_live_orders_are_those_accepted_and_not_over():
    state = state_of(request(1), request(2), request(3, qty=2), request(4))
    for told in (event(ACK, 1, 1), event(ACK, 2, 2), event(ACK, 3, 3), event(FILL, 3, exec_id="1-1", qty=2), event(CANCELLED, 2)):
        state.on_event(told)
    assert [order.request.id for order in state.live()] == [ids.make(9, 1)]


def test_replaced_order_has_the_new_quantity_and_its_fills_the_new_cause():
    state = state_of(request(1, qty=5), request(2, REPLACE, 1, qty=3))
    state.on_event(event(ACK, 1, 1))
    state.on_event(event(VenueEventType.REPLACED, 1, 2, px_e9=99 * E9, qty_e9=3 * E9 // 1000))
    (order,) = state.live()
    assert (order.cause_id, order.request.px_e9) == (ids.make(9, 2), 99 * E9)
    state.on_event(event(FILL, 1, exec_id="1-1", qty=3))
    assert state.live() == []


def limit(scope, parent):
    return Limit(0, 0, 0, 0, 0, scope, Rule.ORDER_SIZE, parent=parent)


def command(kind, target=""):
    return Command(0, 0, 1, 0, 0, kind, target, "why")


LIMITS = [limit("firm", None), limit("desk:crypto", "firm"), limit("account:maker-1", "desk:crypto")]


def test_kill_hits_what_its_target_names_and_never_a_cancel():
    for target in ("", "firm", "desk:crypto", "account:maker-1", "maker-1", "maker", "sim", "sim:BTCUSDT"):
        switch = KillSwitch(LIMITS, [command(CommandType.KILL, target)])
        assert switch.refusal(request(1)) == f"killed: {target or 'all'}: why"
        assert switch.refusal(request(2, CANCEL, 1)) is None
    switch = KillSwitch(LIMITS, [command(CommandType.KILL, target) for target in ("desk:rates", "sim:ETHUSDT", "taker")])
    assert switch.refusal(request(1)) is None


def test_resume_frees_its_target_and_resume_of_all_frees_everything():
    switch = KillSwitch(LIMITS, [command(CommandType.KILL, "maker"), command(CommandType.KILL), command(CommandType.RESUME, "maker")])
    assert list(switch.killed) == [""]
    assert not switch.on_command(command(CommandType.RESUME))
    assert switch.refusal(request(1)) is None
