"""Kafka clients that are programs of their own: kcat, kafkajs on node, Java's console consumer. `missing` says what is not there.

`make foreign` installs kcat and kafkajs and fetches Java's tools.
"""

import base64
import os
import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from streams.config import cache_folder
from streams.local import artifacts

__all__ = ["JAVA_TOOLS", "Java", "Kafkajs", "Kcat"]

JAVA_TOOLS = ("kafka-tools-4.3.0", "org.apache.kafka:kafka-tools:4.3.0+org.slf4j:slf4j-simple:1.7.36")
_BOUND_S = 90.0
_MODULES = Path(__file__).parents[3] / ".foreign" / "node_modules"
_SCRIPT = Path(__file__).parent / "client.js"
_ESCAPED = re.compile(rb"\\x([0-9A-F]{2})")


def _run(*words: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    done = subprocess.run(words, input=stdin, capture_output=True, timeout=_BOUND_S, env={**os.environ, **(env or {})}, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout


class Kcat:
    """kcat, librdkafka's own program."""

    @property
    def missing(self) -> str:
        return "" if shutil.which("kcat") else "kcat is not installed; `make foreign` installs it"

    def read(self, kafka: str, topic: str, partition: int, count: int) -> list[bytes]:
        """The first `count` committed values: each behind its size as a big-endian int32."""
        place = ("-b", kafka, "-C", "-t", topic, "-p", str(partition), "-o", "beginning", "-c", str(count))
        out = _run("kcat", *place, "-X", "isolation.level=read_committed", "-q", "-f", "%R%s")
        found, at = [], 0
        while at < len(out):
            size = struct.unpack_from(">i", out, at)[0]
            found.append(out[at + 4 : at + 4 + size])
            at += 4 + size
        return found

    def write(self, kafka: str, topic: str, partition: int, values: list[bytes]) -> None:
        """One file a value."""
        with tempfile.TemporaryDirectory() as folder:
            files = [Path(folder) / str(i) for i in range(len(values))]
            for file, value in zip(files, values, strict=True):
                file.write_bytes(value)
            _run("kcat", "-b", kafka, "-P", "-t", topic, "-p", str(partition), "-z", "lz4", *map(str, files))


class Kafkajs:
    """kafkajs; it brings no lz4, lz4-napi does."""

    @property
    def missing(self) -> str:
        if not shutil.which("node"):
            return "node is not installed"
        return "" if (_MODULES / "kafkajs").exists() else "kafkajs is not installed; `make foreign` installs it"

    def read(self, kafka: str, topic: str, partition: int, count: int) -> list[bytes]:
        """The first `count` committed values."""
        return [base64.b64decode(line) for line in self._node("read", kafka, topic, partition, str(count)).split()]

    def write(self, kafka: str, topic: str, partition: int, values: list[bytes]) -> None:
        """All values in one request."""
        self._node("write", kafka, topic, partition, stdin=b"\n".join(map(base64.b64encode, values)))

    def _node(self, what: str, kafka: str, topic: str, partition: int, *more: str, stdin: bytes = b"") -> bytes:
        return _run("node", str(_SCRIPT), what, kafka, topic, str(partition), *more, stdin=stdin, env={"NODE_PATH": str(_MODULES)})


class Java:
    """Apache Kafka's console consumer. Its producer takes text only."""

    write = None

    @property
    def missing(self) -> str:
        there = (cache_folder() / "programs" / JAVA_TOOLS[0]).exists()
        return "" if there else "Kafka's Java tools are not in the cache; `make foreign` fetches them"

    def read(self, kafka: str, topic: str, partition: int, count: int) -> list[bytes]:
        """The first `count` committed values; what is not printable stands escaped in a line."""
        classes = os.pathsep.join(artifacts.class_path(*JAVA_TOOLS, lambda _: None))
        bytes_of = "org.apache.kafka.common.serialization.BytesDeserializer"
        place = ("--bootstrap-server", kafka, "--topic", topic, "--partition", str(partition), "--offset", "earliest")
        what = ("--max-messages", str(count), "--isolation-level", "read_committed")
        how = ("--formatter-property", f"value.deserializer={bytes_of}")
        out = _run(artifacts.java(), "-Xmx256m", "-cp", classes, "org.apache.kafka.tools.consumer.ConsoleConsumer", *place, *what, *how)
        return [_ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), line) for line in out.splitlines()]


if __name__ == "__main__":
    print(f"java tools       {len(artifacts.class_path(*JAVA_TOOLS, print))} jars")
