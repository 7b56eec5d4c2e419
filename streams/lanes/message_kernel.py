"""Compiled loops over librdkafka's messages: into columns, out of delivery reports, and back to where they came from.

A message is an rd_kafka_message_t on a 64-bit machine: error code 0, topic 8, partition 16, payload 24, size 32, key 40, key's size 48,
offset 56 (bytes from its start). Pointers come from librdkafka alone; Python never makes one.
"""

from streams.kernel import call3, load_word, store_word
from streams.schema.bulk_put import copy

__all__ = ["COLUMNS", "ENTRIES", "POINTER", "copy_values", "destroy_messages", "read_messages", "read_reports"]

POINTER, PLACE, OFFSET, TIMESTAMP, ADDRESS, SIZE, KEY, KEY_SIZE = range(8)
COLUMNS = 8
TOPIC_WORDS = 3  # of the table of topics: pointer, number of partitions, address of their place numbers (-1 = not assigned)
REPORT_WORDS = 6
_LOW = (1 << 32) - 1
_SIGN = 1 << 31


def read_messages(pointers: int, n: int, room: int, columns: int, row: int, table: int, topics: int, timestamp: int, events: int) -> int:
    """Append n messages as rows from `row` on; the row behind the last one.

    columns  : COLUMNS x room words; table: `topics` x TOPIC_WORDS words; timestamp: address of rd_kafka_message_timestamp
    events   : count, then pointers: messages that carry an error, and those of a partition that is not in the table; n + 1 words
    """
    count, known, topic = 0, 0, -1
    for i in range(n):
        message = load_word(pointers + 8 * i)
        place = -1
        if load_word(message) & _LOW == 0:
            pointer = load_word(message + 8)
            if pointer != known or topic < 0:
                known, topic = pointer, _topic(table, topics, pointer)
            if topic >= 0:
                entry, partition = table + 8 * TOPIC_WORDS * topic, load_word(message + 16) & _LOW
                if partition < load_word(entry + 8):
                    place = load_word(load_word(entry + 16) + 8 * partition)
        if place < 0:
            count += 1
            store_word(events + 8 * count, message)
            continue
        out = columns + 8 * row
        store_word(out, message)
        store_word(out + 8 * room, place)
        store_word(out + 16 * room, load_word(message + 56))
        store_word(out + 24 * room, call3(timestamp, message, 0, 0))
        store_word(out + 32 * room, load_word(message + 24))
        store_word(out + 40 * room, load_word(message + 32))
        store_word(out + 48 * room, load_word(message + 40))
        store_word(out + 56 * room, load_word(message + 48))
        row += 1
    store_word(events, count)
    return row


def destroy_messages(pointers: int, n: int, destroy: int) -> int:
    """Give n messages back; `destroy`: address of rd_kafka_message_destroy."""
    for i in range(n):
        call3(destroy, load_word(pointers + 8 * i), 0, 0)
    return n


def read_reports(pointers: int, first: int, n: int, out: int) -> int:
    """Sum up the delivery reports from `first` on that are of one partition, with offsets that follow each other; the row behind them.

    out: topic's pointer, partition, bytes of values and keys, offset of the last one delivered (-1 = none), error code of the first
    one that failed (0 = none) and its row.
    """
    message = load_word(pointers + 8 * first)
    topic, partition = load_word(message + 8), load_word(message + 16) & _LOW
    total, last, code, failed = 0, -1, 0, 0
    row = first
    while row < n:
        message = load_word(pointers + 8 * row)
        if load_word(message + 8) != topic or load_word(message + 16) & _LOW != partition:
            break
        found = load_word(message) & _LOW
        if found == 0 and row > first and load_word(message + 56) != last + 1:
            break
        total += load_word(message + 32) + load_word(message + 48)
        if found == 0:
            last = load_word(message + 56)
        elif code == 0:
            code, failed = found - 2 * (found & _SIGN), row
        row += 1
    store_word(out, topic)
    store_word(out + 8, partition)
    store_word(out + 16, total)
    store_word(out + 24, last)
    store_word(out + 32, code)
    store_word(out + 40, failed)
    return row


def copy_values(addresses: int, sizes: int, n: int, out: int) -> int:
    """Copy n values one after another to `out`, which has room for all of them; null values have size 0. The place after the last."""
    for i in range(n):
        size = load_word(sizes + 8 * i)
        if size > 0:
            out = copy(out, load_word(addresses + 8 * i), size)
    return out


ENTRIES = {
    "read_messages": (read_messages, 9),
    "destroy_messages": (destroy_messages, 3),
    "read_reports": (read_reports, 4),
    "copy_values": (copy_values, 4),
}


def _topic(table: int, topics: int, pointer: int) -> int:
    for i in range(topics):
        if load_word(table + 8 * TOPIC_WORDS * i) == pointer:
            return i
    return -1
