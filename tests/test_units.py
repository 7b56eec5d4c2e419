"""How tests are handed to workers."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import thin
from tests.units import APPLIED, FIRST, SHARED, rank, unit_of

ROOT = Path(__file__).resolve().parents[1]


def test_files_that_share_a_stack_are_one_unit_and_all_others_are_units_of_their_own():
    assert unit_of("tests/e2e/test_run.py") == unit_of("tests/e2e/test_apply.py") == APPLIED
    assert unit_of("tests/e2e/test_mirror.py") == APPLIED  # has a test with a stack of its own, and others
    assert unit_of("tests/lanes/test_kafka.py") == unit_of("tests/sinks/test_sink.py") == SHARED
    alone = (
        "tests/lanes/test_broker_restart.py",
        "tests/lanes/test_transactions_timeout.py",
        "tests/e2e/test_full_disk.py",
        "tests/schema/test_codec.py",
    )
    assert [unit_of(file) for file in alone] == list(alone)


def test_every_file_of_tests_has_a_rank_and_none_is_empty():
    files = [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")]
    ranks = {rank(f"{file}::test") for file in files}
    assert ranks == set(range(len(FIRST) + 2))


def test_thin_property_tries_a_share_of_its_examples_and_still_holds():
    tried = []

    @settings(max_examples=40, database=None)
    @given(st.integers())
    def holds(number):
        tried.append(number)

    thin(holds, 0.25)
    holds()
    assert 5 <= len(tried) <= 10
    thin(test_thin_property_tries_a_share_of_its_examples_and_still_holds, 0.25)  # no property: stays as it is
