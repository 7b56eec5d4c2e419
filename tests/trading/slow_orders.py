"""Orders in dictionaries and lists: obviously right, slow."""


class SlowOrders:
    """Who is open, who is retired, who stands in which list; orders are known by id, there are no slots."""

    def __init__(self, capacity, lists):
        self.capacity = capacity
        self.open = []
        self.retired = []
        self.lists = [[] for _ in range(lists)]
        self.evicted = 0

    def known(self, order_id):
        return order_id in self.open or order_id in self.retired

    def add(self, order_id):
        if self.known(order_id):
            return False
        if len(self.open) + len(self.retired) == self.capacity:
            if not self.retired:
                return False
            self.retired.pop(0)
            self.evicted += 1
        self.open.append(order_id)
        return True

    def unlink(self, order_id):
        for listed in self.lists:
            if order_id in listed:
                listed.remove(order_id)

    def link(self, order_id, number):
        self.lists[number].append(order_id)

    def linked(self, order_id):
        return any(order_id in listed for listed in self.lists)

    def drop(self, order_id):
        self.unlink(order_id)
        if order_id in self.open:
            self.open.remove(order_id)
        else:
            self.retired.remove(order_id)

    def retire(self, order_id):
        if order_id in self.open:
            self.unlink(order_id)
            self.open.remove(order_id)
            self.retired.append(order_id)


TERMINAL = ("FILLED", "CANCELLED", "REJECTED", "EXPIRED")


class SlowFamilies:
    """Orders as a list of dictionaries in the order of their slots; parents by id."""

    def __init__(self, capacity):
        self.slots = [None] * capacity
        self.free = []  # the slot given back last is used first
        self.used = 0

    def known(self):
        return [o for o in self.slots if o is not None]

    def of(self, order_id):
        return next((o for o in self.known() if o["id"] == order_id), None)

    def add(self, order_id, **terms):
        if self.of(order_id) is not None or (not self.free and self.used == len(self.slots)):
            return False
        if not self.free:
            self.free.append(self.used)
            self.used += 1
        self.slots[self.free.pop()] = {"id": order_id, "status": "PENDING_NEW", "children": [], "adopted": False, **terms}
        return True

    def adopt(self, order_id):
        o = self.of(order_id)
        parent = self.of(o["parent"])
        if parent is not None and parent is not o:
            parent["children"].append(order_id)

    def drop(self, order_id):
        slot = self.slots.index(self.of(order_id))
        for other in self.known():
            if order_id in other["children"]:
                other["children"].remove(order_id)
        self.slots[slot] = None
        self.free.append(slot)

    def query(self, instrument, strategy, status, parent):
        """Ids that fit; None = any; status "LIVE" = not ended."""
        found = []
        for o in self.known():
            fits = [instrument in (None, o["instrument"]), strategy in (None, o["strategy"]), parent in (None, o["parent"])]
            fits.append(status is None or o["status"] == status or (status == "LIVE" and o["status"] not in TERMINAL))
            if all(fits):
                found.append(o["id"])
        return found

    def add_batch(self, first, count, **terms):
        room = len(self.slots) - len(self.known())
        if count <= 0 or count > room or any(self.of(first + i) for i in range(count)):
            return False
        return all(self.add(first + i, **terms) for i in range(count))

    def cancel_batch(self, instrument, strategy, side, parent):
        fits = [self.of(i) for i in self.query(instrument, strategy, "LIVE", parent)]
        asked = [o for o in fits if side in (None, o["side"]) and o["status"] != "PENDING_CANCEL"]
        for o in asked:
            o["status"] = "PENDING_CANCEL"
        return len(asked)
