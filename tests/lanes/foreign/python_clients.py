"""Kafka clients written in Python that are not ours: the values of a partition for `read_committed`, and values written to one."""

import asyncio
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as AioPlace
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

__all__ = ["Aiokafka", "KafkaPython"]

_BOUND_S = 60.0


class Aiokafka:
    """aiokafka; lz4 comes from cramjam."""

    def read(self, kafka: str, topic: str, partition: int, count: int) -> list[bytes]:
        """The first `count` committed values."""

        async def take() -> list[bytes]:
            place = AioPlace(topic, partition)
            consumer = AIOKafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed", enable_auto_commit=False)
            await consumer.start()
            try:
                consumer.assign([place])
                await consumer.seek_to_beginning(place)
                return [(await consumer.getone()).value for _ in range(count)]
            finally:
                await consumer.stop()

        return asyncio.run(asyncio.wait_for(take(), _BOUND_S))

    def write(self, kafka: str, topic: str, partition: int, values: list[bytes]) -> None:
        """Values, lz4 as ours are."""

        async def put() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=kafka, compression_type="lz4", enable_idempotence=True)
            await producer.start()
            try:
                for value in values:
                    await producer.send_and_wait(topic, value, partition=partition)
            finally:
                await producer.stop()

        asyncio.run(asyncio.wait_for(put(), _BOUND_S))


class KafkaPython:
    """kafka-python; lz4 comes from the package lz4."""

    def read(self, kafka: str, topic: str, partition: int, count: int) -> list[bytes]:
        """The first `count` committed values."""
        consumer = KafkaConsumer(bootstrap_servers=kafka, isolation_level="read_committed", enable_auto_commit=False)
        place, found, until_s = TopicPartition(topic, partition), [], time.monotonic() + _BOUND_S
        try:
            consumer.assign([place])
            consumer.seek_to_beginning(place)
            while len(found) < count and time.monotonic() < until_s:
                for records in consumer.poll(timeout_ms=500).values():
                    found += [record.value for record in records]
        finally:
            consumer.close()
        return found[:count]

    def write(self, kafka: str, topic: str, partition: int, values: list[bytes]) -> None:
        """Values, lz4 as ours are."""
        producer = KafkaProducer(bootstrap_servers=kafka, compression_type="lz4")
        try:
            for value in values:
                producer.send(topic, value, partition=partition)
            producer.flush(_BOUND_S)
        finally:
            producer.close()
