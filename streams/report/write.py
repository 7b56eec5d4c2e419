"""`write_report`: index.html and report.json in a folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streams.errors import ConfigError
from streams.report.collector import Collector
from streams.report.figures import figures
from streams.report.page import page
from streams.report.pictures import pictures

__all__ = ["write_report"]


def write_report(folder: Path, manifest: Mapping[str, Any], collector: Collector) -> Path:
    """Write the report of what was collected; the path of its page. The collector takes nothing afterwards.

    manifest : JSON values of the run, shown as they are; `run_id`, `topology` stand at the top
    ConfigError if the folder cannot be written.
    """
    collector.finish()
    found = figures(collector, manifest)
    html = page(found, pictures(collector))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.json").write_text(json.dumps(found, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
        (folder / "index.html").write_text(html)
    except OSError as fault:
        raise ConfigError(
            f"{folder}: the report cannot be written ({fault.strerror}); name a folder that can, such as --report out/"
        ) from None
    return folder / "index.html"
