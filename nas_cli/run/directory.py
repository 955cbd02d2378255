"""For scripts written for earlier versions: names that have moved to `nas_cli.record` and `nas_cli.files`."""

from __future__ import annotations

from nas_cli.files import write_json, write_text
from nas_cli.record.directory import RunDirectory, create_run, open_run

__all__ = ["RunDirectory", "create_run", "open_run", "write_json", "write_text"]
