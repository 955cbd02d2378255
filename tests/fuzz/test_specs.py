"""A slice of the damaged specs of `bench_specs.py`, and those that were answered wrongly once."""

from __future__ import annotations

from fuzz import harness, specs

ONCE = (213, 3579, 15025)


def test_damaged_specs_are_answered() -> None:
    found = harness.fuzz("specs", specs.action, range(60))
    for place in ONCE:
        found += harness.fuzz("specs", specs.action, range(place, place + 1))
    assert not found, "\n".join(found)


def test_damages_reach_what_they_are_to_reach() -> None:
    """Some specs are right in spite of it: else nothing behind the reading of specs would be tried."""
    right = 0
    for number in range(60):
        text = specs.damaged(specs.random.Random(f"specs {number}"))
        said = []

        def compose(text: str = text, said: list[str] = said) -> None:
            specs.compose(specs.parse_document(text, "s.yaml"), "plugins are not imported here")
            said.append("right")

        harness.complaint(compose)
        right += bool(said)
    assert 5 < right < 55
