"""Files changed by other programs (an editor, ``git pull``, papermill): a path in; a checkpoint if the file is another now, out."""

from __future__ import annotations

import logging
from pathlib import Path

from nbtrack.notebooks.take import Cause, Taken, taker_of
from nbtrack.store.writer import Writer

log = logging.getLogger("nbtrack")


def look(writer: Writer, path: str | Path, *, newest: str | None = None) -> Taken | None:
    """Take the file if it has changed since this process last looked; None when it has not, or is gone. One stat when it has not.

    ``newest`` is the state of the newest checkpoint, where the caller knows it: a process that looks for the first time need not send all
    of it then. A state that a save hook has recorded already makes no second checkpoint. Never raises: a file that cannot be read now is
    read later.
    """
    try:
        return taker_of(writer).take_file(path, Cause("changed outside"), look=True, unless=newest)
    except OSError:
        log.debug("%s could not be read", path, exc_info=True)
        return None
