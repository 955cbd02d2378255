"""For scripts written for earlier versions: names that have moved to `nas_cli.record.journal`."""

from __future__ import annotations

from nas_cli.record.journal import Journal, iter_journal, read_journal

__all__ = ["Journal", "iter_journal", "read_journal"]
