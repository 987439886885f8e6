"""What the diff widget is sent: a small plan, and cells drawn from text that was cleaned."""

from __future__ import annotations

import base64
import json
from typing import Any

from nbtrack.diffing import diff_notebooks
from nbtrack.widgets.diff_parts import live_of, make_frame_part, make_part
from nbtrack.widgets.diff_plan import make_plan

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+M8AAAIEAQH7u1fXAAAAAElFTkSuQmCC"
TABLE = "<table><tr><th>class</th><th>precision</th><th>loss</th></tr><tr><th>stay</th><td>{}</td><td>{}</td></tr></table>"


def code(source: str, *outputs: Any, count: int | None = None, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": count, "metadata": metadata, "outputs": list(outputs), "source": source}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def printed(words: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": words}


def shown(**data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {key.replace("_", "/", 1): value for key, value in data.items()}, "metadata": {}}


def compare(a: list[Any], b: list[Any]) -> Any:
    return diff_notebooks({"cells": a}, {"cells": b})


def test_a_plan_grows_with_the_changes_and_not_with_the_notebook() -> None:
    a = [code(f"cell_{number}()", printed("x" * 1000)) for number in range(1000)]
    b = [*a[:500], code("cell_500(1)"), *a[501:]]
    plan = make_plan(compare(a, b))
    assert [item.get("u", item.get("k")) for item in plan["items"]] == [500, "edited", 499]
    assert plan["told"] == "1 edited"
    assert plan["unchanged"] == "999 unchanged"
    assert len(json.dumps(plan)) < 2000


def test_a_fold_is_named_by_the_first_headings_in_it() -> None:
    cells = [text(f"## Part {number}") for number in range(9)]
    (fold, _) = make_plan(compare(cells, [*cells, code("new()")]))["items"]
    assert fold["names"] == [f"Part {number}" for number in range(6)]
    assert fold["more"] is True


def test_noise_is_counted_by_kind_and_cells_with_noise_alone_are_named() -> None:
    plan = make_plan(compare([code("f()", printed("took 1.2 s\n"), count=1)], [code("f()", printed("took 3.4 s\n"), count=2)]))
    assert plan["changed"] is False
    assert plan["told"].startswith("No real change.")
    assert plan["noise"] == [["counts", "Counts", 1], ["timings", "Timings", 1]]
    assert plan["items"][0]["noise"] == {"counts": 1, "timings": 1}


def test_noise_is_drawn_when_its_kind_is_asked_for() -> None:
    (cell,) = compare([code("f()", printed("took 1.2 s\n"), count=1)], [code("f()", printed("took 3.4 s\n"), count=2)]).cells
    quiet = make_part(cell).body
    assert [row[0] for row in quiet["lines"]] == ["="]
    assert make_part(cell, noise=["counts"]).body["notes"] == ["executed as [1], then as [2]"]
    rows = make_part(cell, noise=["timings"]).body["outputs"][0]["lines"]
    assert rows[0][0] == "n"


def test_the_metadata_of_a_cell_and_of_the_notebook_can_be_looked_at() -> None:
    a, b = {"cells": [code("f()", tags=["x"])], "metadata": {"kernel": 1}}, {"cells": [code("f()", tags=["y"])], "metadata": {"kernel": 2}}
    diff = diff_notebooks(a, b)
    plan = make_plan(diff)
    assert plan["items"][0] | {"e": 0} == plan["items"][0] | {"i": -1, "e": 0}
    assert any(row[0] in "~-+" for row in make_part(diff.cells[0], noise=["metadata"]).body["meta"])
    assert "meta" not in make_part(diff.cells[0]).body
    assert any(row[0] in "~-+" for row in make_frame_part(a, b).body["meta"])


def test_marked_words_travel_as_pieces_so_that_no_language_counts_characters() -> None:
    (cell,) = compare([code("name = '😀 one'\nkeep()")], [code("name = '😀 two'\nkeep()")]).cells
    row = make_part(cell).body["lines"][0]
    assert row[0] == "~"
    assert "".join(row[3]) == "name = '😀 one'"
    assert row[3][1] == "one"
    assert row[4][1] == "two"


def test_images_travel_as_bytes_and_an_image_on_one_side_has_a_place_on_the_other() -> None:
    other = base64.b64encode(base64.b64decode(PNG)[:-4] + b"abcd").decode()
    (cell,) = compare([code("p()", shown(image_png=PNG))], [code("p()", shown(image_png=other))]).cells
    part = make_part(cell)
    assert [image["buffer"] for image in part.body["outputs"][0]["images"]] == [0, 1]
    assert part.buffers[0] == base64.b64decode(PNG)
    (cell,) = compare([code("p()")], [code("p()", shown(image_png=PNG))]).cells
    assert make_part(cell).body["outputs"][0]["images"][0] is None


def test_a_table_tells_a_b_and_the_change_judged_by_the_name_of_its_column() -> None:
    a, b = shown(text_html=TABLE.format(0.9, 0.35)), shown(text_html=TABLE.format(0.92, 0.31))
    (cell,) = compare([code("r()", a)], [code("r()", b)]).cells
    table = make_part(cell).body["outputs"][0]["table"]
    assert [name for name, _ in table["heads"]] == ["class", "precision A", "B", "change", "loss A", "B", "change"]
    assert table["rows"][0][3] == ["▲ 0.02", "r better"]
    assert table["rows"][0][6] == ["▼ 0.04", "r better"]


def test_stored_html_travels_only_when_asked_for() -> None:
    one, other = "<p onclick='evil()'>1</p>", "<p onclick='evil()'>2</p>"
    (cell,) = compare([code("h()", shown(text_html=one))], [code("h()", shown(text_html=other))]).cells
    body = make_part(cell).body
    assert body["outputs"][0]["live"] is True
    assert live_of(cell, 0) == (one, other)
    assert live_of(cell, 7) == (None, None)


def test_whatever_a_notebook_holds_can_be_sent() -> None:
    bad = "a\ud800b\x1b[31m\u202e\x00"
    cells = [
        {"cell_type": bad, "source": bad, "id": bad, "metadata": {"x": float("nan")}},
        code(bad, {"output_type": bad}, printed(bad)),
        7,
    ]
    diff = compare(cells, [code(bad + "1", shown(text_html=bad, image_png=bad)), *cells, text(bad)])
    told = json.dumps([make_plan(diff), *(make_part(cell, noise=["metadata", "ids", "counts"], whole=True).body for cell in diff.cells)])
    json.loads(told).__repr__().encode("utf-8")
    assert "\\u202e" not in told
    assert "\\u001b" not in told
    assert "NaN" not in told.replace('\\"x\\": NaN', "")


def test_equal_lines_between_changes_are_sent_when_asked_for() -> None:
    lines = [f"line_{number}()" for number in range(30)]
    (cell,) = compare([code("\n".join(["a()", *lines, "b()"]))], [code("\n".join(["a(1)", *lines, "b(1)"]))]).cells
    assert "g" in [row[0] for row in make_part(cell).body["lines"]]
    assert [row[0] for row in make_part(cell, whole=True).body["lines"]] == ["~", *["="] * 30, "~"]
