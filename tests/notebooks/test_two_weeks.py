"""Two weeks of work on a real notebook: saves, runs, renames, a deletion, a restored cell. Nothing is lost, and one screen tells it."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

from desk import Desk, canonical

from nbtrack.commands import run_line
from nbtrack.commands.door import Door
from nbtrack.config import Settings, StoreLocation
from nbtrack.notebooks.documents import Shelf
from nbtrack.notebooks.restore import restore
from nbtrack.notebooks.take import Cause
from nbtrack.store import checkpoint_garbage, frames, ids
from nbtrack.store.check import check_store
from nbtrack.store.checkpoints import list_checkpoints
from nbtrack.store.connection import open_reader
from nbtrack.store.frames import Kind
from nbtrack.store.garbage import collect
from nbtrack.tracking.session import Session

DAY_MS = 86_400_000
START = 1_731_000_000_000


class Work:
    """A person at work: the clock of the journal runs two weeks in a few seconds, and every state that was saved is remembered."""

    def __init__(self, desk: Desk, document: dict[str, Any], clock: Any) -> None:
        self.desk = desk
        self.document = document
        self.clock = clock
        self.name = "linear_models.ipynb"
        self.states: list[str] = []
        self.random = random.Random(11)

    @property
    def path(self) -> Path:
        return self.desk.folder / self.name

    def save(self, cause: Cause | None = None, *, minutes: int = 7) -> None:
        self.clock.now += minutes * 60_000
        self.desk.save(self.document, self.name)
        self.states.append(canonical(self.document))
        self.desk.taker.take_file(self.path, cause or Cause())

    def edit(self) -> None:
        cells = [cell for cell in self.document["cells"] if cell["cell_type"] == "code" and cell["source"]]
        cell = self.random.choice(cells)
        cell["source"] = [*cell["source"][:-1], f"alpha_{self.random.randrange(9)} = {self.random.random():.3f}\n"]
        if self.random.random() < 0.5:
            cell["execution_count"] = (cell["execution_count"] or 0) + 100
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [f"score {self.random.random():.4f}\n"]}]

    def run(self) -> str:
        run_id = ids.new_id()
        head = {"id": run_id, "name": None, "experiment": "linear", "origin": "api", "notebook": str(self.path)}
        self.desk.writer.append(Kind.RUN, head)
        self.save(Cause("run start", run_id=run_id, boundary="start"), minutes=1)
        self.edit()
        self.save(Cause("run end", run_id=run_id, boundary="end"), minutes=20)
        line = frames.series(run_id, ("rmse",))
        self.desk.writer.points(line, 0, [self.random.random()])
        self.desk.writer.append(Kind.RUN_END, {"run": run_id, "state": "finished"})
        return run_id

    def rename(self, name: str) -> None:
        old = self.path
        self.name = name
        old.rename(self.path)
        self.desk.taker.note_move(old, self.path)


class Clock:
    """A wall clock and a boot clock that go as far as they are told."""

    def __init__(self) -> None:
        self.now = START

    def wall_ms(self) -> int:
        return self.now

    def boot_us(self) -> int:
        return self.now * 1000


def test_two_weeks_of_work_lose_nothing(make_desk: Any, real_notebooks: list[Path], monkeypatch: Any) -> None:
    clock = Clock()
    for module in ("journal", "segments"):
        for name in ("wall_ms", "boot_us"):
            monkeypatch.setattr(f"nbtrack.store.{module}.ids.{name}", getattr(clock, name))
    source = next(path for path in real_notebooks if path.name == "linear_models.ipynb")
    work = Work(make_desk(), json.loads(source.read_bytes()), clock)
    runs: list[str] = []
    for day in range(14):
        clock.now = START + day * DAY_MS
        for _ in range(12):
            work.edit()
            work.save()
        runs.append(work.run())
        if day == 3:
            work.rename("regression.ipynb")
        if day == 6:
            work.save(Cause("manual", "before the feature clean-up"))
            del work.document["cells"][40:44]
            work.save()
        if day == 9:
            work.rename("final.ipynb")
    clock.now += 60_000
    restored = _restore_a_removed_cell(work)
    work.document = restored
    work.path.unlink()
    _nothing_is_lost(work, runs)
    _one_screen_tells_it(work, clock)
    _gc_thins_out_what_nobody_named(work, clock)


def _restore_a_removed_cell(work: Work) -> dict[str, Any]:
    """Bring one of the four removed cells back."""
    before = copy.deepcopy(work.document)
    assert work.desk.writer.flush(60)
    done = restore(work.desk.writer, "before the feature clean-up", cell="cell 41", path=work.path)
    made: dict[str, Any] = json.loads(work.path.read_bytes())
    assert len(made["cells"]) == len(before["cells"]) + 1
    assert done.kept is not None
    assert canonical(work.desk.document(done.kept)) == canonical(before)
    return made


def _nothing_is_lost(work: Work, runs: list[str]) -> None:
    found = work.desk.taken(work.name)
    assert {one.notebook for one in found} == {str(work.path)}, "renamed twice, deleted, and still one notebook"
    with open_reader(work.desk.location) as db:
        shelf = Shelf(work.desk.location, db)
        kept = [canonical(shelf.document(one)) for one in reversed(found)]
        linked = db.execute("select count(*) from checkpoint_run").fetchone()[0]
    assert set(work.states) <= set(kept)
    saved = _without_repeats(work.states)
    assert _without_repeats(kept)[: len(saved)] == saved, "every saved state, in order"
    assert linked == 2 * len(runs)
    assert check_store(work.desk.location).findings == ()


def _without_repeats(states: list[str]) -> list[str]:
    return [state for place, state in enumerate(states) if not place or state != states[place - 1]]


def _one_screen_tells_it(work: Work, clock: Clock) -> None:
    session = Session(work.desk.location, Settings(), kind="kernel", notebook=str(work.path))
    door = Door("notebook", lambda: session, {}, now_ms=clock.wall_ms)
    view = run_line("checkpoints --limit 400", door)
    assert view is not None
    told = view.to_text(120)
    lines = told.splitlines()
    assert len(lines) < 90
    assert "the file is gone" in lines[0]
    assert "was linear_models.ipynb, regression.ipynb" in lines[0]
    assert "before the feature clean-up" in told
    assert "Removed 4 cells" in told
    assert "saves, " in told
    assert told.count("run ended") == 14
    assert "run_line" not in told
    found = run_line("search alpha_3", door)
    assert found is not None
    assert "final.ipynb" in found.to_text()
    session.close()


def _gc_thins_out_what_nobody_named(work: Work, clock: Clock) -> None:
    location: StoreLocation = work.desk.location
    with open_reader(location) as db:
        before = list_checkpoints(db)
        old = checkpoint_garbage.find_old(db, keep_days=3, now_ms=clock.now)
    assert 90 < len(old) < len(before) - 30
    found = collect(location, keep_days=3)
    assert (found.applied, found.checkpoints > 90) == (False, True)
    done = collect(location, apply=True, keep_days=3, older_than_s=0)
    assert done.applied
    with open_reader(location) as db:
        after = list_checkpoints(db)
        shelf = Shelf(location, db)
        assert all(canonical(shelf.document(one)) for one in after)
    assert {one.id for one in before if one.runs or one.message} <= {one.id for one in after}
    assert after[0].id == before[0].id
    assert check_store(location).findings == ()
