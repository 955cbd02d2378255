"""Re-exports `nas_cli.record.watch`, which moved, for scripts that were written for earlier versions."""

from __future__ import annotations

from nas_cli.record.watch import Watch

__all__ = ["Watch"]
