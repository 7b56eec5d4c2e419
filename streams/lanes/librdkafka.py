"""librdkafka by its public C API: the library that confluent-kafka carries, its functions with types, its errors as KafkaException.

    lib = library()              None where it cannot be used; MILLRACE_KAFKA_CLIENT=confluent says not to

Symbols are looked up in confluent-kafka's own extension module and in what that is linked with: the same library, the same handles' errors.
Every call releases the GIL. A pointer that comes back belongs to the caller, who destroys it exactly once.
"""

import ctypes as C
import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, cimpl

__all__ = [
    "CLIENT",
    "CONSUMER",
    "EVENT_DR",
    "EVENT_ERROR",
    "EVENT_LOG",
    "EVENT_STATS",
    "LOG_CB",
    "PRODUCER",
    "TopicPartition",
    "check",
    "check_code",
    "fault",
    "library",
    "new_client",
    "new_list",
    "text",
]

CLIENT = "MILLRACE_KAFKA_CLIENT"
"""Environment variable: `librdkafka` (default) or `confluent` (the stock client, one Python object a message)."""
PRODUCER, CONSUMER = 0, 1
EVENT_DR, EVENT_LOG, EVENT_ERROR, EVENT_STATS = 0x1, 0x4, 0x8, 0x40

_LOG = structlog.get_logger("kafka")
_OLDEST = 0x02000000
_VP, _INT, _I32, _I64, _STR, _SIZE = C.c_void_p, C.c_int, C.c_int32, C.c_int64, C.c_char_p, C.c_size_t
_TEXT_BYTES = 512


class TopicPartition(C.Structure):
    """rd_kafka_topic_partition_t; its strings belong to the list it stands in."""

    _fields_ = (
        ("topic", _STR),
        ("partition", _I32),
        ("offset", _I64),
        ("metadata", _VP),
        ("metadata_size", _SIZE),
        ("opaque", _VP),
        ("err", _INT),
        ("_private", _VP),
    )


class _List(C.Structure):
    _fields_ = (("cnt", _INT), ("size", _INT), ("elems", C.POINTER(TopicPartition)))


_LIST = C.POINTER(_List)
ERROR_CB = C.CFUNCTYPE(None, _VP, _INT, _STR, _VP)
LOG_CB = C.CFUNCTYPE(None, _VP, _INT, _STR, _STR)
STATS_CB = C.CFUNCTYPE(_INT, _VP, _VP, _SIZE, _VP)

_SIGNATURES: dict[str, tuple[Any, ...]] = {  # result, arguments; undeclared, a pointer would be cut to 32 bits
    "version": (_INT,),
    "err2str": (_STR, _INT),
    "last_error": (_INT,),
    "fatal_error": (_INT, _VP, _VP, _SIZE),
    "mem_malloc": (_VP, _VP, _SIZE),
    "conf_new": (_VP,),
    "conf_destroy": (None, _VP),
    "conf_set": (_INT, _VP, _STR, _STR, _VP, _SIZE),
    "conf_set_events": (None, _VP, _INT),
    "conf_set_error_cb": (None, _VP, ERROR_CB),
    "conf_set_log_cb": (None, _VP, LOG_CB),
    "conf_set_stats_cb": (None, _VP, STATS_CB),
    "new": (_VP, _INT, _VP, _VP, _SIZE),
    "destroy": (None, _VP),
    "set_log_queue": (_INT, _VP, _VP),
    "poll_set_consumer": (_INT, _VP),
    "consumer_close": (_INT, _VP),
    "assign": (_INT, _VP, _LIST),
    "committed": (_INT, _VP, _LIST, _INT),
    "get_watermark_offsets": (_INT, _VP, _STR, _I32, C.POINTER(_I64), C.POINTER(_I64)),
    "metadata": (_INT, _VP, _INT, _VP, C.POINTER(_VP), _INT),
    "metadata_destroy": (None, _VP),
    "queue_get_main": (_VP, _VP),
    "queue_get_consumer": (_VP, _VP),
    "queue_poll": (_VP, _VP, _INT),
    "queue_destroy": (None, _VP),
    "consume_batch_queue": (C.c_ssize_t, _VP, _INT, _VP, _SIZE),
    "message_destroy": (None, _VP),
    "message_errstr": (_STR, _VP),
    "message_timestamp": (_I64, _VP, _VP),
    "event_type": (_INT, _VP),
    "event_error": (_INT, _VP),
    "event_error_string": (_STR, _VP),
    "event_error_is_fatal": (_INT, _VP),
    "event_log": (_INT, _VP, C.POINTER(_STR), C.POINTER(_STR), C.POINTER(_INT)),
    "event_stats": (_STR, _VP),
    "event_message_array": (_SIZE, _VP, _VP, _SIZE),
    "event_message_count": (_SIZE, _VP),
    "event_destroy": (None, _VP),
    "topic_new": (_VP, _VP, _STR, _VP),
    "topic_name": (_STR, _VP),
    "topic_destroy": (None, _VP),
    "produce": (_INT, _VP, _I32, _INT, _VP, _SIZE, _VP, _SIZE, _VP),
    "produce_batch": (_INT, _VP, _I32, _INT, _VP, _INT),
    "outq_len": (_INT, _VP),
    "purge": (_INT, _VP, _INT),
    "init_transactions": (_VP, _VP, _INT),
    "begin_transaction": (_VP, _VP),
    "send_offsets_to_transaction": (_VP, _VP, _LIST, _VP, _INT),
    "commit_transaction": (_VP, _VP, _INT),
    "abort_transaction": (_VP, _VP, _INT),
    "consumer_group_metadata_new": (_VP, _STR),
    "consumer_group_metadata_destroy": (None, _VP),
    "error_code": (_INT, _VP),
    "error_string": (_STR, _VP),
    "error_is_fatal": (_INT, _VP),
    "error_is_retriable": (_INT, _VP),
    "error_txn_requires_abort": (_INT, _VP),
    "error_destroy": (None, _VP),
    "topic_partition_list_new": (_LIST, _INT),
    "topic_partition_list_add": (C.POINTER(TopicPartition), _LIST, _STR, _I32),
    "topic_partition_list_destroy": (None, _LIST),
}


@cache
def library() -> Any:
    """The library's functions by name without `rd_kafka_`, or None: not wanted, not found, too old, or a machine of another layout."""
    wanted = os.environ.get(CLIENT) or "librdkafka"
    if wanted != "librdkafka" or C.sizeof(_VP) != 8 or sys.byteorder != "little":
        return None
    try:
        found = C.CDLL(cimpl.__file__)
        lib = _Functions()
        for name, (result, *arguments) in _SIGNATURES.items():
            function = getattr(found, f"rd_kafka_{name}")
            function.restype, function.argtypes = result, arguments
            setattr(lib, name, function)
    except (OSError, AttributeError) as reason:
        _LOG.warning("librdkafka cannot be loaded, the stock client is slower", reason=str(reason))
        return None
    return lib if lib.version() >= _OLDEST else None


class _Functions:
    """Holds what `library` found."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"librdkafka: {name} is not declared")


def text(value: bytes | None) -> str:
    """A string of the library."""
    return (value or b"").decode(errors="replace")


def fault(lib: Any, code: int, reason: str = "", fatal: bool = False) -> KafkaException:
    """The exception for an error code, with the library's words if there are no others."""
    return KafkaException(KafkaError(code, reason or text(lib.err2str(code)), fatal))


def check_code(lib: Any, code: int) -> None:
    """Raise KafkaException for an error code other than 0."""
    if code:
        raise fault(lib, code)


def check(lib: Any, error: int | None) -> None:
    """Raise what an rd_kafka_error_t carries, and destroy it; None is success."""
    if not error:
        return
    flags = bool(lib.error_is_fatal(error)), bool(lib.error_is_retriable(error)), bool(lib.error_txn_requires_abort(error))
    found = KafkaError(lib.error_code(error), text(lib.error_string(error)), *flags)
    lib.error_destroy(error)
    raise KafkaException(found)


def new_client(lib: Any, kind: int, settings: Mapping[str, Any], events: int = 0, callbacks: Mapping[str, Any] | None = None) -> int:
    """A handle: logs go to its main queue. `callbacks`: conf_set_<name>; the caller keeps them referenced as long as the handle lives."""
    conf, reason = lib.conf_new(), C.create_string_buffer(_TEXT_BYTES)
    for name, value in {**settings, "log.queue": True}.items():
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        if value is not None and lib.conf_set(conf, name.encode(), shown.encode(), reason, _TEXT_BYTES):
            lib.conf_destroy(conf)
            raise fault(lib, KafkaError._INVALID_ARG, f"{name}={value}: {text(reason.value)}")
    for name, function in (callbacks or {}).items():
        getattr(lib, f"conf_set_{name}")(conf, function)
    if events:
        lib.conf_set_events(conf, events)
    handle = lib.new(kind, conf, reason, _TEXT_BYTES)
    if not handle:
        lib.conf_destroy(conf)
        raise fault(lib, KafkaError._INVALID_ARG, text(reason.value))
    lib.set_log_queue(handle, None)
    return handle


def new_list(lib: Any, offsets: Mapping[tuple[str, int], int], notes: Mapping[tuple[str, int], str] | None = None) -> Any:
    """A list of offsets by (topic, partition), with metadata; the caller destroys it."""
    made = lib.topic_partition_list_new(max(1, len(offsets)))
    for (topic, partition), offset in offsets.items():
        entry = lib.topic_partition_list_add(made, topic.encode(), partition).contents
        entry.offset = offset
        note = (notes or {}).get((topic, partition))
        if note is not None:
            raw = note.encode()
            entry.metadata, entry.metadata_size = lib.mem_malloc(None, max(1, len(raw))), len(raw)  # freed with the list
            C.memmove(entry.metadata, raw, len(raw))
    return made
