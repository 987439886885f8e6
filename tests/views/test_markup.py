"""HTML is put together safely, whatever people call their things."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nbtrack.views.markup import Html, clean, element, escape, running_text, shorten


def test_text_is_escaped_and_html_is_not_escaped_twice() -> None:
    assert element("b", "<i>&", Html("<br>"), title='say "hi"') == '<b title="say &quot;hi&quot;">&lt;i&gt;&amp;<br></b>'


def test_classes_get_their_prefix_and_empty_attributes_vanish() -> None:
    assert (
        element("td", 3, cls="r muted", title=None, aria_hidden="true")
        == '<td class="jp-nbtrack-r jp-nbtrack-muted" aria-hidden="true">3</td>'
    )


def test_control_and_direction_characters_are_made_harmless() -> None:
    assert clean("a\x1b[31mb\x00c\u202ed\ud800e\nf\tg") == "a\ufffd[31mb\ufffdc\ufffdd\ufffde f g"
    assert clean("a\r\nb\tc", lines=True) == "a\nb    c"
    assert clean("مرحبا 😀 family 👨‍👩‍👧") == "مرحبا 😀 family 👨‍👩‍👧"


def test_long_text_keeps_its_ending() -> None:
    cut = shorten("a" * 10_000 + "END", 90)
    assert len(cut) == 90
    assert cut.endswith("END")
    assert len(escape("x" * 10_000)) < 200


def test_running_text_keeps_its_line_ends() -> None:
    assert running_text("<a>\nb", 100) == "&lt;a&gt;\nb"


@given(text=st.text())
def test_any_text_survives_as_text_and_nothing_else(read_page: Any, text: str) -> None:
    page = read_page(element("div", element("span", text, title=text)))
    assert [tag for tag, _ in page.elements] == ["div", "span"]
    assert page.text == shorten(clean(text))


@given(st.text(st.characters(), max_size=60))
def test_any_surrogate_can_be_encoded_afterwards(text: str) -> None:
    clean(text + "\udfff").encode("utf-8")
