"""A registry in memory that knows every schema."""

from collections.abc import Iterator

import pytest

from streams.control.settings import READS, WRITES
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.lanes.writers import dlq_topic
from tests.lanes.stub_registry import StubRegistry


@pytest.fixture
def registry() -> Iterator[StubRegistry]:
    stub = StubRegistry()
    yield stub
    stub.close()


@pytest.fixture
def wire(registry: StubRegistry) -> Wire:
    """Knows the ids of all topics that the control plane reads and writes."""
    made = Wire(SchemaIds(registry.url))
    for topic in sorted({*READS, *WRITES, *map(dlq_topic, READS)}):
        made.ids.register(topic)
        made.header(topic)
    return made
