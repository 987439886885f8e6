"""Taps on a shell: what a cell prints, displays and returns flows on as before, and a copy into an ``Outputs``.

Nothing is replaced: methods of the present objects are wrapped on the instance while a cell runs, and put back at its end unless somebody
else has wrapped them meanwhile; then our wrap only passes through. ``history_manager.outputs`` is not used: IPython 8 has none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nbtrack.capture.guard import Guard
from nbtrack.capture.outputs import Outputs

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Function = Callable[..., Any]


class Wrap:
    """One wrapped method of one object."""

    def __init__(self, owner: Any, name: str, make: Callable[[Function], Function]) -> None:
        self._owner = owner
        self._name = name
        self._had = name in vars(owner)
        self._original: Function = getattr(owner, name)
        self._wrapper = make(self._original)
        setattr(owner, name, self._wrapper)

    def take_off(self) -> None:
        """Put the method back as it was, if it is still ours to put back."""
        if vars(self._owner).get(self._name) is not self._wrapper:
            return
        if self._had:
            setattr(self._owner, self._name, self._original)
        else:
            delattr(self._owner, self._name)


class Taps:
    """The taps of one shell."""

    def __init__(self, shell: InteractiveShell, guard: Guard) -> None:
        self._shell = shell
        self._guard = guard
        self._wraps: list[Wrap] = []
        self._hooked: Any = None
        self._outputs: Outputs | None = None

    def open(self, outputs: Outputs) -> None:
        """Let outputs flow into ``outputs`` from now on."""
        self.close()
        self._outputs = outputs
        self._wrap(sys.stdout, "write", lambda original: self._tapped(original, outputs.write_out))
        self._wrap(sys.stderr, "write", lambda original: self._tapped(original, outputs.write_err))
        publisher, displayhook = self._shell.display_pub, self._shell.displayhook
        if hasattr(publisher, "register_hook"):
            # A kernel sends messages: they are seen as they go out, and nothing of a display is printed.
            publisher.register_hook(self._see_message)
            self._hooked = publisher
            self._wrap(displayhook, "write_format_data", lambda original: self._tapped(original, outputs.give))
            return
        self._wrap(publisher, "publish", self._publishing)
        self._wrap(publisher, "clear_output", self._clearing)
        self._wrap(displayhook, "write_format_data", lambda original: self._quiet(self._tapped(original, outputs.give)))
        for name in ("write_output_prompt", "finish_displayhook"):
            self._wrap(displayhook, name, self._quiet)
        self._wrap(self._shell, "_showtraceback", self._quiet)

    def close(self) -> None:
        """Take everything off."""
        hooked, self._hooked = self._hooked, None
        wraps, self._wraps = self._wraps, []
        self._outputs = None
        for wrap in reversed(wraps):
            wrap.take_off()
        if hooked is not None:
            hooked.unregister_hook(self._see_message)

    def _wrap(self, owner: Any, name: str, make: Callable[[Function], Function]) -> None:
        try:
            self._wraps.append(Wrap(owner, name, make))
        except (AttributeError, TypeError):  # no stream at all (pythonw), or one whose methods cannot be replaced: it is not recorded
            return

    def _tapped(self, original: Function, take: Function) -> Function:
        attempt = self._guard.attempt

        def passing(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True  # IPython leaves this frame out of the user's tracebacks
            result = original(*args, **kwargs)
            if args:
                attempt(take, args[0])
            return result

        return passing

    def _quiet(self, original: Function) -> Function:
        """Let what is printed meanwhile pass unrecorded: it is the terminal's form of something recorded elsewhere."""
        outputs = self._outputs

        def passing(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if outputs is None:
                return original(*args, **kwargs)
            outputs.mute()
            try:
                return original(*args, **kwargs)
            finally:
                outputs.unmute()

        return passing

    def _publishing(self, original: Function) -> Function:
        printing, outputs, attempt = self._quiet(original), self._outputs, self._guard.attempt

        def publish(data: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            result = printing(data, *args, **kwargs)
            transient = kwargs.get("transient")
            display_id = transient.get("display_id") if type(transient) is dict else None
            if outputs is not None:
                attempt(outputs.show, data, display_id, kwargs.get("update") is True)
            return result

        return publish

    def _clearing(self, original: Function) -> Function:
        printing, outputs, attempt = self._quiet(original), self._outputs, self._guard.attempt

        def clear_output(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            result = printing(*args, **kwargs)
            if outputs is not None:
                attempt(outputs.clear, kwargs.get("wait", args[0] if args else False) is True)
            return result

        return clear_output

    def _see_message(self, message: Any) -> Any:
        self._guard.attempt(self._read_message, message)
        return message

    def _read_message(self, message: dict[str, Any]) -> None:
        outputs, kind, content = self._outputs, message["msg_type"], message["content"]
        if outputs is None:
            return
        if kind == "clear_output":
            outputs.clear(bool(content.get("wait")))
        elif kind in {"display_data", "update_display_data"}:
            display_id = content.get("transient", {}).get("display_id")
            outputs.show(content["data"], display_id, kind == "update_display_data")
