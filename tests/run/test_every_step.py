"""A run that is killed, or whose disk fails, at any step at all: the same trials, the same winner, the same files.

The bench takes every step of everything.
"""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from bench import steps

Run = tuple[Path, Path]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return steps.whole_run(tmp_path_factory.mktemp("one"), steps.ONE)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return steps.whole_run(tmp_path_factory.mktemp("two"), steps.TWO)


def test_a_kill_at_every_step_of_the_end_phase(one: Run, tmp_path: Path) -> None:
    assert steps.kill_the_end_phase(*one, tmp_path) > 20


def test_a_kill_in_the_end_phase_of_a_search_with_a_front(two: Run, tmp_path: Path) -> None:
    assert steps.kill_the_end_phase(*two, tmp_path, stride=4) > 10


def test_a_kill_anywhere_in_a_run(one: Run, tmp_path: Path) -> None:
    assert steps.kill_everywhere(*one, tmp_path, stride=7) > 10


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
def test_a_fault_of_the_disk_anywhere_pauses_and_a_resume_goes_on(one: Run, tmp_path: Path, code: int) -> None:
    assert steps.fail_everywhere(*one, tmp_path, code, stride=17) > 3


def test_files_that_cannot_be_written_in_the_end_phase_pause_it(one: Run, tmp_path: Path) -> None:
    assert steps.fail_in_the_end_phase(*one, tmp_path, errno.EACCES, stride=5) > 3
