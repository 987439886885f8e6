"""Cells become executions: in a real shell, read back from a real store."""

from __future__ import annotations

import gc
import hashlib
import signal
import sys
import threading
import weakref
from typing import Any

import pytest

from nbtrack.ipython.hooks import Hooks
from nbtrack.tracking import session as sessions

from .conftest import Notebook, wrapped


def hooks_of(notebook: Notebook) -> Hooks:
    """The hooks that stand on the shell."""
    (callback,) = notebook.shell.events.callbacks["pre_run_cell"]
    hooks: Hooks = callback.__self__
    return hooks


def test_a_cell_is_recorded_with_source_order_count_and_costs(notebook: Notebook) -> None:
    notebook.run("x = sum(range(10))")
    notebook.run("x")
    first, second = notebook.cells()[-2:]
    assert (first.source, first.status, first.count, first.seq) == ("x = sum(range(10))", "ok", 2, 2)
    assert (second.source, second.count, second.seq) == ("x", 3, 3)
    assert first.source_hash == hashlib.sha256(first.source.encode()).hexdigest()
    assert first.started_at is not None
    assert first.duration_ms is not None
    assert first.cpu_ms is not None
    assert not first.before_recording
    if sys.platform == "linux":
        assert first.peak_memory_bytes is not None
        assert first.peak_memory_bytes > 1_000_000


def test_cells_before_the_load_are_known_by_source_and_order(bare: Notebook) -> None:
    bare.run("a = 1")
    bare.run("")
    bare.run("%%time\nb = 2")
    bare.run("%load_ext nbtrack\nprint('loaded')")
    bare.run("c = 3")
    cells = bare.cells()
    assert [(one.source, one.count, one.status, one.before_recording) for one in cells] == [
        ("a = 1", 1, "unknown", True),
        ("%%time\nb = 2", 2, "unknown", True),
        ("%load_ext nbtrack\nprint('loaded')", 3, "ok", False),
        ("c = 3", 4, "ok", False),
    ]
    assert [one.seq for one in cells] == [1, 2, 3, 4]
    assert cells[0].started_at is None
    assert bare.texts(cells[2])[0][1] == "nbtrack records this session into .nbtrack (%track says more)\nloaded\n"


def test_a_load_that_nobody_typed_records_no_cell(bare: Notebook) -> None:
    bare.run("a = 1")
    bare.shell.extension_manager.load_extension("nbtrack")
    bare.run("b = 2")
    assert [(one.source, one.before_recording) for one in bare.cells()] == [("a = 1", True), ("b = 2", False)]


def test_a_load_inside_a_captured_cell_records_the_whole_cell(bare: Notebook) -> None:
    bare.run("%%capture\n%load_ext nbtrack\nx = 1")
    bare.run("x")
    assert [(one.source, one.status) for one in bare.cells()] == [("%%capture\n%load_ext nbtrack\nx = 1", "ok"), ("x", "ok")]


def test_an_error_is_recorded_with_type_message_and_traceback(notebook: Notebook) -> None:
    notebook.run("def half(x):\n    return x / 0\n\nhalf(3)")
    cell = notebook.last()
    assert (cell.status, cell.error_type, cell.error_message) == ("error", "ZeroDivisionError", "division by zero")
    ((kind, text),) = notebook.texts(cell)
    assert kind == "error"
    assert text == (
        "Traceback (most recent call last):\n"
        "  Cell In[2], line 4, in <module>\n    half(3)\n"
        "  Cell In[2], line 2, in half\n    return x / 0\n"
        "ZeroDivisionError: division by zero"
    )


def test_a_syntax_error_has_a_status_of_its_own(notebook: Notebook) -> None:
    notebook.run("for")
    cell = notebook.last()
    assert (cell.status, cell.error_type, cell.error_message) == ("syntax_error", "SyntaxError", "invalid syntax")
    assert "Cell In[2], line 1" in (cell.outputs[0].text or "")


def test_a_syntax_error_of_code_that_the_cell_runs_is_an_error(notebook: Notebook) -> None:
    notebook.run("exec('for')")
    assert notebook.last().status == "error"


def test_an_interrupt_has_a_status_of_its_own(notebook: Notebook) -> None:
    notebook.run("import signal\nsignal.raise_signal(signal.SIGINT)")
    assert (notebook.last().status, notebook.last().error_type) == ("interrupted", "KeyboardInterrupt")


def test_exit_of_a_cell_is_its_error(notebook: Notebook, recwarn: pytest.WarningsRecorder) -> None:
    notebook.run("import sys, warnings\nwarnings.simplefilter('ignore')\nsys.exit(3)")
    assert (notebook.last().status, notebook.last().error_type, notebook.last().error_message) == ("error", "SystemExit", "3")


def test_await_and_last_expression_work(notebook: Notebook) -> None:
    notebook.run("import asyncio\nawait asyncio.sleep(0)\n7")
    assert (notebook.last().status, notebook.texts(notebook.last())) == ("ok", [("result", "7")])


def test_nested_cells_are_one_execution(notebook: Notebook) -> None:
    notebook.run("%%capture held\nprint('hidden')")
    notebook.run("get_ipython().run_cell('print(1)')\nprint(2)")
    notebook.run("get_ipython().run_cell('1/0')\nprint(3)")
    cells = notebook.cells()[1:]
    assert [(one.status, notebook.texts(one)) for one in cells] == [("ok", []), ("ok", [("stdout", "1\n2\n")]), ("ok", [("stdout", "3\n")])]


def test_empty_and_silent_cells_and_those_outside_the_history_are_none(notebook: Notebook) -> None:
    before = len(notebook.cells())
    notebook.run("")
    notebook.run("  \n ")
    notebook.shell.run_cell("1", silent=True)
    notebook.shell.run_cell("get_ipython().run_cell('2', store_history=True)", store_history=False)
    assert len(notebook.cells()) == before


def test_cell_ids_come_from_the_event_or_the_message(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook.shell.run_cell("1", store_history=True, cell_id="cell-a")
    assert notebook.last().cell_id == "cell-a"
    monkeypatch.setattr(notebook.shell, "get_parent", lambda: {"metadata": {"cellId": "cell-b"}}, raising=False)
    notebook.run("2")
    assert notebook.last().cell_id == "cell-b"


def test_the_notebook_path_of_vs_code_is_followed(notebook: Notebook) -> None:
    notebook.run("__vsc_ipynb_file__ = '/work/one.ipynb'")
    notebook.run("1")
    assert notebook.last().notebook == "/work/one.ipynb"
    assert sessions.current().experiment == "one"


def test_a_magic_in_a_cell_is_recorded_as_it_was_typed(notebook: Notebook) -> None:
    notebook.run("%pwd")
    assert notebook.last().source == "%pwd"


# ---------------------------------------------------------------------- %%track


def test_track_makes_the_cell_a_run(notebook: Notebook) -> None:
    result = notebook.run("%%track deep --experiment churn --tag team=x --note first try\nprint('in')\n7")
    assert result.result == 7
    cell, (run,) = notebook.last(), notebook.runs()
    assert notebook.texts(cell) == [("stdout", "in\n"), ("result", "7")]
    assert cell.source.startswith("%%track deep")
    assert (run.name, run.experiment, run.state, run.origin, run.tags) == ("deep", "churn", "finished", "magic", {"team": "x"})
    assert run.execution_id == cell.id


def test_a_track_cell_that_raises_makes_a_failed_run_and_stops(notebook: Notebook) -> None:
    result = notebook.run("%%track deep\n1/0\nprint('not reached')")
    assert isinstance(result.error_in_exec, ZeroDivisionError)
    (run,) = notebook.runs()
    assert (run.state, run.error_type) == ("failed", "ZeroDivisionError")
    assert "Cell In[2], line 2" in (notebook.last().outputs[-1].text or "")


def test_await_works_under_track(notebook: Notebook) -> None:
    assert notebook.run("%%track\nimport asyncio\nawait asyncio.sleep(0, 5)").result == 5
    assert notebook.runs()[0].state == "finished"


def test_another_cell_magic_works_under_track(notebook: Notebook) -> None:
    notebook.run("%%track timed\n%%time\ny = 3")
    assert notebook.shell.user_ns["y"] == 3
    assert [run.name for run in notebook.runs()] == ["timed"]


def test_a_track_line_in_error_runs_nothing_and_opens_no_run(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    result = notebook.run("%%track --experimnt churn\nran = True")
    assert type(result.error_in_exec).__name__ == "UsageError"
    assert "ran" not in notebook.shell.user_ns
    assert notebook.runs() == []
    shown = capsys.readouterr().out.splitlines()
    assert shown[-2:] == [
        "UsageError: %%track has no option '--experimnt'. Did you mean --experiment?",
        "Write %%track [NAME] [--experiment E] [--tag K=V] [--note TEXT].",
    ]


def test_a_run_of_a_cell_ends_with_it_whatever_comes_after(notebook: Notebook) -> None:
    notebook.run("%%track one\nimport nbtrack\nnbtrack.log({'loss': 0.5})")
    notebook.run("%%track two\nnbtrack.log({'loss': 0.25})")
    assert [(run.name, run.state, run.metrics) for run in notebook.runs()] == [
        ("one", "finished", {"loss": 0.5}),
        ("two", "finished", {"loss": 0.25}),
    ]


# ---------------------------------------------------------------------- the switch


def test_off_removes_every_hook_and_on_brings_them_back(notebook: Notebook) -> None:
    hooks = hooks_of(notebook)
    notebook.shell.user_ns["switch"] = hooks
    notebook.run("switch.turn_off()\nprint('after')")
    assert hooks.state == "off"
    assert notebook.shell.events.callbacks["pre_run_cell"] == []
    assert notebook.shell.events.callbacks["post_run_cell"] == []
    assert wrapped(notebook.shell) == []
    notebook.run("unseen = 1")
    notebook.run("switch.turn_on()\nprint('seen')")
    notebook.run("last = 1")
    assert [(one.source, one.status) for one in notebook.cells()[1:]] == [
        ("switch.turn_off()\nprint('after')", "unknown"),
        ("switch.turn_on()\nprint('seen')", "ok"),
        ("last = 1", "ok"),
    ]
    assert notebook.texts(notebook.cells()[2]) == [("stdout", "seen\n")]


def test_a_track_cell_while_off_runs_without_a_run(notebook: Notebook) -> None:
    hooks_of(notebook).turn_off()
    assert notebook.run("%%track deep\n5").result == 5
    assert notebook.runs() == []


def test_pause_records_nothing_and_keeps_the_hooks(notebook: Notebook) -> None:
    hooks = hooks_of(notebook)
    hooks.pause()
    notebook.run("unseen = 1")
    assert (hooks.state, len(notebook.shell.events.callbacks["pre_run_cell"])) == ("paused", 1)
    hooks.turn_on()
    notebook.run("seen = 1")
    assert [one.source for one in notebook.cells()[1:]] == ["seen = 1"]


def test_switching_twice_changes_nothing(notebook: Notebook) -> None:
    hooks = hooks_of(notebook)
    hooks.turn_on()
    hooks.turn_off()
    hooks.turn_off()
    hooks.turn_on()
    notebook.run("1")
    assert len(notebook.shell.events.callbacks["pre_run_cell"]) == 1
    assert notebook.last().source == "1"


# ---------------------------------------------------------------------- what goes wrong


def test_a_failing_hook_costs_one_line_and_then_switches_itself_off(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = hooks_of(notebook)
    monkeypatch.setattr(hooks._recorder, "start_cell", lambda cell: 1 / 0)
    capsys.readouterr()
    for number in range(8):
        assert notebook.run(f"print('cell {number}')").success
    shown = capsys.readouterr()
    ours = [line for line in shown.out.splitlines() if line.startswith("nbtrack:")]
    assert ours == [
        "nbtrack: a cell could not be recorded (ZeroDivisionError: division by zero); your code is not affected, %track says more",
        "nbtrack: recording is off after 5 failures; %track on tries again",
    ]
    assert "Error in callback" not in shown.out + shown.err
    assert [line for line in shown.out.splitlines() if line.startswith("cell")] == [f"cell {number}" for number in range(8)]
    assert hooks.state == "off"
    assert hooks.problems[-1] == "ZeroDivisionError: division by zero"


def test_an_interrupt_inside_a_hook_interrupts_the_cell(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = hooks_of(notebook)
    start = hooks._recorder.start_cell

    def interrupted(cell: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return start(cell)

    monkeypatch.setattr(hooks._recorder, "start_cell", interrupted)
    result = notebook.run("import time\ntime.sleep(20)\nran = True")
    monkeypatch.undo()
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    assert "ran" not in notebook.shell.user_ns
    assert notebook.last().status == "interrupted"
    assert wrapped(notebook.shell) == []


def test_an_end_that_never_came_does_not_stop_recording(notebook: Notebook) -> None:
    hooks = hooks_of(notebook)
    notebook.shell.events.unregister("post_run_cell", hooks._on_end)
    notebook.run("lost = 1")
    notebook.shell.events.register("post_run_cell", hooks._on_end)
    notebook.run("found = 1")
    assert [(one.source, one.status) for one in notebook.cells()[1:]] == [("lost = 1", "unknown"), ("found = 1", "ok")]


def test_a_cell_beside_the_one_that_runs_is_left_alone(notebook: Notebook) -> None:
    def beside() -> None:
        for event in ("pre_run_cell", "post_run_cell"):
            notebook.shell.events.trigger(event, notebook.shell.displayhook.exec_result if event.startswith("post") else info)

    info = type("Info", (), {"raw_cell": "other", "store_history": True, "silent": False, "cell_id": None})()
    notebook.shell.user_ns["beside"] = lambda: (thread := threading.Thread(target=beside), thread.start(), thread.join())
    notebook.run("beside()\nprint('mine')")
    assert [one.source for one in notebook.cells()[1:]] == ["beside()\nprint('mine')"]
    assert ("stdout", "mine\n") in notebook.texts(notebook.last())


def test_no_object_of_the_users_is_kept_alive(notebook: Notebook) -> None:
    notebook.shell.user_ns["left"] = left = {}
    notebook.shell.user_ns["weakref"] = weakref
    notebook.run(
        "class Big:\n    def __init__(self, name):\n        left[name] = weakref.ref(self)\n"
        "    def __repr__(self):\n        return 'big'\n"
        "    def _repr_mimebundle_(self, **_):\n        return {'text/plain': 'big', 'application/x-live': self, 'application/json': self}"
    )
    notebook.run("from IPython.display import display\ndisplay(Big('displayed'))")
    notebook.run("Big('returned')")
    notebook.run("def fail():\n    local = Big('local of a raise')\n    raise ValueError(local)\nfail()")
    notebook.run("print(Big('printed'))")
    # What IPython itself keeps: Out, _ and its like, the outputs of its history, the last exception.
    shell = notebook.shell
    shell.displayhook.flush()
    shell.reset(new_session=False)
    getattr(shell.history_manager, "outputs", {}).clear()
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        vars(sys).pop(name, None)
    shell.InteractiveTB.tb = None
    notebook.run("1")
    gc.collect()
    assert {name: ref() for name, ref in left.items() if ref() is not None} == {}
    assert set(left) == {"displayed", "returned", "local of a raise", "printed"}
