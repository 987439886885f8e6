"""Ctrl-C during a hook: the hook ends whole, the user's code is interrupted."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from nbtrack.ipython.interrupts import HeldInterrupts


def test_an_interrupt_in_the_block_strikes_after_it() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt):
        with HeldInterrupts():
            signal.raise_signal(signal.SIGINT)
            done.append("whole")
        time.sleep(30)  # the user's code, in a system call
    assert done == ["whole"]


def test_a_second_interrupt_strikes_at_once() -> None:
    with pytest.raises(KeyboardInterrupt):
        with HeldInterrupts():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("the block went on")
        raise AssertionError("the block went on")
    # The first one is still on its way.
    with pytest.raises(KeyboardInterrupt):
        time.sleep(30)


def test_the_handler_of_before_is_back() -> None:
    seen: list[int] = []

    def handler(number: int, frame: object) -> None:
        seen.append(number)

    before = signal.signal(signal.SIGINT, handler)
    try:
        with HeldInterrupts():
            assert signal.getsignal(signal.SIGINT) is not handler
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_handler_set_meanwhile_stays() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        with HeldInterrupts():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_ignored_interrupt_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with HeldInterrupts():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone() -> None:
    done: list[object] = []

    def work() -> None:
        with HeldInterrupts():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.getsignal(signal.SIGINT)]
