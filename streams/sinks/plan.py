"""What the sink writes down before it inserts: the batch, as metadata of the group's committed offset.

The committed offset of a partition is the first record that is not known to be in the table. While a batch is on its way the metadata
names its last offset, so that after a crash the very same batch is inserted again under the very same token; the table then drops it if
it was there, and takes it if it was not. `dead` counts the dead letters of the topic so far: their ids go on from it.
"""

import re
from dataclasses import dataclass

__all__ = ["NOTHING", "Progress", "token"]

METADATA = re.compile(r"millrace(?: last=(\d+))?(?: dead=(\d+))?\Z")
NOTHING = -1


@dataclass(frozen=True)
class Progress:
    """Where a partition stands in ClickHouse.

    offset : first offset that is not known to be in the table
    last   : last offset of the batch that was on its way, NOTHING if none was
    dead   : dead letters written for the topic so far
    """

    offset: int
    last: int = NOTHING
    dead: int = 0

    @property
    def metadata(self) -> str:
        """The text that is committed beside the offset.

        >>> Progress(10, last=19, dead=2).metadata
        'millrace last=19 dead=2'
        """
        last = "" if self.last == NOTHING else f" last={self.last}"
        return f"millrace{last}{f' dead={self.dead}' if self.dead else ''}"

    @classmethod
    def read(cls, offset: int, metadata: str | None) -> "Progress":
        """What was committed; metadata that another tool left behind means that no batch was on its way.

        >>> Progress.read(10, "millrace last=19 dead=2")
        Progress(offset=10, last=19, dead=2)
        """
        found = METADATA.match(metadata or "")
        if not found:
            return cls(offset)
        last, dead = found.groups()
        return cls(offset, NOTHING if last is None else int(last), int(dead or 0))

    def done(self) -> "Progress":
        """The batch is in the table."""
        return self if self.last == NOTHING else Progress(self.last + 1, NOTHING, self.dead)


def token(topic: str, partition: int, first: int, last: int) -> str:
    """What ClickHouse recognises a repeated batch by.

    >>> token("trades.v1", 0, 10, 19)
    'trades.v1-0-10-19'
    """
    return f"{topic}-{partition}-{first}-{last}"
