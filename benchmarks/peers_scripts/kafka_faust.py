"""Faust with fastavro: records sent by an application, records read and decoded by an agent. Arguments and output as kafka_confluent.py."""

import asyncio
import secrets
import sys
import tempfile
import time
from typing import Any

import faust
from faust.serializers import codecs
from kafka_records import Codec, Watch, record


class Framed(codecs.Codec):
    """Our values as a Faust codec."""

    def __init__(self, ours: Codec, **kwargs: Any) -> None:
        super().__init__(ours=ours, **kwargs)
        self.ours = ours

    def _dumps(self, obj: Any) -> bytes:
        return self.ours.encode(obj)

    def _loads(self, s: bytes) -> Any:
        return self.ours.decode(s)


def application(broker: str, codec: Codec, folder: str) -> faust.App:
    codecs.register("framed", Framed(codec))
    app = faust.App(
        f"bench-{secrets.token_hex(4)}",
        broker=f"kafka://{broker}",
        store="memory://",
        value_serializer="framed",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        datadir=folder,
        producer_compression_type="lz4",
        consumer_auto_offset_reset="earliest",
    )
    app.conf.broker_max_poll_records = 5_000
    return app


async def main(broker: str, written: str, read: str, schema: str, header: str, count: str, more: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        app = application(broker, Codec(schema, header), folder)
        watch, done = Watch(int(more)), asyncio.Event()
        source, sink = app.topic(read, value_serializer="framed"), app.topic(written, value_serializer="framed")

        @app.agent(source)
        async def take(stream: Any) -> None:
            async for value in stream:
                if not done.is_set() and watch.see(value):
                    done.set()

        app.finalize()
        await app.start()
        await asyncio.wait_for(done.wait(), 300)
        records = [record(i) for i in range(int(count))]
        began_s = time.perf_counter()
        last = None
        for value in records:
            last = await sink.send(value=value, partition=0)
        await app.producer.flush()
        assert last is not None
        await last
        seconds = time.perf_counter() - began_s
        print(watch.report(seconds, int(count)), flush=True)
        await app.stop()


if __name__ == "__main__":
    arguments, sys.argv = sys.argv[1:], sys.argv[:1]
    asyncio.run(main(*arguments))
