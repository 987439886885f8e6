"""Checkpoints of notebooks: documents, files and executed cells in; stored states, restored files and the history of a cell out.

What other rooms use (a ``writer`` is a ``store.writer.Writer``, a ``db`` comes from ``store.connection.open_reader``):

- ``take.enqueue_save(writer, path, content=None)``: for a save hook; returns at once, never raises; the work is done in a thread.
- ``take.taker_of(writer)`` -> ``Taker``: ``take_file(path, reason=...)``, ``take_document(path, document, reason=...)``,
  ``note_move(old, new)``, ``drain(timeout)``.
- ``outside.look(writer, path)``: a file that may have been changed by another program; costs one stat when it was not.
- ``store.checkpoints``: ``list_checkpoints(db, notebook=..., limit=...)``, ``get_checkpoint(db, id)``, ``list_notebooks(db)``.
- ``references.resolve(db, ref, notebook=..., now_ms=...)`` -> ``(Checkpoint, remark)``: id, ``last``, ``last~2``, a time, a run.
- ``documents.load_document(location, db, checkpoint)`` -> the notebook as a dict; ``documents.load_bytes`` the file.
- ``timeline.read_timeline(location, db, notebook=..., limit=...)`` -> entries with what changed in a few words.
- ``restore.restore(writer, ref, path=..., cell=None, force=False)`` -> ``records.Restored``.
- ``history.cell_history(location, db, notebook, cell)`` -> ``records.CellState`` tuple.
- ``store.search.search(db, text, kind=None, limit=50)`` -> ``records.SearchResult``.
- ``api``: the public functions ``nbtrack.checkpoint``, ``checkpoints``, ``restore``, ``history``, ``search``.

Neither nbformat nor nbdime is imported, so that all of it may run in a kernel or a save hook.
"""
