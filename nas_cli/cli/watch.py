"""Where scripts that were written for earlier versions find what lives in `nas_cli.record.watch` now."""

from __future__ import annotations

from nas_cli.record.watch import Watch

__all__ = ["Watch"]
