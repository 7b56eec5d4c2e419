"""The pool of orders: slots with a free list, found by id, in as many lists as the owner wants.

Open orders are found through `find` and through lists (numbered 0 to `order_lists` - 1; what a number means is the owner's choice: a
strategy, or an instrument and a side). An order that has ended is either dropped at once, or retired: it is still found, for answers and
fills that come late, until its slot is needed; the oldest retired goes first.

A child is kept in its parent's list of children as long as both are known.
"""

from streams.kernel import I32, Struct, Table
from streams.trading.id_index import IdIndex
from streams.trading.order import Order

__all__ = ["RETIRED", "OrderList", "OrderPool"]


RETIRED: int = -2  # list number of an order that has ended and is kept


class OrderList(Struct):
    """A list of orders, oldest first: its ends (-1 = empty) and length."""

    head: I32 = -1
    tail: I32 = -1
    count: I32


class OrderPool(Struct, align=64):
    """Pool of `orders` slots (a power of two) and `order_lists` lists.

    open_count    : orders added and neither dropped nor retired
    retired_count : ended orders that are still found
    evicted       : retired orders whose slot was needed
    """

    open_count: int
    retired_count: int
    evicted: int
    used: int
    free: int = -1
    retired: OrderList
    lists: Table[OrderList, "order_lists"]
    pool: Table[Order, "orders"]
    index: IdIndex

    def setup(self) -> None:
        """Take the sizes from the tables. Once, before anything else."""
        self.index.setup()

    def find(self, order_id: int) -> int:
        """Slot of an order, open or retired; -1 if it is unknown."""
        return self.index.find(order_id)

    def add(self, order_id: int) -> int:
        """Slot of a new order, every field reset; -1 if the pool is full of open orders or the id is taken."""
        if self.index.find(order_id) >= 0:
            return -1
        if self.free < 0 and self.used >= self.pool.n:
            if self.retired.head < 0:
                return -1
            self.evicted += 1
            self.drop(self.retired.head)
        if self.free >= 0:
            s = self.free
            self.free = self.pool[s].next
        else:
            s = self.used
            self.used += 1
        o = self.pool[s]
        o.reset(order_id)
        o.next = -1
        o.prev = -1
        o.list_number = -1
        self.index.put(order_id, s)
        self.open_count += 1
        return s

    def drop(self, slot: int) -> None:
        """Forget an order, open or retired. Its slot is free for the next `add`."""
        o = self.pool[slot]
        if o.list_number == RETIRED:
            self.retired_count -= 1
        else:
            self.open_count -= 1
        self.unlink(slot)
        self.leave_family(slot)
        self.index.remove(o.order_id)
        o.order_id = 0
        o.next = self.free
        self.free = slot

    def retire(self, slot: int) -> None:
        """Take an ended order out of its list and keep it findable until its slot is needed."""
        if self.pool[slot].list_number == RETIRED:
            return
        self.unlink(slot)
        self.append(self.retired, slot)
        self.pool[slot].list_number = RETIRED
        self.open_count -= 1
        self.retired_count += 1

    # ---- parent and children ----
    def adopt(self, slot: int, parent_id: int) -> bool:
        """Put an order, once, at the end of its parent's children; False if the parent is unknown here, or the order itself."""
        self.pool[slot].parent_id = parent_id
        p = self.find(parent_id)
        if p < 0 or p == slot:
            return False
        o = self.pool[slot]
        parent = self.pool[p]
        o.parent_slot = p
        o.sibling_prev = parent.child_tail
        if parent.child_tail >= 0:
            self.pool[parent.child_tail].sibling_next = slot
        else:
            parent.child_head = slot
        parent.child_tail = slot
        parent.child_count += 1
        return True

    def leave_family(self, slot: int) -> None:
        """Take an order out of its parent's children, and let its own go; they keep their parent_id."""
        o = self.pool[slot]
        if o.parent_slot >= 0:
            parent = self.pool[o.parent_slot]
            if o.sibling_prev >= 0:
                self.pool[o.sibling_prev].sibling_next = o.sibling_next
            else:
                parent.child_head = o.sibling_next
            if o.sibling_next >= 0:
                self.pool[o.sibling_next].sibling_prev = o.sibling_prev
            else:
                parent.child_tail = o.sibling_prev
            parent.child_count -= 1
        c = o.child_head
        while c >= 0:
            child = self.pool[c]
            c = child.sibling_next
            child.parent_slot = -1
            child.sibling_prev = -1
            child.sibling_next = -1

    # ---- lists ----
    def link(self, slot: int, number: int) -> None:
        """Put an order at the end of a list. It must be open and in no list; 0 <= number < order_lists."""
        self.append(self.lists[number], slot)
        self.pool[slot].list_number = number

    def unlink(self, slot: int) -> None:
        """Take an order out of the list it is in, if any."""
        number = self.pool[slot].list_number
        if number >= 0:
            self.cut(self.lists[number], slot)
        elif number == RETIRED:
            self.cut(self.retired, slot)

    def first(self, number: int) -> int:
        """Oldest order of a list, -1 if it is empty; go on with `pool[slot].next` (taken before the order is dropped)."""
        return self.lists[number].head

    def append(self, ends: OrderList, slot: int) -> None:
        """Link a slot behind the tail of a list."""
        o = self.pool[slot]
        o.prev = ends.tail
        o.next = -1
        if ends.tail >= 0:
            self.pool[ends.tail].next = slot
        else:
            ends.head = slot
        ends.tail = slot
        ends.count += 1

    def cut(self, ends: OrderList, slot: int) -> None:
        """Unlink a slot from a list."""
        o = self.pool[slot]
        if o.prev >= 0:
            self.pool[o.prev].next = o.next
        else:
            ends.head = o.next
        if o.next >= 0:
            self.pool[o.next].prev = o.prev
        else:
            ends.tail = o.prev
        o.prev = -1
        o.next = -1
        o.list_number = -1
        ends.count -= 1
