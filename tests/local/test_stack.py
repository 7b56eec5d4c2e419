"""The embedded stack as a whole."""

import pytest

from streams.config import Endpoints
from streams.local.clickhouse import clickhouse_answers
from streams.local.kafka import broker_answers
from streams.local.registry import registry_answers


@pytest.mark.broker
@pytest.mark.slow
def test_stack_started_answers_on_all_three(stack: Endpoints) -> None:
    assert (broker_answers(stack.kafka), registry_answers(stack.registry), clickhouse_answers(stack.clickhouse)) == (True, True, True)
