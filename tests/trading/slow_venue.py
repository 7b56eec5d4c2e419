"""The simulated venue written to be obviously right: dictionaries and lists, every order looked at on every event."""

from streams.records import OrdType, Side, TimeInForce, VenueEventType
from streams.trading.venue_answer import REASONS

DAY_NS = 86_400_000_000_000
MARKETS = (OrdType.MARKET, OrdType.STOP)
STOPS = (OrdType.STOP, OrdType.STOP_LIMIT)


class SlowOrder:
    def __init__(self, id, side, kind, tif, post_only, px, qty, stop, expire):
        self.id, self.side, self.kind, self.tif, self.post_only = id, side, kind, tif, post_only
        self.px, self.qty, self.stop, self.expire = px, qty, stop, expire
        self.cum, self.ahead, self.request, self.state, self.joined = 0, 0, id, "", 0

    leaves = property(lambda self: self.qty - self.cum)


class SlowVenue:
    """One instrument; fees as rates x 10^9 of px x qty x unit, half up.

    Answers: (kind, order, request, px, qty, leaves, cum, maker, fee, why).
    """

    def __init__(self, unit=10, maker_e9=200_000, taker_e9=500_000, min_qty=1, max_qty=0, min_notional=0):
        self.unit, self.rates = unit, (taker_e9, maker_e9)
        self.min_qty, self.max_qty, self.min_notional = min_qty, max_qty, min_notional
        self.book = {Side.BUY: {}, Side.SELL: {}}
        self.orders, self.ids, self.answers, self.last, self.now, self.clock = [], set(), [], 0, 0, 0

    # ---- small words ----
    def touch(self, side):
        prices = self.book[side]
        return (max(prices) if side == Side.BUY else min(prices)) if prices else None

    def meets(self, o, px, touch):
        return touch is not None and (o.kind in MARKETS or (px >= touch if o.side == Side.BUY else px <= touch))

    def resting(self, side):
        """By price, then by when they joined the queue."""
        found = [o for o in self.orders if o.state == "rests" and o.side == side]
        return sorted(found, key=lambda o: (-o.px if side == Side.BUY else o.px, o.joined))

    def say(self, kind, o, request, why=0, px=None, qty=None, maker=0, fee=0, leaves=None):
        leaves = o.leaves if leaves is None else leaves
        figures = (o.px if px is None else px, o.qty if qty is None else qty, leaves, o.cum, maker, fee)
        self.answers.append((kind, o.id, request, *figures, REASONS[why]))

    def fill(self, o, px, qty, maker):
        o.cum += qty
        charged = px * qty * self.unit * self.rates[maker]
        fee = (abs(charged) + 500_000_000) // 1_000_000_000
        self.say(VenueEventType.FILL, o, o.request, px=px, qty=qty, maker=maker, fee=fee if charged >= 0 else -fee)
        if o.leaves == 0:
            o.state = "ended"

    def end(self, o, kind, request, why):
        o.state = "ended"
        self.say(kind, o, request, why, leaves=0)

    # ---- market ----
    def level(self, side, px, qty):
        for o in self.resting(side):
            if o.px == px:
                o.ahead = min(o.ahead, qty)
        self.put(side, px, qty)

    def put(self, side, px, qty):
        self.book[side].pop(px, None)
        if qty:
            self.book[side][px] = qty

    def snapshot(self):
        self.book = {Side.BUY: {}, Side.SELL: {}}

    def update_end(self, snapshot):
        for side, other in ((Side.BUY, Side.SELL), (Side.SELL, Side.BUY)):
            if snapshot:
                for o in self.resting(side):
                    o.ahead = min(o.ahead, self.book[side].get(o.px, 0))
            for o in self.resting(side):
                while o.leaves and self.meets(o, o.px, self.touch(other)):
                    px = self.touch(other)
                    qty = min(o.leaves, self.book[other][px])
                    self.put(other, px, self.book[other][px] - qty)
                    self.fill(o, o.px, qty, 1)

    def trade(self, aggressor, px, qty):
        side = Side.SELL if aggressor == Side.BUY else Side.BUY
        left = qty
        for o in self.resting(side):
            if (o.px > px if side == Side.BUY else o.px < px) and left:
                done = min(left, o.leaves)
                left -= done
                self.fill(o, o.px, done, 1)
        here = [o for o in self.resting(side) if o.px == px]
        for o in here if left else []:
            before = min(left, o.ahead)  # market volume in front of this order
            done = min(left - before, o.leaves)
            o.ahead -= before
            left_behind = left - done  # what the next of ours sees: all but our own fills
            if done:
                self.fill(o, px, done, 1)
            left = left_behind
        self.last = px
        for o in [o for o in self.orders if o.state == "waits"]:
            if self.reached(o):
                self.enter(o)

    def reached(self, o):
        return self.last and (self.last >= o.stop if o.side == Side.BUY else self.last <= o.stop)

    def time(self, now):
        self.now = max(self.now, now)
        groups = [self.in_list_order(Side.BUY), self.in_list_order(Side.SELL), [o for o in self.orders if o.state == "waits"]]
        for o in [o for group in groups for o in group]:
            if o.expire and o.expire <= self.now:
                self.end(o, VenueEventType.EXPIRED, o.request, 8)

    def in_list_order(self, side):
        return sorted(self.resting(side), key=lambda o: o.joined)

    # ---- requests ----
    def new(self, id, side, kind, tif, post_only, px, qty, stop, expire):
        ends = {TimeInForce.GTD: expire, TimeInForce.DAY: (self.now // DAY_NS + 1) * DAY_NS}.get(tif, 0)
        o = SlowOrder(id, side, kind, tif, post_only, px, qty, stop, ends)
        why = self.objection(o)
        if why:
            self.say(VenueEventType.REJECT, o, id, why, leaves=0)
            return
        self.ids.add(id)
        self.orders.append(o)
        self.say(VenueEventType.ACK, o, id)
        if kind in STOPS and not self.reached(o):
            o.state = "waits"
        else:
            self.enter(o)

    def objection(self, o):
        if o.id in self.ids:
            return 1
        if o.kind in STOPS and o.stop <= 0:
            return 4
        if o.post_only and (o.kind != OrdType.LIMIT or o.tif in (TimeInForce.IOC, TimeInForce.FOK)):
            return 4
        if o.tif == TimeInForce.GTD and o.expire <= self.now:
            return 8
        return self.terms(o, o.px, o.qty) or (6 if self.takes(o, o.px) else 0)

    def takes(self, o, px):
        return o.post_only and self.meets(o, px, self.touch(Side(1 - o.side)))

    def terms(self, o, px, qty):
        if not 0 < qty < 1 << 31:
            return 4
        if o.kind in MARKETS:
            px = self.touch(Side(1 - o.side))
            if px is None:
                return 0
        if not 0 < px < 1 << 38 or px * qty * self.unit > 1 << 62:
            return 4
        bad = qty < self.min_qty or (self.max_qty and qty > self.max_qty) or px * qty * self.unit < self.min_notional
        return 5 if bad else 0

    def enter(self, o):
        other = Side(1 - o.side)
        o.state = "enters"
        if o.tif == TimeInForce.FOK:
            there = sum(qty for px, qty in self.book[other].items() if self.meets(o, o.px, px))
            if there < o.leaves:
                self.end(o, VenueEventType.EXPIRED, o.request, 7)
                return
        while o.leaves and self.meets(o, o.px, self.touch(other)):
            px = self.touch(other)
            qty = min(o.leaves, self.book[other][px])
            self.put(other, px, self.book[other][px] - qty)
            self.fill(o, px, qty, 0)
        if o.leaves and (o.tif == TimeInForce.IOC or o.kind in MARKETS):
            self.end(o, VenueEventType.EXPIRED, o.request, 7)
        elif o.leaves:
            self.clock += 1
            o.state, o.joined, o.ahead = "rests", self.clock, self.book[o.side].get(o.px, 0)

    def open(self, id):
        return next((o for o in self.orders if o.id == id and o.state in ("rests", "waits")), None)

    def cancel(self, id, request):
        o = self.open(id)
        if o is None:
            self.answers.append((VenueEventType.CANCEL_REJECT, id, request, 0, 0, 0, 0, 0, 0, REASONS[2]))
        else:
            self.end(o, VenueEventType.CANCELLED, request, 0)

    def replace(self, id, request, px, qty):
        o = self.open(id)
        if o is None:
            self.answers.append((VenueEventType.REPLACE_REJECT, id, request, 0, 0, 0, 0, 0, 0, REASONS[2]))
            return
        if 0 < qty <= o.cum:
            self.end(o, VenueEventType.CANCELLED, request, 10)
            return
        px = 0 if o.kind in MARKETS else px
        why = self.terms(o, px, qty) or (6 if self.takes(o, px) else 0)
        if why:
            self.say(VenueEventType.REPLACE_REJECT, o, request, why)
            return
        stays = px == o.px and qty <= o.qty
        o.px, o.qty, o.request = px, qty, request
        self.say(VenueEventType.REPLACED, o, request)
        if o.state == "rests" and not stays:
            self.enter(o)
