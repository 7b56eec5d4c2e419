"""Every question, in the order that the answers are read."""

from collections.abc import Callable, Iterator

from streams.errors import MillraceError
from streams.local.doctor import limits, memory, place, processor, program, stack
from streams.local.doctor.finding import BETTER, WRONG, Finding
from streams.local.doctor.host import Host

__all__ = ["QUESTIONS", "examine"]

QUESTIONS: tuple[tuple[str, Callable[[Host], Finding]], ...] = (
    ("python", program.python),
    ("lock file", program.lock_file),
    ("state folder", place.home),
    ("cache", place.cache),
    ("downloads", program.downloads),
    ("kernels", program.kernels),
    ("ports", stack.ports),
    ("stack", stack.services),
    ("docker", stack.docker),
    ("memory", memory.memory),
    ("shared memory", place.shared_memory),
    ("huge pages", memory.huge_pages),
    ("locked memory", limits.locked_memory),
    ("open files", limits.open_files),
    ("cores", processor.cores),
    ("cpu quota", processor.quota),
    ("isolated", processor.isolated),
    ("governor", processor.governor),
    ("SMT", processor.smt),
    ("NUMA nodes", processor.numa),
    ("scheduling", limits.scheduling),
    ("clock", processor.clock),
)


def examine(host: Host) -> Iterator[Finding]:
    """A finding a question, as each is answered. One that fails is a finding too: the others are still worth having."""
    for name, question in QUESTIONS:
        try:
            yield question(host)
        except MillraceError as fault:
            yield Finding(name, str(fault), WRONG, "commands refuse with the same words", "# correct what it names")
        except (OSError, ValueError) as fault:
            yield Finding(name, f"cannot be told: {fault}", BETTER, "unknown", "# look at it by hand")
