"""What is generated follows from the schemas, and says so when it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

from streams.schema import generate

ROOT = Path(__file__).resolve().parents[2]


def test_generated_files_follow_from_the_schemas() -> None:
    assert generate.stale() == [], "run `make generate` and commit the result"


def test_generate_check_stale_file_is_named_and_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    (tmp_path / "streams/slots.py").write_text("old")
    capsys.readouterr()
    assert generate.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().err == "generate: streams/slots.py does not follow from schemas/; run `make generate` and commit it\n"
    assert (tmp_path / "streams/slots.py").read_text() == "old"
    assert generate.main([], tmp_path) == 0
    assert capsys.readouterr().out == "wrote  streams/slots.py\n"


def test_generate_unknown_argument_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--chek"]) == 2
    assert "unknown argument '--chek'" in capsys.readouterr().err


def test_generated_code_is_left_unchanged_by_the_formatter() -> None:
    files = [name for name in generate.OUTPUTS if name.endswith(".py")]
    for command in (["format", "--check"], ["check"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, *files], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
