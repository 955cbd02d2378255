"""The commands of `nas`: what a person types and reads."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""
