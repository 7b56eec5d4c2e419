"""The last ids as a list: obviously right, slow."""


class SlowIdSet:
    def __init__(self, size):
        self.size = size
        self.ids = []

    def add(self, high, low):
        if (high, low) in self.ids:
            return False
        self.ids = [*self.ids, (high, low)][-self.size :]
        return True
