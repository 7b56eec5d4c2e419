"""Records as Faust sees them: a codec for each topic, over the platform's own Avro.

Faust decodes in its event loop, so nothing here asks the registry: a schema that was not met before is left for the agent, which asks
beside the loop. Nothing here raises either: Faust would pass over the message, and nobody would know.
"""

from typing import Any, NamedTuple

from faust.serializers.codecs import Codec

from streams.errors import DecodeError
from streams.lanes.wire import Wire

__all__ = ["RecordCodec", "Unread"]


class Unread(NamedTuple):
    """A value that is no record yet.

    value  : the message's bytes
    reason : why it is none; "" = its schema is not known here, the registry may know it
    """

    value: bytes
    reason: str


class RecordCodec(Codec):
    """Bytes of one topic to its record and back; what cannot be read comes out as `Unread`."""

    def __init__(self, children: tuple[Any, ...] | None = None, *, wire: Wire, topic: str) -> None:
        super().__init__(children=children, wire=wire, topic=topic)
        self.wire, self.topic = wire, topic

    def _loads(self, s: bytes) -> Any:
        if not self.wire.knows(self.topic, s):
            return Unread(s, "")
        try:
            return self.wire.decode(self.topic, s)
        except DecodeError as error:
            return Unread(s, str(error))

    def _dumps(self, s: Any) -> bytes:
        return self.wire.encode(self.topic, s)
