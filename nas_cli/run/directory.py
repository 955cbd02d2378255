"""Where scripts that were written for earlier versions find what lives in `nas_cli.record` and `nas_cli.files` now."""

from __future__ import annotations

from nas_cli.files import write_json, write_text
from nas_cli.record.directory import RunDirectory, create_run, open_run

__all__ = ["RunDirectory", "create_run", "open_run", "write_json", "write_text"]
