"""The report page of a run."""

from nas_cli.deliver.report.page import write_report

__all__ = ["write_report"]
