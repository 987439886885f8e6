"""Printed text, bounded while it is collected: writes in; the text as a screen would end up showing it, its middle cut, out.

A cell that prints 500 MB costs the limit and no more; a progress bar that rewrites its line a million times stays one line.
"""

from __future__ import annotations

import threading

_ROOM = 1 << 16  # characters gathered before the text is folded: one fold of this size takes some 50 us


class StreamText:
    """The text of one stream between two displays.

    ``add`` is called from any thread, inside the user's ``print``: it appends and counts. Folding is done by whoever gets the lock without
    waiting; a forked child that inherited a held lock only gathers, and nobody reads what it gathers.
    """

    __slots__ = ("_chunks", "_cut", "_folding", "_head", "_limit", "_room", "_size", "_tail")

    def __init__(self, limit: int) -> None:
        self._limit = max(limit, 2)
        self._room = max(_ROOM, 4 * self._limit)
        self._chunks: list[str] = []
        self._size = 0
        self._head: str | None = None
        self._tail = ""
        self._cut = 0
        self._folding = threading.Lock()

    def add(self, text: str) -> None:
        """Take one write."""
        self._chunks.append(text)
        self._size += len(text)
        if self._size > self._room:
            self._fold()

    def close(self) -> tuple[str, int]:
        """Return the text, and how many characters were cut from its middle."""
        self._fold()
        tail = settle(self._tail)
        if self._head is None:
            return tail, 0
        if not self._cut:
            return self._head + tail, 0
        return f"{self._head}\n{cut_mark(self._cut)}\n{tail}", self._cut

    def _fold(self) -> None:
        if not self._folding.acquire(blocking=False):
            return
        try:
            # Threads may append while we join: only what was joined is taken away.
            count = len(self._chunks)
            fresh = "".join(self._chunks[:count])
            del self._chunks[:count]
            self._size = 0
            if len(fresh) > 2 * self._room:  # one enormous write: only its ends are looked at
                self._take(fresh[: self._room])
                self._cut += len(fresh) - 2 * self._room
                fresh = fresh[-self._room :]
            self._take(fresh)
        finally:
            self._folding.release()

    def _take(self, fresh: str) -> None:
        rest = fold(self._tail + fresh)
        half = self._limit // 2
        if self._head is None:
            if len(rest) <= self._limit:
                self._tail = rest
                return
            self._head, rest = rest[:half], rest[half:]
        if len(rest) > half:
            self._cut += len(rest) - half
            rest = rest[-half:]
        self._tail = rest


CUT_MARK = r"… [\d,]+ characters cut …"  # as a pattern


def cut_mark(characters: int) -> str:
    """Say how much is missing, in the place where it is."""
    return f"… {characters:,} characters cut …"


def cut_middle(text: str, limit: int) -> tuple[str, int]:
    """Cut a finished text to about ``limit`` characters; returns it and how many were cut."""
    if len(text) <= limit:
        return text, 0
    half = limit // 2
    cut = len(text) - 2 * half
    return f"{text[:half]}\n{cut_mark(cut)}\n{text[len(text) - half :]}", cut


def fold(text: str) -> str:
    """Apply carriage returns and backspaces, keeping the last line open: a later write may go on overwriting it."""
    if "\r" not in text and "\b" not in text:
        return text
    *lines, last = text.replace("\r\n", "\n").split("\n")
    before, mark, present = last.rpartition("\r")
    kept = f"{_overwrite(before)}\r{_rub_out(present)}" if mark else _rub_out(last)
    return "\n".join([*map(_overwrite, lines), kept])


def settle(text: str) -> str:
    """Apply carriage returns and backspaces for good."""
    if "\r" not in text and "\b" not in text:
        return text
    return "\n".join(map(_overwrite, text.replace("\r\n", "\n").split("\n")))


def _overwrite(line: str) -> str:
    """Show a line as a screen would: text after a carriage return covers what stood there, no more."""
    line = _rub_out(line)
    if "\r" not in line:
        return line
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown


def _rub_out(line: str) -> str:
    if "\b" not in line:
        return line
    kept: list[str] = []
    for character in line:
        if character != "\b":
            kept.append(character)
        elif kept and kept[-1] != "\r":
            kept.pop()
    return "".join(kept)
