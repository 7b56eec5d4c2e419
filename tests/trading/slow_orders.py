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
