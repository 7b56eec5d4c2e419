"""The simulated venue among all orders of others, written to be obviously right: one list a price, with theirs and ours in it."""

from streams.records import Side, VenueEventType
from tests.trading.slow_venue import SlowVenue


class SlowVenueL3(SlowVenue):
    """queues: (side, price) -> entries in order of their coming: [id, lots] of others, our orders as they are."""

    def __init__(self, **figures):
        super().__init__(**figures)
        self.queues, self.refused = {}, 0

    def queue_of(self, side, px):
        return self.queues.setdefault((side, px), [])

    def where(self, id):
        """(side, price, entry) of an order of others, or None."""
        for (side, px), queue in self.queues.items():
            for entry in queue:
                if isinstance(entry, list) and entry[0] == id:
                    return side, px, entry
        return None

    def ahead_of(self, o):
        """Lots of others before one of ours."""
        queue = self.queue_of(o.side, o.px)
        return sum(entry[1] for entry in queue[: queue.index(o)] if isinstance(entry, list))

    def ours_at(self, side, px):
        return [entry for entry in self.queue_of(side, px) if not isinstance(entry, list) and entry.state == "rests" and entry.px == px]

    def join(self, o):
        super().join(o)
        for queue in self.queues.values():
            if o in queue:
                queue.remove(o)
        self.queue_of(o.side, o.px).append(o)

    def show(self, side, px):
        self.put(side, px, sum(entry[1] for entry in self.queue_of(side, px) if isinstance(entry, list)))

    def event(self, now, kind, id, side, px, qty):
        self.time(now)
        getattr(self, f"market_{kind}")(id, Side(side), px, qty)
        for o in self.orders:
            if o.state == "rests":
                o.ahead = self.ahead_of(o)

    def market_add(self, id, side, px, qty):
        if self.where(id):
            self.refused += 1
            return
        self.queue_of(side, px).append([id, qty])
        self.show(side, px)
        self.update_end(0)

    def market_snapshot(self, id, side, px, qty):
        """Before all of ours."""
        if self.where(id):
            self.refused += 1
            return
        queue = self.queue_of(side, px)
        place = next((i for i, entry in enumerate(queue) if not isinstance(entry, list)), len(queue))
        queue.insert(place, [id, qty])
        self.show(side, px)
        self.update_end(0)

    def market_clear(self, id, side, px, qty):
        self.queues = {at: [entry for entry in queue if not isinstance(entry, list)] for at, queue in self.queues.items()}
        self.book = {Side.BUY: {}, Side.SELL: {}}

    def market_modify(self, id, side, px, qty):
        found = self.where(id)
        if not found:
            self.refused += 1
            return
        side, was, entry = found
        if px == was and qty <= entry[1]:
            entry[1] = qty
        else:
            self.queue_of(side, was).remove(entry)
            self.queue_of(side, px).append([id, qty])
        self.show(side, was)
        self.show(side, px)
        self.update_end(0)

    def market_cancel(self, id, side, px, qty):
        found = self.where(id)
        if not found:
            self.refused += 1
            return
        side, px, entry = found
        self.queue_of(side, px).remove(entry)
        self.show(side, px)
        self.update_end(0)

    def market_execute(self, id, side, px, qty):
        found = self.where(id)
        if not found or qty > found[2][1]:
            self.refused += 1
            return
        side, px, entry = found
        queue = self.queue_of(side, px)
        left = qty
        for better in dict.fromkeys(o.px for o in self.resting(side) if self.beyond(side, o.px, px) > 0):
            if left:
                left = self.share([o for o in self.resting(side) if o.px == better], left, through=True)
        for o in [e for e in queue[: queue.index(entry)] if not isinstance(e, list)]:
            done = min(left, o.shown)
            if self.whole and left and o.state == "rests" and o.px == px:
                self.fill(o, px, o.leaves, 1)
            elif o.state == "rests" and o.px == px and done and done >= min(o.least, o.shown):
                left -= done
                o.shown -= done
                self.fill(o, px, done, 1)
                if o.leaves and not o.shown:
                    self.join(o)
        entry[1] -= qty
        if not entry[1]:
            queue.remove(entry)
        self.show(side, px)
        self.last = px
        for o in [o for o in self.orders if o.state == "waits"]:
            if self.reached(o):
                self.trigger(o)
        self.update_end(0)

    def fills(self):
        return [(a[1], a[3], a[4]) for a in self.answers if a[0] == VenueEventType.FILL]
