"""What goes in comes out: any notebook-like document, however malformed, packed into the store and put together again."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import canonical, code, notebook, printed, text
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.errors import BadNotebook
from nbtrack.notebooks import forms
from nbtrack.notebooks.packing import Redaction, cell_lists, pack_document
from nbtrack.notebooks.take import Cause

words = st.text(st.characters(), max_size=12)
lines = st.lists(st.sampled_from(["a = 1\n", "b", "\n", "x\x0by", "\u2028", "é\r\n", "\ud800", "tail"]), max_size=4)
sources = words | lines | st.lists(words, max_size=3) | st.none() | st.integers()
odd = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | words
values = st.recursive(odd, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=6)
images = st.binary(min_size=40, max_size=200).map(lambda body: base64.b64encode(body).decode())
wrapped = st.binary(min_size=60, max_size=200).map(lambda body: base64.encodebytes(body).decode())
bundles = st.dictionaries(
    st.sampled_from(
        ["text/plain", "text/html", "image/png", "image/svg+xml", "application/json", "application/pdf", "application/x.y+json"]
    ),
    sources | images | wrapped | wrapped.map(lambda one: one.splitlines(True)) | values,
    max_size=3,
)
outputs = st.one_of(
    st.fixed_dictionaries({"output_type": st.just("stream"), "name": st.just("stdout"), "text": sources}),
    st.fixed_dictionaries({"output_type": st.just("display_data"), "data": bundles | odd, "metadata": values}),
    st.fixed_dictionaries({"output_type": st.just("execute_result"), "data": bundles, "execution_count": odd, "metadata": st.just({})}),
    st.fixed_dictionaries({"output_type": st.just("pyout"), "png": images | sources, "text": sources, "prompt_number": odd}),
    st.fixed_dictionaries({"output_type": st.just("error"), "ename": words, "evalue": words, "traceback": st.lists(words, max_size=2)}),
    values,
)
cells = st.one_of(
    st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["code", "markdown", "raw", "heading", 7])},
        optional={
            "id": words | st.integers(), "metadata": values, "source": sources, "input": sources, "execution_count": odd,
            "prompt_number": odd, "outputs": st.lists(outputs, max_size=3) | odd, "level": odd,
            "attachments": st.dictionaries(words, bundles | odd, max_size=2) | odd,
        },
    ),
    values,
)  # fmt: skip
sheets = st.fixed_dictionaries({"cells": st.lists(cells, max_size=3)}, optional={"metadata": values})
documents = st.one_of(
    st.fixed_dictionaries(
        {"cells": st.lists(cells, max_size=5) | odd}, optional={"metadata": values, "nbformat": odd, "nbformat_minor": odd}
    ),
    st.fixed_dictionaries(
        {
            "worksheets": st.lists(
                st.fixed_dictionaries({"cells": st.lists(cells, max_size=3)}, optional={"metadata": values}) | odd, max_size=3
            )
        },
        optional={"nbformat": st.just(3), "metadata": values},
    ),
    st.dictionaries(words, values, max_size=3),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=st.lists(documents, min_size=1, max_size=3))
def test_every_document_comes_back_as_it_was(plain_desk: Any, some: list[dict[str, Any]]) -> None:
    desk = plain_desk
    for document in some:
        kept = json.loads(json.dumps(document))
        before = canonical(kept)
        desk.taker.take_document(desk.folder / "any.ipynb", kept, Cause("manual", "one of many"))
        assert canonical(kept) == before, "what is handed in is not changed"
        newest = desk.taken("any.ipynb")[0]
        assert canonical(desk.document(newest)) == before


def test_every_real_notebook_comes_back_as_it_was(make_desk: Callable[..., Any], real_notebooks: list[Path]) -> None:
    desk = make_desk(capture_redact=False)
    for path in real_notebooks:
        desk.taker.take_file(path)
    found = {one.notebook: one for one in desk.taken(None)}
    assert len(found) == len(real_notebooks)
    for path in real_notebooks:
        assert canonical(desk.document(found[str(path.resolve())])) == canonical(json.loads(path.read_bytes())), path.name


def test_a_text_and_the_list_of_its_lines_are_one_body() -> None:
    one = pack_document(notebook(code("a\nb", printed("x\ny\n"))), Redaction())
    other = pack_document(notebook({**code("", {**printed(""), "text": ["x\n", "y\n"]}), "source": ["a\n", "b"]}), Redaction())
    assert one.manifest == other.manifest
    assert (one.forms, other.forms) == ("s", "l")


def test_execution_counts_stand_apart_from_the_cells() -> None:
    result = {"output_type": "execute_result", "data": {"text/plain": "3"}, "metadata": {}, "execution_count": 4}
    one = pack_document(notebook(code("1 + 2", result, count=4)), Redaction())
    other = pack_document(notebook(code("1 + 2", {**result, "execution_count": 9}, count=9)), Redaction())
    assert one.manifest.cells == other.manifest.cells
    assert (one.manifest.counts, other.manifest.counts) == (([4, 4],), ([9, 9],))


def test_equal_images_are_one_body_however_they_are_written() -> None:
    body = bytes(range(200))
    plain, folded = base64.b64encode(body).decode(), base64.encodebytes(body).decode()
    shown = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": one}} for one in (plain, f"{plain}\n", folded)]
    packed = pack_document(notebook(code("", *shown)), Redaction())
    assert body in packed.fresh.values()
    assert sum(len(one) > 150 for one in packed.fresh.values()) == 1


def test_base64_that_would_not_come_back_the_same_stays_as_it_is() -> None:
    odd_one = "QUJD" * 30 + "!"
    assert forms.decode_image("image/png", odd_one) is None
    assert forms.decode_image("image/svg+xml", base64.b64encode(bytes(100)).decode()) is None
    assert forms.decode_image("application/vnd.plotly.v1+json", base64.b64encode(bytes(100)).decode()) is None


def test_what_was_packed_before_is_not_packed_again() -> None:
    document = notebook(text("# Title"), code("a = 1", printed("1\n")), code("b = 2", printed("2\n")))
    first = pack_document(document, Redaction())
    again = pack_document(document, Redaction(), first.memory)
    assert not again.fresh
    assert again.manifest == first.manifest
    changed = notebook(*document["cells"][:2], code("b = 3", printed("2\n")))
    assert list(pack_document(changed, Redaction(), again.memory).fresh.values()) == [b"b = 3"]


def test_a_document_of_nbformats_own_classes_is_packed_like_a_plain_one() -> None:
    import nbformat

    plain = notebook(code("a = 1", id="x"))
    assert pack_document(nbformat.from_dict(plain), Redaction()).manifest == pack_document(plain, Redaction()).manifest


def test_what_has_no_json_form_is_refused_with_a_reason() -> None:
    with pytest.raises(BadNotebook, match="cannot be written as JSON"):
        pack_document({"cells": [{"source": {1, 2}}]}, Redaction())
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(BadNotebook):
        pack_document({"cells": [deep]}, Redaction())


def test_cells_of_format_3_are_found_in_their_worksheets() -> None:
    document = {"worksheets": [{"cells": [1, 2]}, {"metadata": {}}, {"cells": [3]}], "nbformat": 3}
    assert cell_lists(document) == [(("worksheets", 0, "cells"), [1, 2]), (("worksheets", 2, "cells"), [3])]
