"""Lists of processors as the kernel writes them."""

__all__ = ["cpus_of"]


def cpus_of(text: str) -> list[int]:
    """Numbers of a list as the kernel writes it.

    >>> cpus_of("0-2,5"), cpus_of("")
    ([0, 1, 2, 5], [])
    """
    found: list[int] = []
    for part in text.replace("(null)", "").split(","):
        first, _, last = part.strip().partition("-")
        if first.isdecimal():
            found += range(int(first), int(last or first) + 1)
    return found
