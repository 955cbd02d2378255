"""Workers of these tests are forked (nursery.py)."""

from nursery import forked_workers

__all__ = ["forked_workers"]
