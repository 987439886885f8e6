"""The guard: failures are counted, said once, and at some point enough."""

from __future__ import annotations

import gc
import logging
import weakref

import pytest

from nbtrack.capture.guard import MOST_FAILURES, Guard


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_failure_is_said_once_and_returns_none(said: list[str]) -> None:
    guard = Guard(said.append, lambda: None)
    assert guard.attempt(lambda: 1 / 0) is None
    assert guard.attempt(lambda: 1 / 0) is None
    assert guard.failures == 2
    assert said == ["a cell could not be recorded (ZeroDivisionError: division by zero); your code is not affected, %track says more"]
    assert list(guard.problems) == ["ZeroDivisionError: division by zero"] * 2


def test_what_goes_well_comes_back(said: list[str]) -> None:
    guard = Guard(said.append, lambda: None)
    assert guard.attempt(max, 1, 2) == 2
    assert said == []


def test_after_some_failures_it_gives_up_once(said: list[str]) -> None:
    given_up: list[int] = []
    guard = Guard(said.append, lambda: given_up.append(1))
    for _ in range(MOST_FAILURES + 3):
        guard.attempt(lambda: 1 / 0)
    assert given_up == [1]
    assert said[1:] == ["recording is off after 5 failures; %track on tries again"]


def test_the_traceback_goes_to_the_log(said: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="nbtrack"):
        Guard(said.append, lambda: None).attempt(lambda: 1 / 0)
    assert "ZeroDivisionError" in caplog.text


def test_failures_of_the_users_own_code_are_not_ours(said: list[str]) -> None:
    guard = Guard(said.append, lambda: None)
    assert guard.attempt(lambda: 1 / 0, blame=False) is None
    assert (guard.failures, said) == (0, [])


def test_the_end_of_the_stack_is_no_fault_of_ours(said: list[str]) -> None:
    def dive() -> None:
        dive()

    guard = Guard(said.append, lambda: None)
    guard.attempt(dive)
    assert (guard.failures, said) == (0, [])


def test_a_say_that_fails_does_not_reach_the_user() -> None:
    def broken(line: str) -> None:
        raise OSError(line)

    guard = Guard(broken, lambda: None)
    for _ in range(MOST_FAILURES):
        guard.attempt(lambda: 1 / 0)
    assert guard.failures >= MOST_FAILURES


def test_interrupts_pass_through(said: list[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Guard(said.append, lambda: None).attempt(interrupt)


def test_no_object_of_the_failing_frames_is_kept(said: list[str]) -> None:
    class Marked:
        pass

    def fail() -> None:
        local = Marked()
        left.append(weakref.ref(local))
        raise ValueError(local)

    left: list[weakref.ref[Marked]] = []
    guard = Guard(said.append, lambda: None)
    guard.attempt(fail)
    gc.collect()
    assert left[0]() is None
