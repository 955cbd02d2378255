"""Where scripts that were written for earlier versions find what lives in `nas_cli.record.journal` now."""

from __future__ import annotations

from nas_cli.record.journal import Journal, iter_journal, read_journal

__all__ = ["Journal", "iter_journal", "read_journal"]
