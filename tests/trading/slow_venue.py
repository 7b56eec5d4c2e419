"""The simulated venue written to be obviously right: dictionaries and lists, every order looked at on every event."""

import math

from streams.records import OrdType, Side, TimeInForce, VenueEventType
from streams.trading.venue_answer import REASONS
from tests.trading.slow_terms import slow_check

DAY_NS = 86_400_000_000_000
MARKETS = (OrdType.MARKET, OrdType.STOP)
STOPS = (OrdType.STOP, OrdType.STOP_LIMIT)


class SlowOrder:
    """limit is the price asked for: of a pegged order its worst; px is where it stands."""

    def __init__(self, id, side, kind, tif, post_only, px, qty, **terms):
        self.id, self.side, self.kind, self.tif, self.post_only = id, side, kind, tif, post_only
        self.limit, self.px, self.qty, self.terms = px, px, qty, terms
        self.stop, self.least = terms["stop_px_ticks"], terms["min_qty_lots"]
        self.piece = min([terms[f] for f in ("display_qty_lots", "max_floor_qty_lots") if terms[f]], default=1 << 31)
        self.cum, self.ahead, self.shown, self.request, self.state, self.joined, self.expire = 0, 0, 0, id, "", 0, 0
        self.front, self.traded = 0.0, 0

    leaves = property(lambda self: self.qty - self.cum)
    pegged = property(lambda self: self.kind == OrdType.PEGGED)


class SlowVenue:
    """One instrument; fees as rates x 10^9 of px x qty x unit, half up.

    queue: (model, exponent), lots in base units of `lot`; impact: (model, strength, lots a day, exponent, kernel, decay, timescale);
    tiers: (volume, maker, taker), volumes in money units.

    Answers: (kind, order, request, px, qty, leaves, cum, maker, fee, why).
    """

    def __init__(
        self,
        unit=10,
        maker_e9=200_000,
        taker_e9=500_000,
        min_qty=1,
        max_qty=0,
        min_notional=0,
        queue=("none", 0.0),
        lot=1.0,
        whole=False,
        impact=None,
        tiers=(),
    ):
        self.queue, self.lot, self.whole, self.impact, self.tiers = queue, lot, whole, impact, tiers
        self.traded_volume, self.moves = 0, []
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
        figures = ((o.limit if o.pegged else o.px) if px is None else px, o.qty if qty is None else qty, leaves, o.cum, maker, fee)
        self.answers.append((kind, o.id, request, *figures, REASONS[why]))

    def fill(self, o, px, qty, maker):
        o.cum += qty
        rates = next(((taker, maker) for least, maker, taker in reversed(self.tiers) if least <= self.traded_volume), self.rates)
        charged = px * qty * self.unit * rates[maker]
        self.traded_volume += px * qty * self.unit
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
                if self.queue[0] == "none":
                    o.ahead = min(o.ahead, qty)
                else:
                    self.cancels(o, self.book[side].get(px, 0), qty)
        self.put(side, px, qty)

    def cancels(self, o, before, after):
        """What left the level beyond trades was cancelled: part of it behind the order, the rest before it."""
        gone, o.traded = before - after - o.traded, 0
        front, (model, n) = o.front, self.queue
        nothing = front * self.lot <= -1 if model == "log" else front < 0 and n != int(n) and model in ("power", "power3")
        if gone >= 0 and nothing:  # the function has no value there
            front = after
        elif gone > 0:
            back = max(before - front, 0.0)
            share = self.behind(front * self.lot, back * self.lot)
            front = front - (1 - share) * gone + min(back - share * gone, 0)
        o.front = min(front, after)
        o.ahead = max(0, math.ceil(o.front - 0.5))  # the nearest; of two the smaller

    def behind(self, front, back):
        model, n = self.queue
        f = (lambda x: math.log(1 + x)) if model.startswith("log") else (lambda x: x**n)
        if front == 0:
            return 1.0
        if model == "proportional":
            return back / (front + back)
        if model == "power3":
            return 1 - f(front / (front + back))
        return f(back) / (f(back + front) if model.endswith("2") else f(back) + f(front))

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
                    o.front = min(o.front, o.ahead)
            for px in dict.fromkeys(o.px for o in self.resting(side)):
                while self.touch(other) is not None and self.beyond(side, px, self.touch(other)) >= self.standing(side):
                    shown = self.book[other][self.touch(other)]
                    left = self.share([o for o in self.resting(side) if o.px == px], shown, through=True)
                    if left < shown:
                        self.put(other, self.touch(other), left)
                    if left:
                        break
        self.repeg()

    def share(self, queue, volume, through=False):
        """Give a volume to the orders at one price in turn, and to each next piece at the end; what is left of it.

        through: the market before them is gone; else it takes its part first, and every order sees all but what filled of ours."""
        while queue and (volume or not through):
            o = queue.pop(0)
            if not through:
                o.front, o.traded = o.front - volume, o.traded + volume
                if self.queue[0] != "none":
                    o.ahead = max(0, volume + math.ceil(o.front - 0.5))
                if volume > o.ahead:
                    o.front = 0.0
            if self.whole:
                if through or volume > o.ahead:
                    self.fill(o, o.px, o.leaves, 1)
                else:
                    o.ahead -= volume
                continue
            before = 0 if through else min(volume, o.ahead)
            o.ahead -= before
            done = min(volume - before, o.shown)
            if done == 0 or done < min(o.least, o.shown):
                continue
            volume -= done
            o.shown -= done
            self.fill(o, o.px, done, 1)
            if o.leaves and not o.shown:
                self.join(o)
                queue.append(o)
        return volume

    def join(self, o):
        """Stand at the end of the queue with the next piece."""
        self.clock += 1
        o.state, o.joined, o.ahead, o.shown = "rests", self.clock, self.book[o.side].get(o.px, 0), min(o.leaves, o.piece)
        o.front, o.traded = float(o.ahead), 0

    # ---- impact ----
    def beyond(self, side, px, touch):
        """Ticks by which a price of a side reaches over the other side's touch."""
        return px - touch if side == Side.BUY else touch - px

    def standing(self, side):
        """What our taking has moved against a side, ticks."""
        if self.impact is None or self.impact[0] != "propagator":
            return 0
        _, _, _, _, kernel, decay, timescale = self.impact
        left = (lambda t: (1 + t / timescale) ** -decay) if kernel == "power" else (lambda t: math.exp(-t / timescale))
        moved = sum(move * left(self.now - at) for at, move in self.moves[-128:])
        return max(0, round(moved if side == Side.BUY else -moved))

    def move(self, px, lots):
        """What an order of so many lots moves a price, ticks."""
        _, strength, day_lots, exponent, *_ = self.impact
        return strength * (lots / day_lots) ** exponent * px

    def cost(self, side, px, lots):
        """Ticks that the last of so many lots costs more than displayed."""
        if self.impact is None:
            return 0
        return min(px - 1, round(self.move(px, lots)) if self.impact[0] == "square_root" else self.standing(side))

    def takeable(self, o):
        """(level, lots, price paid) of what an order can take now, lot by lot."""
        taken, found, other = 0, [], Side(1 - o.side)
        for px in sorted(self.book[other], reverse=o.side == Side.SELL):
            lots, stopped = 0, not self.meets(o, o.px, px)
            for _ in range(o.leaves if self.whole else self.book[other][px]):
                room = math.inf if o.kind in MARKETS else self.beyond(o.side, o.px, px)
                stopped = stopped or taken == o.leaves or self.cost(o.side, px, taken + 1) > room
                if stopped:
                    break
                taken, lots = taken + 1, lots + 1
            if lots:
                found.append((px, lots, px + (1 if o.side == Side.BUY else -1) * self.cost(o.side, px, taken)))
            if stopped:
                break
        return found

    def peg(self, o):
        """Where a pegged order belongs, 0 = nowhere."""
        own, other = self.touch(o.side), self.touch(Side(1 - o.side))
        if own is None:
            return 0
        toward = 1 if o.side == Side.BUY else -1
        bounds = [own + o.terms["peg_offset_ticks"]] + ([o.limit] if o.limit else [])
        bounds += [other - toward] if o.post_only and other is not None else []
        px = min(bounds) if o.side == Side.BUY else max(bounds)
        return px if 0 < px < 1 << 38 and px * o.qty * self.unit <= 1 << 62 else 0

    def repeg(self):
        for side in Side:
            for o in self.in_list_order(side):
                px = self.peg(o) if o.pegged else 0
                if px and px != o.px:
                    o.px = px
                    self.enter(o)

    def trade(self, aggressor, px, qty):
        side = Side.SELL if aggressor == Side.BUY else Side.BUY
        left = qty
        for better in dict.fromkeys(o.px for o in self.resting(side) if (o.px > px if side == Side.BUY else o.px < px)):
            left = self.share([o for o in self.resting(side) if o.px == better], left, through=True)
        if left:
            self.share([o for o in self.resting(side) if o.px == px], left)
        self.last = px
        for o in [o for o in self.orders if o.state == "waits"]:
            if self.reached(o):
                self.trigger(o)

    def trigger(self, o):
        self.say(VenueEventType.TRIGGERED, o, o.request)
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
    def new(self, id, side, kind, tif, post_only, px, qty, stop, expire, display=0, least=0, floor=0, peg=0, end=0):
        terms = {"stop_px_ticks": stop, "expire_ts_ns": expire, "display_qty_lots": display, "min_qty_lots": least}
        terms |= {"max_floor_qty_lots": floor, "peg_offset_ticks": peg, "end_ts_ns": end}
        o = SlowOrder(id, side, kind, tif, post_only, px, qty, **terms)
        why = self.objection(o)
        if why:
            self.say(VenueEventType.REJECT, o, id, why, leaves=0)
            return
        o.expire = {TimeInForce.GTD: expire, TimeInForce.DAY: (self.now // DAY_NS + 1) * DAY_NS}.get(tif, 0)
        self.ids.add(id)
        self.orders.append(o)
        self.say(VenueEventType.ACK, o, id)
        if kind not in STOPS:
            self.enter(o)
        elif self.reached(o):
            self.trigger(o)
        else:
            o.state = "waits"

    def objection(self, o):
        if o.id in self.ids:
            return 1
        if o.tif == TimeInForce.GTD and 0 < o.terms["expire_ts_ns"] <= self.now:
            return 8
        given = {"px_ticks": o.limit, "post_only": o.post_only, **o.terms}
        verdict = slow_check(o.kind.name, o.tif.name, o.side, o.qty, given, self.now)
        if verdict != "OK":
            return {"BAD_FIELD": 4, "UNSUPPORTED": 12}[verdict]
        if o.pegged:
            o.px = self.peg(o)
        return self.price_objection(o, o.px, o.qty)

    def price_objection(self, o, px, qty):
        if o.pegged and not px:
            return 11
        if not 0 < qty < 1 << 31:
            return 4
        if o.kind in MARKETS:
            px = self.touch(Side(1 - o.side))
            if px is None:
                return 0
        if not 0 < px < 1 << 38 or px * qty * self.unit > 1 << 62:
            return 4
        bad = qty < self.min_qty or (self.max_qty and qty > self.max_qty) or px * qty * self.unit < self.min_notional
        if bad or -(-qty // o.piece) > 10:
            return 5
        return 6 if o.post_only and self.meets(o, px, self.touch(Side(1 - o.side))) else 0

    def enter(self, o):
        other = Side(1 - o.side)
        o.state = "enters"
        found = self.takeable(o)
        if sum(lots for _, lots, _ in found) >= (o.leaves if o.tif == TimeInForce.FOK else min(o.least, o.leaves)):
            for px, lots, paid in found:
                if not self.whole:
                    self.put(other, px, self.book[other][px] - lots)
                self.fill(o, paid, lots, 0)
            if found and self.impact is not None:
                move = self.move(found[-1][0], sum(lots for _, lots, _ in found))
                self.moves.append((self.now, move if o.side == Side.BUY else -move))
        if o.leaves and (o.tif in (TimeInForce.IOC, TimeInForce.FOK) or o.kind in MARKETS):
            self.end(o, VenueEventType.EXPIRED, o.request, 7)
        elif o.leaves:
            self.join(o)

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
        limit = 0 if o.kind in MARKETS else px
        old, o.limit = o.limit, limit
        px = self.peg(o) if o.pegged else limit
        sizes = [o.terms[f] for f in ("display_qty_lots", "min_qty_lots", "max_floor_qty_lots")]
        bad = not max(sizes) <= qty < 1 << 31 or (o.pegged and not 0 <= limit < 1 << 38)
        why = 4 if bad else self.price_objection(o, px, qty)
        if why:
            o.limit = old
            self.say(VenueEventType.REPLACE_REJECT, o, request, why)
            return
        stays = px == o.px and qty <= o.qty
        o.px, o.qty, o.request = px, qty, request
        o.shown = min(o.shown, o.leaves)
        self.say(VenueEventType.REPLACED, o, request)
        if o.state == "rests" and not stays:
            self.enter(o)
