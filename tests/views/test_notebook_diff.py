"""A notebook diff drawn: unified text for terminals, and a page in which nothing that a notebook stores comes alive."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from nbtrack.diffing import diff_notebooks
from nbtrack.views.notebook_diff import NotebookDiffView

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+M8AAAIEAQH7u1fXAAAAAElFTkSuQmCC"
EVIL = "</pre></div><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e\"'"
TABLE = "<table><tr><th>class</th><th>precision</th><th>loss</th></tr><tr><th>stay</th><td>{}</td><td>{}</td></tr></table>"


def code(source: str, *outputs: Any, count: int | None = None) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": count, "metadata": {}, "outputs": list(outputs), "source": source}


def printed(words: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": words}


def shown(**data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {key.replace("_", "/", 1): value for key, value in data.items()}, "metadata": {}}


def view(a: list[Any], b: list[Any], **options: Any) -> NotebookDiffView:
    return NotebookDiffView(diff_notebooks({"cells": a}, {"cells": b}), "old.ipynb", "new.ipynb", **options)


class Page(HTMLParser):
    """Reads a page: its elements, its text, and whether all is closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "img", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def is_harmless(page: Page) -> bool:
    """Tell whether a page holds nothing that runs or loads."""
    allowed = {"href": "#", "src": "data:image/"}
    for tag, attributes in page.elements:
        if tag in {"script", "iframe", "object", "embed", "link", "form", "base", "svg"}:
            return False
        for name, value in attributes.items():
            if name.startswith("on") or (name in allowed and not (value or "").startswith(allowed[name])):
                return False
    return True


def test_an_edit_reads_like_a_diff_of_code() -> None:
    lines = "\n".join(f"line_{number} = {number}" for number in range(12))
    text = view([code(lines, count=5), code("rest()")], [code(lines.replace("= 6", "= 60"), count=5), code("rest()")]).to_text(80)
    assert text.splitlines() == [
        "old.ipynb → new.ipynb",
        "1 edited · 1 unchanged",
        "",
        "± [5] line_0 = 0  code",
        "    ⋯ 3 equal lines",
        "      line_3 = 3",
        "      line_4 = 4",
        "      line_5 = 5",
        "    - line_6 = 6",
        "    + line_6 = 60",
        "               ^^",
        "      line_7 = 7",
        "      line_8 = 8",
        "      line_9 = 9",
        "    ⋯ 2 equal lines",
        "",
        "  1 unchanged cell",
    ]


def test_colour_marks_the_words_and_ends_in_every_line() -> None:
    text = view([code("a = 1")], [code("a = 2")]).to_text(80, colour=True)
    assert "\x1b[31m    - a = \x1b[31;7m1\x1b[0;31m\x1b[0m" in text
    for line in text.splitlines():
        assert line.count("\x1b[0") >= ("\x1b[3" in line)
    assert "\x1b" not in view([code("a = 1")], [code("a = 2")]).to_text(80)


def test_added_removed_and_moved_cells_are_told_with_signs_and_words() -> None:
    a = [code("gone()"), code("first = load('a')"), code("second = load('b')"), code("third = load('c')")]
    b = [code("second = load('b')", count=2), code("third = load('c')"), code("first = load('a')"), code("new()", count=4)]
    text = view(a, b).to_text(80)
    assert "− gone()  code, only in A\n    - gone()" in text
    assert "+ [4] new()  code, added in B\n    + new()" in text
    assert "↕ first = load('a')  moved down by 2, text the same" in text


def test_a_table_and_an_image_are_told_in_figures() -> None:
    a = [code("report()", shown(text_html=TABLE.format("0.902", "0.5"))), code("plot()", shown(image_png=PNG))]
    b = [code("report()", shown(text_html=TABLE.format("0.921", "0.4"))), code("plot()", shown(image_png=PNG[:-8] + "AAAAAAAA"))]
    text = view(a, b).to_text(100)
    assert "output only: table, 2 of 2 numbers moved" in text
    assert "stay: precision 0.902 → 0.921 (▲ 0.019), loss 0.5 → 0.4 (▼ 0.1)" in text
    assert re.search(rf"{len(base64.b64decode(PNG))} B sha256 [0-9a-f]{{12}} → \d+ B sha256 [0-9a-f]{{12}}", text)
    html = view(a, b).to_html()
    assert 'jp-nbtrack-better">▲ 0.019' in html
    assert 'jp-nbtrack-better">▼ 0.1' in html, "a lower loss is better"


def test_outputs_can_be_left_out_and_noise_shown() -> None:
    a, b = [code("f()", printed("1\nWall time: 1 s\n"), count=1)], [code("f()", printed("2\nWall time: 3 s\n"), count=2)]
    assert view(a, b, outputs=False).to_text(80).splitlines()[1:] == [
        "1 edited · 0 unchanged (1 cell by outputs, not shown)",
        "hidden as noise: 1 count and 1 timing",
    ]
    assert "hidden as noise: 1 count and 1 timing" in view(a, b).to_text(80)
    assert "    ~ Wall time: 3 s" in view(a, b, noise=True).to_text(80)


def test_no_real_change_is_said_plainly_in_both_faces() -> None:
    one = view([code("f()", count=1)], [code("f()", count=2)])
    assert one.to_text(80).splitlines() == ["old.ipynb → new.ipynb", "No real change. 1 count differs."]
    assert "No real change. 1 count differs." in Page(one.to_document()).text


@pytest.mark.parametrize("whole", [True, False])
def test_nothing_that_a_notebook_stores_comes_alive_in_a_page(whole: bool) -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script></svg>'
    many = [
        {"cell_type": "markdown", "metadata": {}, "source": EVIL},
        {"cell_type": EVIL, "metadata": {}, "source": f"# {EVIL}", "id": EVIL},
    ]
    a = [*many, code("keep()"), code("x", shown(text_html=EVIL)), code("y", shown(**{"image_svg+xml": svg})), code("z", printed(EVIL))]
    b = [*many, code(EVIL), code("keep()"), code("x", shown(text_html=EVIL * 2)), code("y", shown(**{"image_svg+xml": svg * 2}))]
    b += [code("z", printed(EVIL + "2")), code("t", shown(text_html=TABLE.format(EVIL, EVIL))), code("p", shown(image_png=EVIL))]
    diff = diff_notebooks({"cells": a}, {"cells": b})
    drawn = NotebookDiffView(diff, EVIL, EVIL)
    html = drawn.to_document() if whole else drawn.to_html()
    page = Page(html)
    assert is_harmless(page)
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "alert(1)" in page.text, "what is stored is shown as text"
    assert "\x1b" not in drawn.to_text(80)


def test_a_page_forbids_scripts_and_the_network_and_embeds_its_images() -> None:
    page = Page(view([code("plot()", shown(image_png=PNG))], [code("plot()", shown(image_png=PNG[:-8] + "AAAAAAAA"))]).to_document())
    (policy,) = [one["content"] for tag, one in page.elements if tag == "meta" and one.get("http-equiv")]
    assert "default-src 'none'" in str(policy)
    sources = [str(one["src"]) for tag, one in page.elements if tag == "img"]
    assert len(sources) == 2
    assert base64.b64decode(sources[0].partition(",")[2]) == base64.b64decode(PNG)


def test_a_whole_page_holds_the_text_of_unchanged_cells_and_a_piece_does_not() -> None:
    one = view([code("the_unchanged_cell()"), code("a = 1")], [code("the_unchanged_cell()"), code("a = 2")])
    assert "the_unchanged_cell()" in one.to_document()
    assert "the_unchanged_cell()" not in one.to_html()


def test_every_change_is_in_the_outline_and_can_be_reached() -> None:
    a, b = [code(f"value_{number} = 1") for number in range(9)], [code(f"value_{number} = {number % 2}") for number in range(9)]
    page = Page(view(a, b).to_document())
    targets = [str(one["href"])[1:] for tag, one in page.elements if tag == "a"]
    places = [one["id"] for tag, one in page.elements if tag == "section"]
    assert targets == places
    assert len(places) == 5


def test_a_page_is_the_same_each_time() -> None:
    one = view([code("a = 1")], [code("a = 2")])
    assert one.to_document() == one.to_document()


def test_a_very_long_text_is_drawn_in_bounds() -> None:
    a = [code("f()", printed("".join(f"{number}\n" for number in range(60_000))))]
    b = [code("f()", printed("".join(f"{number}x\n" for number in range(60_000)))), code("y" * 100_000)]
    assert len(view(a, b).to_text(100)) < 1_000_000
    assert len(view(a, b).to_document()) < 3_000_000
