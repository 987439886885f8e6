"""What a cell shows: cut as it comes, in order, without holding anything of the user's."""

from __future__ import annotations

import base64
import gc
import weakref
from typing import Any

from nbtrack.capture.outputs import MOST_ITEMS, KeptOutput, Outputs

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def collector(text_chars: int = 20_000, image_bytes: int = 4_000_000) -> Outputs:
    return Outputs(text_chars=text_chars, image_bytes=image_bytes)


def seen(outputs: Outputs) -> list[tuple[str, str, bytes | None]]:
    return [(one.kind, one.mime, one.body) for one in outputs.close()]


def test_streams_and_displays_come_in_order() -> None:
    outputs = collector()
    outputs.write_out("a\n")
    outputs.write_err("e\n")
    outputs.write_out("b\n")
    outputs.show({"text/plain": "shown"})
    outputs.write_out("c\n")
    outputs.give({"text/plain": "7"})
    assert seen(outputs) == [
        ("stdout", "text/plain", b"a\nb\n"),
        ("stderr", "text/plain", b"e\n"),
        ("display", "text/plain", b"shown"),
        ("stdout", "text/plain", b"c\n"),
        ("result", "text/plain", b"7"),
    ]


def test_images_are_decoded_and_stand_before_their_text() -> None:
    outputs = collector()
    outputs.show({"text/plain": "<Figure>", "image/png": base64.b64encode(PNG).decode()})
    outputs.show({"text/plain": "<Figure>", "image/jpeg": PNG})
    assert seen(outputs) == [
        ("display", "image/png", PNG),
        ("display", "text/plain", b"<Figure>"),
        ("display", "image/jpeg", PNG),
        ("display", "text/plain", b"<Figure>"),
    ]


def test_base64_with_line_ends_is_decoded() -> None:
    outputs = collector()
    outputs.show({"image/png": base64.encodebytes(PNG).decode()})
    assert seen(outputs) == [("display", "image/png", PNG)]


def test_an_image_above_the_limit_is_counted_not_kept() -> None:
    outputs = collector(image_bytes=100)
    outputs.show({"image/png": base64.b64encode(PNG).decode(), "text/plain": "<Figure>"})
    outputs.show({"image/png": PNG})
    first, _, second = outputs.close()
    assert (first.body, first.truncated) == (None, True)
    assert abs(first.size - len(PNG)) <= 2
    assert second == KeptOutput("display", "image/png", len(PNG), None, truncated=True)


def test_what_is_no_base64_is_counted_not_kept() -> None:
    outputs = collector()
    outputs.show({"image/png": "no base64 at all!"})
    assert [(one.body, one.truncated) for one in outputs.close()] == [(None, True)]


def test_plain_text_is_cut_and_html_is_kept_whole_or_not_at_all() -> None:
    outputs = collector(text_chars=100)
    outputs.show({"text/plain": "x" * 5_000, "text/html": "<b>" * 100})
    outputs.show({"text/html": "<b>" * 1_000})
    html, text, too_long = outputs.close()
    assert (html.body, html.truncated) == (b"<b>" * 100, False)
    assert text.truncated
    assert text.body is not None
    assert len(text.body) < 200
    assert (too_long.body, too_long.size, too_long.truncated) == (None, 3_000, True)


def test_plotly_and_json_become_text() -> None:
    outputs = collector()
    outputs.show({"application/vnd.plotly.v1+json": {"data": [1, 2.5, None], "é": True}})
    assert seen(outputs) == [("display", "application/vnd.plotly.v1+json", '{"data":[1,2.5,null],"é":true}'.encode())]


def test_json_above_the_limit_stops_early() -> None:
    outputs = collector(text_chars=10)
    outputs.show({"application/json": {"rows": list(range(100_000))}})
    (one,) = outputs.close()
    assert (one.body, one.truncated) == (None, True)


def test_json_that_is_none_is_left_out() -> None:
    circle: list[Any] = []
    circle.append(circle)
    outputs = collector()
    outputs.show({"application/json": circle, "application/geo+json": object(), "text/plain": "x"})
    assert seen(outputs) == [("display", "text/plain", b"x")]


def test_an_update_takes_the_place_of_the_display_it_names() -> None:
    outputs = collector()
    outputs.show({"text/plain": "0 %"}, "bar")
    outputs.write_out("below\n")
    for number in range(1_000):
        outputs.show({"text/plain": f"{number} %"}, "bar", update=True)
    kept = outputs.close()
    assert [(one.body, one.display_id) for one in kept] == [(b"999 %", "bar"), (b"below\n", None)]


def test_an_update_of_another_cells_display_is_shown_here_once() -> None:
    outputs = collector()
    outputs.show({"text/plain": "1"}, "elsewhere", update=True)
    outputs.show({"text/plain": "2"}, "elsewhere", update=True)
    assert [one.body for one in outputs.close()] == [b"2"]


def test_clear_forgets_what_was_shown() -> None:
    outputs = collector()
    outputs.write_out("old\n")
    outputs.show({"text/plain": "old"})
    outputs.clear()
    outputs.write_out("new\n")
    assert seen(outputs) == [("stdout", "text/plain", b"new\n")]


def test_clear_that_waits_clears_when_something_new_comes() -> None:
    outputs = collector()
    outputs.write_out("old\n")
    outputs.clear(wait=True)
    outputs.write_out("new\n")
    outputs.write_out("more\n")
    assert seen(outputs) == [("stdout", "text/plain", b"new\nmore\n")]


def test_clear_that_waits_for_nothing_clears_nothing() -> None:
    outputs = collector()
    outputs.write_out("old\n")
    outputs.clear(wait=True)
    assert seen(outputs) == [("stdout", "text/plain", b"old\n")]


def test_thousands_of_displays_keep_the_first_and_the_last() -> None:
    outputs = collector()
    for number in range(10_000):
        outputs.show({"text/plain": str(number)})
    bodies = [one.body for one in outputs.close()]
    assert len(bodies) == MOST_ITEMS + 1
    assert (bodies[0], bodies[-1]) == (b"0", b"9999")
    assert f"… {10_000 - MOST_ITEMS:,} outputs cut …".encode() in bodies


def test_what_comes_after_the_end_is_left_alone() -> None:
    outputs = collector()
    outputs.write_out("in time\n")
    kept = outputs.close()
    outputs.write_out("late\n")
    outputs.show({"text/plain": "late"})
    assert [one.body for one in kept] == [b"in time\n"]


def test_muted_streams_are_not_heard() -> None:
    outputs = collector()
    outputs.mute()
    outputs.write_out("Out[1]: 7\n")
    outputs.unmute()
    outputs.write_out("heard\n")
    assert seen(outputs) == [("stdout", "text/plain", b"heard\n")]


def test_lone_surrogates_do_not_stop_the_record() -> None:
    outputs = collector()
    outputs.write_out("\udce4")
    assert [one.body for one in outputs.close()] == [b"\xed\xb3\xa4"]


class Hostile:
    """Raises at every touch."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"{name} was touched")

    __repr__ = __str__ = __len__ = __bool__ = __hash__ = __eq__ = __iter__ = __getattribute__  # type: ignore[assignment]


def test_unknown_objects_are_neither_touched_nor_kept() -> None:
    class Marked(str):
        pass

    text, outputs = Marked("printed"), collector()
    left = weakref.ref(text)
    outputs.write_out(text)
    outputs.write_out(Hostile())  # type: ignore[arg-type]
    outputs.show({"text/plain": Hostile(), "image/png": Hostile(), "x-custom": Hostile(), 3: "three"})
    outputs.show(Hostile())
    outputs.give({"text/plain": text})
    del text
    gc.collect()
    assert left() is None
    assert seen(outputs) == [("stdout", "text/plain", b"printed")]
