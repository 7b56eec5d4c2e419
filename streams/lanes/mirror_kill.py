"""Commands that came over the ring `kill`: each is to stand in commands.v1 too, where journals name it."""

import time
from dataclasses import dataclass

from streams.lanes.control import COMMANDS, Control
from streams.lanes.mirror_rings import RingSource
from streams.lanes.mirror_sender import MirrorSender, Sent

__all__ = ["KillWatch"]

_WITHIN_S = 2.0  # so long whoever gave a command has to write it himself


@dataclass
class _Given:
    """One command whose place in the topic is not known yet. number: of its first slot."""

    number: int
    id: int
    value: bytes
    since_s: float


class KillWatch:
    """Watches the ring `kill`.

    offsets : where commands stand in commands.v1, by id; grows as they are read there, and by what is written here
    """

    def __init__(self, kill: RingSource, offsets: dict[int, int], control: Control) -> None:
        self._kill, self._offsets = kill, offsets
        self._there = {command.id for command in control.commands}  # of some of them the place was left behind long ago
        self._next = kill.committed
        self._given: list[_Given] = []
        self._sent: list[tuple[_Given, Sent]] = []

    def known(self) -> int:
        """Slots below this number hold commands whose place is known."""
        self._look()
        return self._given[0].number if self._given else self._next

    def due(self) -> bool:
        """Whether one has to be written here."""
        self._look()
        return any(time.monotonic() - given.since_s > _WITHIN_S for given in self._given)

    def tell(self, sender: MirrorSender) -> None:
        """Write those to commands.v1 that have not come there in time."""
        late = [given for given in self._given if time.monotonic() - given.since_s > _WITHIN_S]
        self._sent = [(given, sender.send_value((COMMANDS, 0), given.value)) for given in late]

    def told(self, sender: MirrorSender) -> None:
        """What was written is delivered."""
        for given, sent in self._sent:
            self._offsets.setdefault(given.id, int(sender.offsets(sent)[0]))
        self._sent = []

    def _look(self) -> None:
        while records := self._kill.take(self._next, self._kill.head):
            self._given += [_Given(record.number, record.id, record.payload, time.monotonic()) for record in records]
            self._next = self._kill.walked
        self._given = [given for given in self._given if given.id not in self._offsets and given.id not in self._there]
