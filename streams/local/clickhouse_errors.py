"""Errors of the engine as a ClickHouse server tells them: a code, its HTTP status, one line of text."""

import re

__all__ = ["BAD_ARGUMENTS", "NOT_IMPLEMENTED", "SESSION_IS_LOCKED", "UNKNOWN_COMPRESSION", "EngineFault"]

BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
UNKNOWN_COMPRESSION = 89
SESSION_IS_LOCKED = 373
NAMES = {
    BAD_ARGUMENTS: "BAD_ARGUMENTS",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    UNKNOWN_COMPRESSION: "UNKNOWN_COMPRESSION_METHOD",
    SESSION_IS_LOCKED: "SESSION_IS_LOCKED",
    497: "ACCESS_DENIED",
}
CODE = re.compile(r"Code:\s*(\d+)")
# exceptionCodeToHTTPStatus of ClickHouse's HTTPHandler; every other code is 500
STATUS = {
    **dict.fromkeys((6, 8, 25, 26, 27, 32, 36, 38, 41, 43, 53, 62, 69, 72, 89, 117, 130, 167, 168, 190), 400),
    **dict.fromkeys((46, 47, 50, 56, 60, 73, 81, 115), 404),
    **dict.fromkeys((164, 497), 403),
    **dict.fromkeys((48,), 501),
    **dict.fromkeys((159, 209), 408),
}


class EngineFault(Exception):
    """A statement that the engine, or this server, refuses."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        super().__init__(
            text if text.startswith("Code:") else f"Code: {code}. DB::Exception: {text}. ({NAMES.get(code, 'UNKNOWN_EXCEPTION')})"
        )

    @classmethod
    def of(cls, fault: BaseException) -> "EngineFault":
        """The fault that an exception of the engine stands for; its text passes through."""
        text = str(fault)
        found = CODE.search(text)
        return cls(int(found.group(1)) if found else 1001, text[found.start() :] if found else f"{type(fault).__name__}: {text}")

    @property
    def status(self) -> int:
        """The HTTP status that ClickHouse sends with this code."""
        return STATUS.get(self.code, 500)
