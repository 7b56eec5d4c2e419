"""Records that were read and wait for their batch, and when a batch is due."""

from confluent_kafka import Message

from streams.schema.model import DLQ

__all__ = ["PROMPT", "Held", "Place"]

Place = tuple[str, int]

PROMPT = ("alerts.v1", "commands.v1", "fills.v1", "orders.v1", "positions.v1", "reports.v1")  # and dead letters: what people watch


class Held:
    """Messages by partition, in order.

    An insert costs the server about ten milliseconds however few rows it has, so only what people watch goes in at once.

    prompt_s, bulk_s    : how long the first record of a batch waits at most: of a topic that people watch, of any other
    rows_max, bytes_max : when this much is held, everything is due
    """

    def __init__(self, prompt_s: float, bulk_s: float, rows_max: int, bytes_max: int) -> None:
        self.prompt_s, self.bulk_s, self.rows_max, self.bytes_max = prompt_s, bulk_s, rows_max, bytes_max
        self.rows = self.size_bytes = 0
        self._messages: dict[Place, list[Message]] = {}
        self._since_s: dict[Place, float] = {}

    @property
    def room(self) -> int:
        """Records that may still be added before everything is due."""
        return 0 if self.size_bytes >= self.bytes_max else max(0, self.rows_max - self.rows)

    def add(self, place: Place, message: Message, now_s: float) -> None:
        """Hold one more record of a partition."""
        if place not in self._messages:
            self._messages[place] = []
            self._since_s[place] = now_s
        self._messages[place].append(message)
        self.rows += 1
        self.size_bytes += len(message.value() or b"")

    def due(self, now_s: float) -> dict[Place, list[Message]]:
        """What must go in now; it is not held any longer."""
        if self.room == 0:
            return self.everything()
        places = [place for place, since_s in self._since_s.items() if now_s - since_s >= self.patience_s(place[0])]
        found = {place: self._messages.pop(place) for place in places}
        for place, messages in found.items():
            del self._since_s[place]
            self.rows -= len(messages)
            self.size_bytes -= sum(len(message.value() or b"") for message in messages)
        return found

    def everything(self) -> dict[Place, list[Message]]:
        """All that is held; nothing is held any longer."""
        found, self._messages = self._messages, {}
        self._since_s.clear()
        self.rows = self.size_bytes = 0
        return found

    def patience_s(self, topic: str) -> float:
        """How long a record of the topic may wait."""
        return self.prompt_s if topic in PROMPT or topic.endswith(DLQ) else self.bulk_s
