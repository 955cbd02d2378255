"""The command line of `nas`: arguments and printed output."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, by the convention of shells."""
