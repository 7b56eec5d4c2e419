"""A histogram written to be obviously right: every value is kept; a bucket is found by walking over the bounds."""

from collections.abc import Sequence


def bounds() -> list[tuple[int, int]]:
    """Lowest and highest value of each bucket: 256 of width 1, then 128 an octave."""
    found = [(value, value) for value in range(256)]
    width = 2
    while found[-1][1] < 2**63 - 1:
        for _ in range(128):
            lowest = found[-1][1] + 1
            found.append((lowest, lowest + width - 1))
        width *= 2
    return found


def bucket_of(value: int, table: Sequence[tuple[int, int]]) -> int:
    """The one whose bounds hold the value."""
    return next(number for number, (lowest, highest) in enumerate(table) if lowest <= value <= highest)


def quantile(values: Sequence[int], millionths: int) -> int:
    """The least of the values that so many millionths of them do not exceed, exactly."""
    for candidate in sorted(values):
        if sum(value <= candidate for value in values) * 1_000_000 >= millionths * len(values):
            return candidate
    return 0
