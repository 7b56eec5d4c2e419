"""The README and the changelog: each command that they show exists, each file that they name is there."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from streams.cli import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = sorted(set(re.findall(r"^\$? ?\.venv/bin/millrace (.+)$", README, re.MULTILINE)))
LINKS = sorted(set(re.findall(r"\]\(([^)#:]+)\)", README)) - {"docs/benchmarks.md"})  # written by `make bench`


def test_readme_starts_with_the_two_commands():
    lines = [line for line in README.splitlines()[1:6] if line and not line.startswith("```")]
    assert lines[0].startswith("git clone")
    assert [line.partition("#")[0].strip() for line in lines[1:3]] == ["make demo", "make test"]


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_command_parses(command):
    words = shlex.split(command)
    group = typer.main.get_command(app)
    while hasattr(group, "commands"):
        assert words[0] in group.commands, command
        group = group.commands[words.pop(0)]
    context = group.make_context("millrace", words)
    assert not context.args


@pytest.mark.parametrize("link", LINKS)
def test_readme_link_is_there(link):
    assert (ROOT / link).exists()
