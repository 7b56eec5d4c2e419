"""Schema ids of the registry, through its Confluent API: ours by topic, other writers' schemas by id."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import requests

from streams.errors import LaneError
from streams.schema import model

__all__ = ["COMPATIBILITY", "SchemaIds", "UnknownSchemaError", "subject_of"]

COMPATIBILITY = "BACKWARD_TRANSITIVE"  # contract 4: a reader of today reads every version before

_TIMEOUT_S = 10.0
_JSON = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
_NOT_FOUND = 404


class UnknownSchemaError(LaneError):
    """The registry answered: it has no schema of that id. The record that carries it is a dead letter."""


def subject_of(topic: str) -> str:
    """The registry's subject of a topic's values."""
    return f"{topic}-value"


class SchemaIds:
    """Ids and schemas of one registry, remembered: what was asked once is not asked again, also when the registry has gone away since.

    `url` is the root of the Confluent API, e.g. http://127.0.0.1:19081/apis/ccompat/v7. Every method raises LaneError if the registry is
    needed and does not answer.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._ids: dict[str, int] = {}
        self._schemas: dict[int, dict[str, Any]] = {}

    def known(self) -> dict[str, int]:
        """The ids of this checkout's schemas, by topic, as far as they were asked for."""
        return dict(self._ids)

    def trust(self, known: Mapping[str, int]) -> None:
        """Take ids that `known` gave before, of this checkout's schemas: a process that starts again does not need the registry."""
        for topic, schema_id in known.items():
            self._remember(topic, schema_id)

    def id_of(self, topic: str) -> int:
        """The id of this checkout's schema of a topic; LaneError if it was not registered under the topic's subject."""
        found = self.id_or_none(topic)
        if found is None:
            raise LaneError(
                f"registry {self.url}: subject {subject_of(topic)} has not the schema of {model.for_topic(topic).name}; "
                "`millrace apply` registers it"
            )
        return found

    def id_or_none(self, topic: str) -> int | None:
        """The id of this checkout's schema of a topic, None if its subject has not got it."""
        found = self._ids.get(topic)
        if found is None:
            schema = {"schema": json.dumps(model.for_topic(topic).plain)}
            answer = self._call("POST", f"/subjects/{subject_of(topic)}", schema)
            found = None if answer is None else self._remember(topic, int(answer["id"]))
        return found

    def writer_schema(self, schema_id: int) -> dict[str, Any]:
        """The Avro schema (parsed JSON) of an id; UnknownSchemaError if the registry has none of that id."""
        found = self._schemas.get(schema_id)
        if found is None:
            answer = self._call("GET", f"/schemas/ids/{schema_id}")
            if answer is None:
                raise UnknownSchemaError(f"schema id {schema_id} is unknown to the registry {self.url}")
            found = self._schemas[schema_id] = json.loads(answer["schema"])
        return found

    def register(self, topic: str) -> int:
        """Register this checkout's schema under the topic's subject, if it is not there yet; its id.

        The registry refuses a schema that cannot read what was written before: LaneError with its reason.
        """
        subject, schema = subject_of(topic), model.for_topic(topic)
        answer = self._call("POST", f"/subjects/{subject}/versions", {"schema": json.dumps(schema.plain)})
        self._call("PUT", f"/config/{subject}", {"compatibility": COMPATIBILITY})
        if answer is None:
            raise LaneError(f"registry {self.url}: cannot register {subject}: its address does not serve the Confluent API")
        return self._remember(topic, int(answer["id"]))

    def register_all(self, topics: Iterable[str] | None = None) -> dict[str, int]:
        """Register the schemas of `topics`, by default of every topic and its dead-letter topic; ids by topic."""
        if topics is None:
            plain = [topic for topic in model.BY_TOPIC if "*" not in topic]
            topics = [*plain, *(f"{topic}{model.DLQ}" for topic in plain)]
        return {topic: self.register(topic) for topic in topics}

    def _remember(self, topic: str, schema_id: int) -> int:
        self._ids[topic] = schema_id
        self._schemas[schema_id] = model.for_topic(topic).plain
        return schema_id

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        try:
            answer = requests.request(method, self.url + path, json=body, headers=_JSON if body else None, timeout=_TIMEOUT_S)
        except requests.RequestException as error:
            reason = type(error).__name__
            raise LaneError(f"registry {self.url}: does not answer ({reason}); `millrace status` shows whether it runs") from None
        if answer.status_code == _NOT_FOUND:
            return None
        if not answer.ok:
            raise LaneError(f"registry {self.url}: {method} {path}: {answer.status_code}: {_reason(answer)}")
        return answer.json()


def _reason(answer: requests.Response) -> str:
    try:
        return str(answer.json().get("message", answer.text[:300]))
    except ValueError:
        return answer.text[:300]
