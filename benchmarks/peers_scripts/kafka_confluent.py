"""confluent-kafka with fastavro: records written to a topic, records read and decoded. Prints seconds for each, and a sum to check by.

Arguments: broker, topic to write, topic to read, schema file, header (hex), records to write, records to read.
"""

import secrets
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from kafka_records import CONSUMER, PRODUCER, Codec, Watch, record


def produce(broker: str, topic: str, codec: Codec, count: int) -> float:
    records = [record(i) for i in range(count)]
    producer = Producer({"bootstrap.servers": broker, **PRODUCER})
    producer.list_topics(topic, 10)
    began_s = time.perf_counter()
    for i, value in enumerate(records):
        producer.produce(topic, codec.encode(value), partition=0)
        if i % 1_000 == 0:
            producer.poll(0)
    producer.flush()
    return time.perf_counter() - began_s


def consume(broker: str, topic: str, codec: Codec, count: int) -> Watch:
    consumer = Consumer({"bootstrap.servers": broker, "group.id": secrets.token_hex(4), **CONSUMER})
    consumer.assign([TopicPartition(topic, 0, 0)])
    watch = Watch(count)
    while watch.left > 0:
        for message in consumer.consume(1_000, 1.0):
            if watch.see(codec.decode(message.value())):
                break
    consumer.close()
    return watch


def main(broker: str, written: str, read: str, schema: str, header: str, count: str, more: str) -> None:
    codec = Codec(schema, header)
    seconds = produce(broker, written, codec, int(count))
    print(consume(broker, read, codec, int(more)).report(seconds, int(count)))


if __name__ == "__main__":
    main(*sys.argv[1:])
