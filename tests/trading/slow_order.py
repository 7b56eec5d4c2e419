"""One order written to be obviously right: what is known of it, and a status worked out from that each time it is asked."""


class SlowOrder:
    """ended: how it ended, None while it is open; cancelling, replacing: a request that waits for its answer."""

    def __init__(self, px, qty):
        self.px, self.qty, self.fills = px, qty, []
        self.acked = self.cancelling = False
        self.replacing = self.ended = None
        self.late = 0

    cum = property(lambda self: sum(qty for _, qty in self.fills))
    cost = property(lambda self: sum(px * qty for px, qty in self.fills))
    leaves = property(lambda self: 0 if self.ended else max(0, self.qty - self.cum))

    @property
    def status(self):
        if self.ended:
            return self.ended
        if self.cancelling:
            return "PENDING_CANCEL"
        if self.replacing:
            return "PENDING_REPLACE"
        if self.cum:
            return "PARTIALLY_FILLED"
        return "NEW" if self.acked else "PENDING_NEW"

    def end(self, how):
        self.ended, self.cancelling, self.replacing = how, False, None
        return True

    # ---- what happens; False = it cannot, and nothing changed ----
    def ack(self):
        if self.ended == "REJECTED":
            return False
        self.acked = True
        return True

    def fill(self, px, qty):
        if self.ended or qty > self.leaves:
            self.late += 1
        self.fills.append((px, qty))
        if not self.ended and self.cum >= self.qty:
            self.end("FILLED")
        return True

    def cancel_request(self):
        if self.ended:
            return False
        self.cancelling = True
        return True

    def cancelled(self):
        return self.ended == "CANCELLED" or (not self.ended and self.end("CANCELLED"))

    def cancel_reject(self):
        self.cancelling = False
        return True

    def replace_request(self, id, px, qty):
        if self.status not in ("NEW", "PARTIALLY_FILLED"):
            return False
        self.replacing = (id, px, qty)
        return True

    def replaced(self, px, qty):
        if self.ended or self.status == "PENDING_NEW":
            return False
        self.px, self.qty, self.replacing, self.acked = px, qty, None, True
        if self.cum >= qty:
            self.end("FILLED")
        return True

    def replace_reject(self):
        self.replacing = None
        return True

    def reject(self):
        return self.ended == "REJECTED" or (not self.ended and self.end("REJECTED"))

    def expire(self):
        return self.ended == "EXPIRED" or (not self.ended and self.end("EXPIRED"))

    def trigger(self):
        return not self.ended
