"""Runs what calls and magics do to files, folders, the shell and the environment."""

from __future__ import annotations

import re

from nbtrack.lineage.aliases import Tokens
from nbtrack.lineage.cells import ENVIRONMENT, FOLDER, MAGIC, RUN_FILE, SHELL, WRITE_FILE
from nbtrack.lineage.facts import Call
from nbtrack.lineage.frames import NONE, Frame
from nbtrack.lineage.methods import Methods
from nbtrack.lineage.purity import Effect

ANY_FILE = "$file:*"
_LOOKS_ONLY = re.compile(
    r"^\s*(?:ls|ll|cat|head|tail|wc|pwd|which|whoami|nvidia-smi|df|du|free|tree|stat|file|grep|find|date|uname|hostname|python\S* (?:-V|--version)|git (?:status|log|diff|rev-parse|branch|show))\b[^>|;&]*$"
)
_SAYS_ONLY = re.compile(r"^\s*(?:echo|printf|true|sleep|date)\b[^>|;&]*$")
_PATH = re.compile(r"^[^\n<>|%]*\.[A-Za-z]\w{0,6}$")
_INSTALLS = re.compile(r"^\s*(?:(?:python\S* -m )?pip3?|conda|mamba|uv|apt|apt-get|brew)\b")


class Files(Methods):
    """Runs calls that name files."""

    def file(self, effect: Effect, call: Call, frame: Frame) -> Tokens:
        """Run a function that takes a path; returns the file it opens or what it reads."""
        how = effect.file
        certain = not (call.maybe or frame.maybe)
        if how == "shell":
            text = call.args[0].whole if call.args else None
            self._shell(text, call)
        elif how == "list":
            self.use(ANY_FILE, "the listing shows")
            self.use("$folder", "the listing shows")
            return {self.heap.new("iter")}
        elif how == "folder":
            self.use("$folder", "the new folder lies in")
            self.change_resource("$folder")
        elif how == "tree":
            for name in (ANY_FILE, "$folder"):
                self.use(name, f"{call.method} works on")
                self.change_resource(name)
        elif how in ("open", "open receiver"):
            return self._open(call, frame, how == "open receiver", certain)
        elif how == "copy":
            self._read(self._path(call, frame, 0))
            self._write(self._path(call, frame, 0), False)
            self._write(self._path(call, frame, 1), certain)
        elif how.endswith("receiver"):
            name = self._resource(self.text(call.receiver, frame))
            self._read(name) if how.startswith("read") else self._write(name, certain)
        elif how == "read":
            self._read(self._path(call, frame, effect.at))
        elif call.args or call.keywords:
            appends = any(key == "mode" and argument.text != "w" for key, argument in call.keywords)
            name = self._path(call, frame, effect.at)
            if appends:
                self._read(name)
            self._write(name, certain and not appends)
            self._write_into(call, frame)
        return {self.heap.new("array")} if effect.result != "plain" else NONE

    def _write_into(self, call: Call, frame: Frame) -> None:
        """A file object handed to a writing function moves on."""
        for argument in call.args:
            self.change({token for token in self.look(argument.refs, frame) if token.kind == "file"})

    def _path(self, call: Call, frame: Frame, at: int) -> str:
        if at < len(call.args):
            return self._resource(self.text(call.args[at], frame))
        for key, argument in call.keywords:
            if key in ("path", "filename", "file", "filepath_or_buffer", "path_or_buf", "fname", "fp", "f", "out_file"):
                return self._resource(self.text(argument, frame))
        return ANY_FILE

    @staticmethod
    def _resource(text: str | None) -> str:
        name = last_part(text) if text else ""
        return f"$file:{name}" if name and not set(name) & set("*?{") else ANY_FILE

    def _read(self, name: str) -> None:
        self.use(name, "the cell reads")
        self.use("$folder", "the file lies in")
        self.use("$cwd", "the path starts from")

    def _write(self, name: str, certain: bool) -> None:
        self.use("$folder", "the file lies in")
        self.use("$cwd", "the path starts from")
        if name != ANY_FILE:
            self.set_resource(name, certain=certain)
        else:
            self.change_resource(name)

    def _open(self, call: Call, frame: Frame, receiver: bool, certain: bool) -> Tokens:
        """Open a file: the object returned writes into it, so a change of the one is a change of the other."""
        mode_at = 0 if receiver else 1
        mode: str | None = "r"
        if mode_at < len(call.args):
            mode = self.text(call.args[mode_at], frame)
        for key, argument in call.keywords:
            if key == "mode":
                mode = self.text(argument, frame)
        name = self._resource(self.text(call.receiver, frame)) if receiver else self._path(call, frame, 0)
        if call.method == "connect":
            mode = None
        reads = mode is None or "r" in mode or "a" in mode or "+" in mode
        writes = mode is None or set(mode) & set("wax+")
        if reads:
            self._read(name)
        if writes:
            self._write(name, certain and not reads)
        token = self.heap.new("file")
        if writes:
            self.heap.watch(self.resource_token(name), {token})
        return {token}

    def paths_among(self, call: Call, frame: Frame, *, writes: bool) -> None:
        """Take the texts that look like paths for files which a function or method reads, or also writes, when nobody knows."""
        for argument in (*call.args, *(one for _, one in call.keywords)):
            if argument.text is None and not argument.text_of:
                continue
            text = self.text(argument, frame)
            if text is None or not _PATH.match(text):
                continue
            name = self._resource(text)
            self._read(name)
            if writes:
                self.change_resource(name)

    # -- magics --------------------------------------------------------------------------------------------------------------------

    def magic(self, call: Call, frame: Frame) -> Tokens:
        """Run one of the calls that magics are written as."""
        name = call.root
        text = call.args[0].whole if call.args else None
        if name == SHELL:
            self._shell(text, call)
        elif name == WRITE_FILE:
            path = self._resource(text)
            appends = len(call.args) > 1 and call.args[1].text == "a"
            if appends:
                self._read(path)
            self._write(path, not appends)
        elif name == RUN_FILE:
            path = self._resource(text)
            self._read(path)
            self.unknown("the script may use")
            self.effects.changes_all = f"runs {text or 'a script'}"
            if call.args[1].text == "shared":
                self.effects.reads_all = self.effects.changes_all
        elif name == ENVIRONMENT:
            self.change_resource(f"$env:{text or '*'}")
        elif name == FOLDER:
            self.use("$cwd", "%cd starts from")
            self.use("$folder", "%cd goes to")
            self.change_resource("$cwd")
        elif name == MAGIC:
            self._line_magic(text or "", call)
        return {self.heap.new("data")}

    def _line_magic(self, name: str, call: Call) -> None:
        if name in ("nothing", "capture"):
            return
        if name in ("matplotlib", "config"):
            self.change({self.module_token("matplotlib")}, direct=True)
        elif name in ("load_ext", "reload_ext", "unload_ext", "alias", "autoreload", "precision", "aimport", "rehashx"):
            self.use("$extensions", f"%{name} builds on")
            self.change_resource("$extensions")
            if name in ("autoreload", "precision"):
                self.effects.mods.add("$patched")
        elif name in ("env", "set_env"):
            self.use("$env:*", "%env shows")
        elif name == "reset":
            self.effects.changes_all = "%reset takes every name away"
        else:
            self.use("$extensions", f"%{name} comes from")
            self.effects.changes_all = f"%{name} is not known here"
            self.effects.reads_all = self.effects.changes_all

    def _shell(self, text: str | None, call: Call) -> None:
        if text is not None and (_SAYS_ONLY.match(text) or _INSTALLS.match(text)):
            return
        for name in (ANY_FILE, "$folder", "$cwd", "$env:*"):
            self.use(name, "the shell may read")
        if text is None or not _LOOKS_ONLY.match(text):
            self.change_resource(ANY_FILE)
            self.change_resource("$folder")


def last_part(path: str) -> str:
    """Return the last part of a path: what a relative and an absolute spelling of it have in common."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]
