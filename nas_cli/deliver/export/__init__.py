"""Networks in forms that need no nas."""

from nas_cli.deliver.export.exporting import export

__all__ = ["export"]
