"""docs/control.md says what the code does: every view, every command it shows."""

import json
import re
from pathlib import Path

from streams.control.records_out import Author
from streams.control.settings import TABLES
from streams.control.views import VIEWS
from tests.control.made import control

PAGE = (Path(__file__).parents[2] / "docs" / "control.md").read_text()


def test_page_names_every_view():
    named = set(re.findall(r"`(\w+)/`", PAGE))
    assert named >= set(VIEWS)


def test_page_bodies_are_taken():
    author = Author(control())
    commands = re.findall(r"`(\{\"kind\".*?\})`", PAGE)
    assert [author.command(reason="", **json.loads(body)).kind.name for body in commands] == ["KILL", "KILL", "RESUME"]
    limit, param = (json.loads(body) for body in re.findall(r"-d '(\{.*?\})'", PAGE))
    assert (author.limit(limit).limit_count, author.param(param).value_double) == (10, 0.2)


def test_page_counts_the_tables():
    assert len(TABLES) == 9
    assert "| tables | nine," in PAGE
