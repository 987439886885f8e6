"""Every verb of nbtrack, once: a line of `%track` or words of the shell in, a view out. Shared by magic, completion and program.

Importing this room imports click and the views; the notebook does so at its first verb.
"""

from nbtrack.commands.dispatch import group, run_line, run_words
from nbtrack.commands.door import Door, Switch

__all__ = ["Door", "Switch", "group", "run_line", "run_words"]
