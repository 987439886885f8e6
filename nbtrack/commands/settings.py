"""Settings at the keyboard: ``config`` lists them, shows one, or changes one for this kernel."""

from __future__ import annotations

import json
from typing import Any

import click

from nbtrack import config as settings_room
from nbtrack.commands.door import Door
from nbtrack.commands.grammar import strip_quotes, verb
from nbtrack.errors import NbtrackError
from nbtrack.views.message import Message
from nbtrack.views.table import Cell, Column, Table
from nbtrack.views.view import View

SECTION = "nbtrack itself"


@verb(
    "config",
    "The settings; KEY=VALUE changes one for this kernel",
    usage="[KEY[=VALUE]]",
    section=SECTION,
    example="config log.strict=true",
    raw="text",
)
@click.argument("text", nargs=-1, metavar="[KEY[=VALUE]]")
def config(door: Door, text: tuple[str, ...]) -> View:
    """List, show or change settings."""
    key, equals, value = (part.strip() for part in " ".join(text).partition("="))
    session = door.get_session()
    if not key and not equals:
        return _listed(door, settings_room.setting_keys())
    if not equals:
        settings_room.get_setting(session.settings, key)
        return _listed(door, {key: settings_room.setting_keys()[key]})
    changed = settings_room.with_setting(session.settings, key, strip_quotes(value))
    section, _, name = key.partition(".")
    written = f"[{section}] {name} = {_toml(settings_room.get_setting(changed, key))}"
    file = session.location.folder.parent / settings_room.SETTINGS_FILE
    if door.kind == "shell":
        raise NbtrackError("a setting changed here would end with this command", f"For good: {written} in {file}")
    session.change_setting(key, strip_quotes(value))
    return Message(f"{key} = {_toml(settings_room.get_setting(session.settings, key))}, in this kernel", f"For good: {written} in {file}")


def _listed(door: Door, keys: dict[str, tuple[str, Any, str]]) -> Table:
    settings = door.get_session().settings
    rows = []
    for key, (_, default, words) in keys.items():
        value = settings_room.get_setting(settings, key)
        changed = value != default
        told = f"{words} (default {_toml(default)})" if changed else words
        rows.append((Cell(key), Cell(_toml(value), "strong" if changed else ""), Cell(told, "muted")))
    file = door.get_session().location.folder.parent / settings_room.SETTINGS_FILE
    foot = f"from {file}, then NBTRACK_SECTION_KEY, then {door.program} config KEY=VALUE"
    return Table((Column("setting"), Column("value"), Column("what it does", wraps=True)), tuple(rows), label="Settings", foot=foot)


def _toml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


VERBS = (config,)
