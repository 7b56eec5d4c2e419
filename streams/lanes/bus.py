"""The one door to Kafka for lanes, shells and sinks: thin wrappers of confluent-kafka with the settings and errors of this project.

BulkConsumer    batches in as columns (Messages); BulkProducer, BulkTransactions: waves of rows out
open_consumer   assigned partitions, committed records, no commit of its own
Sender          idempotent producer: explicit partitions, failures are seen
create_topics   and list_topics, topic_configs, TopicSpec
read_range      all records of a partition up to its end; RangeReader in lists; tail_records from the end
explain         a Kafka error in clear words
"""

from streams.lanes.admin import TopicSpec, create_topics, list_topics, open_admin, topic_configs
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bulk_producer import BulkProducer
from streams.lanes.bulk_transactions import BulkTransactions
from streams.lanes.client import MAX_RECORD_BYTES, TRANSACTION_TIMEOUT_MS, explain, open_consumer
from streams.lanes.messages import Messages
from streams.lanes.producer import Sender
from streams.lanes.reader import RangeReader, end_offset, end_offsets, read_range, tail_records, watermarks

__all__ = [
    "MAX_RECORD_BYTES",
    "TRANSACTION_TIMEOUT_MS",
    "BulkConsumer",
    "BulkProducer",
    "BulkTransactions",
    "Messages",
    "RangeReader",
    "Sender",
    "TopicSpec",
    "create_topics",
    "end_offset",
    "end_offsets",
    "explain",
    "list_topics",
    "open_admin",
    "open_consumer",
    "read_range",
    "tail_records",
    "topic_configs",
    "watermarks",
]
