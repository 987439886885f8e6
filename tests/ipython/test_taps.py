"""What cells print, display and return, seen without changing any of it."""

from __future__ import annotations

import sys
import threading

import pytest

from nbtrack.capture.guard import Guard
from nbtrack.capture.outputs import Outputs
from nbtrack.ipython.taps import Taps
from nbtrack.tracking import session as sessions

from .conftest import Notebook, wrapped


def test_printed_text_and_results_are_recorded_and_still_shown(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    notebook.run("import sys\nprint('to out')\nprint('to err', file=sys.stderr)\n'result'")
    shown = capsys.readouterr()
    assert notebook.texts(notebook.last()) == [("stdout", "to out\n"), ("stderr", "to err\n"), ("result", "'result'")]
    assert "to out\n" in shown.out
    assert "'result'" in shown.out
    assert shown.err == "to err\n"


def test_displays_are_recorded_in_every_form(notebook: Notebook) -> None:
    notebook.run("from IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))\nprint('after')")
    outputs = notebook.last().outputs
    assert [(one.kind, one.mime, one.text) for one in outputs] == [
        ("display", "text/html", "<b>x</b>"),
        ("display", "text/plain", "<IPython.core.display.HTML object>"),
        ("stdout", "text/plain", "after\n"),
    ]


def test_updates_and_clears_are_followed(notebook: Notebook) -> None:
    notebook.run("from IPython.display import display, clear_output\nhandle = display('a', display_id='d')\nhandle.update('b')")
    (one,) = notebook.last().outputs
    assert (one.text, one.display_id) == ("'b'", "d")
    notebook.run("print('old')\nclear_output()\nprint('new')")
    assert notebook.texts(notebook.last()) == [("stdout", "new\n")]
    notebook.run("print('old')\nclear_output(wait=True)\nprint('new')")
    assert notebook.texts(notebook.last()) == [("stdout", "new\n")]


def test_a_figure_is_kept_as_its_image(notebook: Notebook) -> None:
    pytest.importorskip("matplotlib")
    notebook.run("import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\n%matplotlib inline\nplt.plot([1, 2]);")
    notebook.run("plt.plot([1, 2]);")
    image = next(one for one in notebook.last().outputs if one.mime == "image/png")
    assert image.sha256 is not None
    assert image.size_bytes > 1_000


def test_redirected_output_is_not_the_cells(notebook: Notebook) -> None:
    notebook.run("import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    print('hidden')\nprint('seen')")
    assert notebook.texts(notebook.last()) == [("stdout", "seen\n")]


def test_stdout_itself_is_never_replaced(notebook: Notebook) -> None:
    notebook.shell.user_ns["before"] = sys.stdout
    notebook.run("import sys\nsame = sys.stdout is before")
    assert notebook.shell.user_ns["same"] is True


def test_the_methods_are_back_after_every_cell(notebook: Notebook) -> None:
    for source in ("1", "1/0", "for", "print(1)", "%%capture\n1", "raise KeyboardInterrupt", "%%track\n1"):
        notebook.run(source)
        assert wrapped(notebook.shell) == [], source


def test_a_wrap_of_somebody_else_over_ours_is_left_alone(notebook: Notebook) -> None:
    source = (
        "import sys\ninner = sys.stdout.write\nseen = []\nsys.stdout.write = lambda text: (seen.append(text), inner(text))[1]\nprint('one')"
    )
    notebook.run(source)
    sys.stdout.write("between")
    notebook.run("print('two')")
    assert notebook.shell.user_ns["seen"][0] == "one"
    assert notebook.texts(notebook.last()) == [("stdout", "two\n")]
    sys.stdout.__dict__.pop("write", None)


def test_threads_are_heard_while_the_cell_runs_and_harmless_afterwards(notebook: Notebook) -> None:
    notebook.shell.user_ns["go"] = go = threading.Event()
    notebook.run(
        "import threading\nearly = threading.Thread(target=print, args=('early',))\nearly.start()\nearly.join()\n"
        "write = sys.stdout.write if 'sys' in globals() else __import__('sys').stdout.write\n"
        "late = threading.Thread(target=lambda: (go.wait(), write('late\\n')))\nlate.start()"
    )
    assert notebook.texts(notebook.last()) == [("stdout", "early\n")]
    go.set()
    notebook.shell.user_ns["late"].join()
    notebook.run("print('next')")
    assert notebook.texts(notebook.last()) == [("stdout", "next\n")]


def test_streams_that_are_missing_or_cannot_be_wrapped_do_no_harm(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slotted:
        __slots__ = ()

        def write(self, text: str) -> int:
            return len(text)

    taps = Taps(notebook.shell, Guard(print, print))
    for stream in (None, Slotted()):
        monkeypatch.setattr(sys, "stderr", stream)
        outputs = Outputs(text_chars=100, image_bytes=100)
        taps.open(outputs)
        sys.stdout.write("heard")
        taps.close()
        assert [one.body for one in outputs.close()] == [b"heard"]


def test_a_huge_print_is_cut_in_the_middle(notebook: Notebook) -> None:
    notebook.run("for number in range(100_000): print(number)")
    (output,) = notebook.last().outputs
    assert output.truncated
    assert output.size_bytes > 500_000
    assert output.text is not None
    assert output.text.startswith("0\n1\n")
    assert output.text.endswith("99999\n")
    assert len(output.text) < 21_000


def test_outputs_are_left_alone_when_the_setting_says_so(notebook: Notebook) -> None:
    sessions.current().change_setting("capture.outputs", "off")
    notebook.run("print('unseen')\n1/0")
    cell = notebook.last()
    assert (cell.status, cell.error_type, cell.outputs) == ("error", "ZeroDivisionError", ())


def test_a_write_by_keyword_or_of_no_text_behaves_as_before(notebook: Notebook) -> None:
    result = notebook.run("import sys\nsys.stdout.write(3)")
    assert isinstance(result.error_in_exec, TypeError)
    assert notebook.run("sys.stdout.write('four')").result == 4
