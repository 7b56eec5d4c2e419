"""The kernel's tests compile into a cache of their own: nothing found from an earlier run, nothing left behind."""

from collections.abc import Callable, Iterator

import pytest

from streams.kernel import native
from tests.kernel import sample


@pytest.fixture(scope="package", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MILLRACE_CACHE, empty at first."""
    folder = str(tmp_path_factory.mktemp("cache"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_CACHE", folder)
        patch.delenv("MILLRACE_PREBUILT", raising=False)
        yield folder


@pytest.fixture(scope="package")
def compiled(cache: str) -> dict[str, Callable[..., int]]:
    """The sample's entries as machine code, callable."""
    loaded = native.load("sample", lambda: sample.ENTRIES, [sample.__file__])
    return {name: native.function(getattr(loaded, name), nargs) for name, (_, nargs) in sample.ENTRIES.items()}
