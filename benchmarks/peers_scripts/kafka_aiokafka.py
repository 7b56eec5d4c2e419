"""aiokafka with fastavro: records written to a topic, records read and decoded. Arguments and output as kafka_confluent.py."""

import asyncio
import sys
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from kafka_records import Codec, Watch, record


async def produce(broker: str, topic: str, codec: Codec, count: int) -> float:
    records = [record(i) for i in range(count)]
    producer = AIOKafkaProducer(
        bootstrap_servers=broker, compression_type="lz4", enable_idempotence=True, max_batch_size=1_000_000, linger_ms=1
    )
    await producer.start()
    try:
        began_s = time.perf_counter()
        last = None
        for value in records:
            last = await producer.send(topic, codec.encode(value), partition=0)
        await producer.flush()
        assert last is not None
        await last
        return time.perf_counter() - began_s
    finally:
        await producer.stop()


async def consume(broker: str, topic: str, codec: Codec, count: int) -> Watch:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, isolation_level="read_committed", enable_auto_commit=False, check_crcs=False)
    await consumer.start()
    watch = Watch(count)
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        while watch.left > 0:
            for records in (await consumer.getmany(timeout_ms=1_000, max_records=5_000)).values():
                for message in records:
                    if watch.see(codec.decode(message.value)):
                        return watch
        return watch
    finally:
        await consumer.stop()


async def main(broker: str, written: str, read: str, schema: str, header: str, count: str, more: str) -> None:
    codec = Codec(schema, header)
    seconds = await produce(broker, written, codec, int(count))
    watch = await consume(broker, read, codec, int(more))
    print(watch.report(seconds, int(count)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
