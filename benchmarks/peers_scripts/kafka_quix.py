"""Quix Streams with fastavro: records produced, records read and decoded by a dataframe. Arguments and output as kafka_confluent.py."""

import secrets
import sys
import tempfile
import time
from typing import Any

from kafka_records import CONSUMER, PRODUCER, Codec, Watch, record
from quixstreams import Application
from quixstreams.models.serializers import Deserializer, Serializer

__all__ = ["Reads", "Writes", "application"]


class Reads(Deserializer):
    """Our values as Quix reads them."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def __call__(self, value: bytes, ctx: Any) -> Any:
        return self.codec.decode(value)


class Writes(Serializer):
    """Our values as Quix writes them."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec

    def __call__(self, value: Any, ctx: Any) -> bytes:
        return self.codec.encode(value)


def application(broker: str, group: str, folder: str, **more: Any) -> Application:
    """An application on existing topics, with the clients' settings that all get."""
    consumer = {name: value for name, value in CONSUMER.items() if name not in ("enable.auto.commit", "auto.offset.reset")}
    settings = {"consumer_extra_config": consumer, "producer_extra_config": PRODUCER, "loglevel": "WARNING", "auto_create_topics": False}
    return Application(broker, consumer_group=group, auto_offset_reset="earliest", state_dir=folder, **settings, **more)


def main(broker: str, written: str, read: str, schema: str, header: str, count: str, more: str) -> None:
    codec = Codec(schema, header)
    with tempfile.TemporaryDirectory() as folder:
        app = application(broker, secrets.token_hex(4), folder)
        topic = app.topic(written, value_serializer=Writes(codec))
        records = [record(i) for i in range(int(count))]
        with app.get_producer() as producer:
            began_s = time.perf_counter()
            for value in records:
                message = topic.serialize(value=value)
                producer.produce(written, message.value, partition=0)
            producer.flush()
            seconds = time.perf_counter() - began_s
        watch = Watch(int(more))
        frame = app.dataframe(app.topic(read, value_deserializer=Reads(codec)))
        frame.update(lambda value: watch.see(value) and None)
        app.run(count=int(more), timeout=120, collect=False)
    print(watch.report(seconds, int(count)))


if __name__ == "__main__":
    main(*sys.argv[1:])
