"""Holds Ctrl-C back while a hook runs and hands it to the user's code right after: IPython swallows one that strikes inside a hook."""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

HANDED_ON_AFTER_S = 0.02  # long enough for IPython to get from its hooks into the user's code


class HeldInterrupts:
    """A block that an interrupt does not break in two. A second interrupt in the same block strikes at once."""

    def __init__(self) -> None:
        self._before: Callable[..., Any] | None = None
        self._pressed = False

    def __enter__(self) -> None:
        self._pressed = False
        self._before = None
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                signal.signal(signal.SIGINT, self._press)
                self._before = before

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        before, self._before = self._before, None
        if before is not None and signal.getsignal(signal.SIGINT) == self._press:
            signal.signal(signal.SIGINT, before)
        if self._pressed:
            self._pressed = False
            later = threading.Timer(HANDED_ON_AFTER_S, send_interrupt)
            later.daemon = True
            later.start()

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self._pressed and self._before is not None:
            self._before(number, frame)
        self._pressed = True


def send_interrupt() -> None:
    """Interrupt the main thread as Ctrl-C does, also out of a system call; nothing when nobody handles it."""
    if not callable(signal.getsignal(signal.SIGINT)):
        return
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()
