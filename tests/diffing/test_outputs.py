"""What outputs show now: tables by row and column, numbers that moved, images, errors; and what is only noise."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from typing import Any

import pandas
import pytest
from notebook_making import PNG, code, notebook, printed, result

from nbtrack.diffing import CellDiff, OutputDiff, diff_notebooks
from nbtrack.diffing.tables import parse_number, read_html_table, read_text_table

OTHER_PNG = PNG[:-12] + "AAAAAAAAAAAA"
SCORES = pandas.DataFrame({"precision": [0.902, 0.794], "recall": [0.931, 0.719], "support": [1035, 374]}, index=["stay", "churn"])
NEWER = pandas.DataFrame({"precision": [0.921, 0.832], "recall": [0.938, 0.708], "support": [1035, 374]}, index=["stay", "churn"])
REPORT = """              precision    recall  f1-score   support

           0       0.90      0.93      0.92      1035
           1       0.79      0.72      0.75       374

    accuracy                           0.87      1409
   macro avg       0.85      0.82      0.84      1409
"""


def compare(a: Any, b: Any) -> CellDiff:
    """Compare a cell that showed one output with the same cell that showed another."""
    (cell,) = diff_notebooks(notebook(code("show()", a, count=1)), notebook(code("show()", b, count=1))).cells
    return cell


def changed(a: Any, b: Any) -> OutputDiff:
    cell = compare(a, b)
    assert cell.kind == "output only"
    (output,) = [one for one in cell.outputs if one.kind != "same"]
    return output


def test_a_table_is_compared_cell_by_cell_with_the_distance_of_each_number() -> None:
    output = changed(result(html=SCORES.to_html(), plain=str(SCORES)), result(html=NEWER.to_html(), plain=str(NEWER)))
    assert output.words == "table, 4 of 6 numbers moved"
    assert output.table is not None
    assert [other for _, other in output.table.columns] == ["", "precision", "recall", "support"]
    assert [cell.b for cell in output.table.rows[0].cells] == ["stay", "0.921", "0.938", "1035"]
    deltas = [[round(cell.moved.delta or 0, 3) if cell.moved else None for cell in row.cells] for row in output.table.rows]
    assert deltas == [[None, 0.019, 0.007, None], [None, 0.038, -0.011, None]]


def test_rows_and_columns_are_aligned_by_their_names() -> None:
    row = pandas.DataFrame({"precision": [0.5], "recall": [0.5], "support": [1]}, index=["new"])
    more = pandas.concat([SCORES.iloc[:1], row, SCORES.iloc[1:]])
    more.insert(1, "f1", 0.9)
    output = changed(result(html=SCORES.to_html(), plain="a"), result(html=more.to_html(), plain="b"))
    assert output.words == "table, 1 row added, 1 column added"
    assert output.table is not None
    assert [(row.a_index, row.b_index) for row in output.table.rows] == [(0, 0), (None, 1), (1, 2)]
    assert output.table.columns[2] == (None, "f1")


def test_a_printed_report_of_scikit_learn_is_a_table() -> None:
    table = read_text_table(REPORT)
    assert table is not None
    assert table.heads == ("", "precision", "recall", "f1-score", "support")
    assert table.labels == ("0", "1", "accuracy", "macro avg")
    assert table.rows[2] == ("accuracy", "", "", "0.87", "1409")


def test_a_printed_frame_is_a_table_and_prose_is_not() -> None:
    table = read_text_table(SCORES.to_string())
    assert table is not None
    assert table.rows[1] == ("churn", "0.794", "0.719", "374")
    assert read_text_table("Training the model\nwith 12 layers and 3 heads\n") is None
    assert read_text_table("a    1\nb    2\ndtype: int64") is None


def test_tables_with_spans_and_broken_html_are_read_as_far_as_they_go() -> None:
    frame = pandas.DataFrame({("x", "a"): [1, 2], ("x", "b"): [3, 4]}, index=pandas.MultiIndex.from_tuples([("p", 1), ("p", 2)]))
    table = read_html_table(frame.to_html())
    assert table is not None
    assert [row[-2:] for row in table.rows] == [("1", "3"), ("2", "4")]
    assert read_html_table("<table><tr><td>1<td>2<tr><td colspan=999>3</table>") is not None
    assert read_html_table("<table><tr><td>1") is None
    assert read_html_table("<td" * 50_000) is None
    assert read_html_table("<table>" + "<td" * 50_000 + "</table>") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 035", 1035.0),
        ("1,035.5", 1035.5),
        ("-3e-4", -3e-4),
        ("93 %", 93.0),
        ("−2", -2.0),
        ("NaN", None),
        ("", None),
        ("2024-01-02", None),
        ("1.2.3", None),
    ],
)
def test_a_number_is_read_as_people_write_it(text: str, number: float | None) -> None:
    assert parse_number(text) == number


def test_numbers_that_moved_in_text_are_counted() -> None:
    output = changed(printed("epoch 1 loss 0.50\nepoch 2 loss 0.40\ndone\n"), printed("epoch 1 loss 0.45\nepoch 2 loss 0.40\ndone\n"))
    assert output.words == "text, 1 of 4 numbers moved"
    assert output.text is not None
    assert [(line.a, line.b) for line in output.text.lines] == [("epoch 1 loss 0.50", "epoch 1 loss 0.45")]


def test_an_image_is_never_compared_as_text_and_told_by_size_and_hash() -> None:
    output = changed(result(png=PNG, plain="<Figure>"), result(png=OTHER_PNG, plain="<Figure>"))
    assert output.what == "image"
    assert output.text is None
    assert output.images is not None
    one, other = output.images
    assert one is not None
    assert other is not None
    assert one.sha256 == hashlib.sha256(b64decode(PNG)).hexdigest() != other.sha256
    assert one.size_bytes == len(b64decode(PNG))


def test_base64_that_is_wrapped_otherwise_is_form_only() -> None:
    wrapped = "\n".join(PNG[start : start + 76] for start in range(0, len(PNG), 76)) + "\n"
    assert compare(result(png=PNG), result(png=wrapped)).noise == {"form": 1}


def test_a_failure_that_became_another_is_told_by_its_names() -> None:
    def failure(name: str, line: int) -> dict[str, Any]:
        traceback = ["\x1b[0;31m-----\x1b[0m", f"Cell In[{line}], line 1", f"\x1b[0;31m{name}\x1b[0m: 'x'"]
        return {"output_type": "error", "ename": name, "evalue": "'x'", "traceback": traceback}

    assert changed(failure("KeyError", 3), failure("ValueError", 3)).words == "error KeyError → ValueError"
    assert compare(failure("KeyError", 3), failure("KeyError", 9)).noise == {"counts": 1}


@pytest.mark.parametrize(
    ("a", "b", "noise"),
    [
        ("<Model at 0x7f0012345678>\n", "<Model at 0x7f99aaaabbbb>\n", {"addresses": 1}),
        ("CPU times: user 1.2 s, sys: 3 ms\nWall time: 1.3 s\n", "CPU times: user 4.2 s, sys: 5 ms\nWall time: 2.3 s\n", {"timings": 2}),
        ("12.3 ms ± 45 µs per loop (7 runs)\n", "14.1 ms ± 90 µs per loop (7 runs)\n", {"timings": 1}),
        ("100%|██████████| 50/50 [00:03<00:00, 12.31it/s]\n", "100%|██████████| 50/50 [00:04<00:00, 9.80it/s]\n", {"progress": 1}),
        ("\r 10%|█   \r 50%|█████\rdone\n", "\r 30%|███ \rdone\n", {"progress": 1}),
        ("2024-01-02 10:11:12,123 - INFO - ready\n", "2024-03-04 11:11:12,456 - INFO - ready\n", {"timings": 1}),
        ("id 6f1c2a3e-0b1d-4c5e-8f90-123456789abc\n", "id 7f1c2a3e-0b1d-4c5e-8f90-123456789abd\n", {"ids": 1}),
    ],
)
def test_noise_in_printed_text_is_named_by_its_kind(a: str, b: str, noise: dict[str, int]) -> None:
    cell = compare(printed(a), printed(b))
    assert cell.kind == "noise only"
    assert cell.noise == noise


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (result(plain="Timestamp('2024-01-02 00:00:00')"), result(plain="Timestamp('2024-01-03 00:00:00')")),
        (result(plain="'5 s'"), result(plain="'6 s'")),
        (printed("2024-01-02 00:00:00    1.0\n"), printed("2024-01-03 00:00:00    1.0\n")),
        (printed("12/12 [=====] - 1s 2ms/step - loss: 0.4312\n"), printed("12/12 [=====] - 1s 3ms/step - loss: 0.4100\n")),
        (printed("100%|███| 50/50 [00:03<00:00, 12.3it/s, loss=0.31]\n"), printed("100%|███| 50/50 [00:03<00:00, 11.3it/s, loss=0.29]\n")),
        (printed("max 3 min 2\n"), printed("max 3 min 1\n")),
        (printed("flags 0xff\n"), printed("flags 0xfe\n")),
    ],
)
def test_what_may_be_data_is_no_noise(a: dict[str, Any], b: dict[str, Any]) -> None:
    output = changed(a, b)
    assert output.text is not None
    assert [line.kind for line in output.text.lines] == ["changed"]


def test_a_form_that_a_result_gained_or_lost_is_a_change() -> None:
    assert changed(result(plain="x"), result(plain="x", html="<b>x</b>")).what == "html"
    assert changed(result(plain="x", html="<b>x</b>"), result(plain="x")).kind == "changed"


def test_a_real_change_beside_noise_shows_the_noise_apart() -> None:
    output = changed(printed("loss 0.5\n<Model at 0x7f0012345678>\n"), printed("loss 0.4\n<Model at 0x7f99aaaabbbb>\n"))
    assert output.text is not None
    assert [line.kind for line in output.text.lines] == ["changed", "noise"]
    assert output.noise == {"addresses": 1}


def test_a_widget_is_noise_and_a_json_result_that_became_text_is_a_change() -> None:
    widget = "application/vnd.jupyter.widget-view+json"
    assert compare(result(**{widget: {"model_id": "a"}}), result(**{widget: {"model_id": "b"}})).noise == {"ids": 1}
    assert changed(result(json={"a": 1}), result(json="{}")).what == "json"


def test_an_output_that_is_new_or_gone_is_told_so() -> None:
    (cell,) = diff_notebooks(notebook(code("f()")), notebook(code("f()", printed("hello")))).cells
    assert [(one.kind, one.a_index, one.b_index) for one in cell.outputs] == [("added", None, 0)]
    (cell,) = diff_notebooks(notebook(code("f()", printed("hello"))), notebook(code("f()"))).cells
    assert [(one.kind, one.a_index, one.b_index) for one in cell.outputs] == [("removed", 0, None)]


def test_a_huge_text_is_compared_without_being_split_line_by_line() -> None:
    a = "".join(f"line {number} 0.{number}\n" for number in range(400_000))
    output = changed(printed(a), printed(a.replace("line 200000 ", "line 200000! ")))
    assert output.text is not None
    assert [(line.a_number, line.b) for line in output.text.lines] == [(200_000, "line 200000! 0.200000")]
    b = a.replace("0.", "1.")
    whole = changed(printed(a), printed(b)).text
    assert whole is not None
    assert whole.whole


def test_the_difference_of_outputs_is_json() -> None:
    diff = diff_notebooks(notebook(code("f()", printed("a\nb\n"))), notebook(code("f()", printed("a\nc\n"))))
    assert json.loads(json.dumps(diff.nbdime)) == diff.nbdime
