"""Where addresses come from."""

from pathlib import Path

import pytest

from streams.config import Endpoints, endpoints, given
from streams.errors import ConfigError
from streams.local.home import Home, Running
from tests.conftest import ADDRESSES


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)


def test_endpoints_nothing_known_names_the_command_and_the_variables(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"no stack is up in .* run `millrace up`, or set MILLRACE_KAFKA, MILLRACE_REGISTRY, MILLRACE_CLICKHOUSE"
    ):
        endpoints(tmp_path)


def test_endpoints_each_address_comes_from_the_first_place_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Home(tmp_path)
    place.record(19_000, {name: Running(f"{name}-state", (1,), 1, 1.0, "log") for name in ("kafka", "registry", "clickhouse")})
    (tmp_path / "endpoints.toml").write_text('registry = "http://file/"\nclickhouse = "http://file"\n')
    monkeypatch.setenv("MILLRACE_CLICKHOUSE", "http://env:8123/")
    assert endpoints(tmp_path) == Endpoints("kafka-state", "http://file", "http://env:8123", "millrace")


def test_given_faults_in_the_file_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "endpoints.toml").write_text('kafak = "x"\nregistry = 3\n')
    with pytest.raises(
        ConfigError, match=r"kafak: unknown; allowed are kafka, registry, clickhouse, database; .*registry: is 3, must be a text"
    ):
        given(tmp_path)


def test_given_file_that_is_not_toml_names_the_place(tmp_path: Path) -> None:
    (tmp_path / "endpoints.toml").write_text("kafka = \n")
    with pytest.raises(ConfigError, match=r"endpoints\.toml: .*line 1"):
        given(tmp_path)
