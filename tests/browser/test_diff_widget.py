"""The diff widget in JupyterLab: shown, walked through by keys, its noise and images switched, and nothing stored ever comes alive."""

from __future__ import annotations

import base64
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

pytestmark = pytest.mark.browser

ROOT = ".jp-nbtrack-nd"
CURRENT = f"{ROOT}-o.jp-nbtrack-nd-on"
THEMES = ("JupyterLab Light", "JupyterLab Dark")
TABLE = (
    "<table><thead><tr><th>class</th><th>precision</th><th>log_loss</th><th>support</th></tr></thead><tbody>"
    "<tr><td>stay</td><td>{}</td><td>{}</td><td>1035</td></tr><tr><td>churn</td><td>{}</td><td>{}</td><td>374</td></tr></tbody></table>"
)
ATTACKS = [
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "<svg onload='window.hit = 1'></svg>",
    "<svg><script>window.hit = 1</script></svg>",
    "</pre></div><script>window.hit = 1</script>",
    "<iframe srcdoc='<script>parent.hit = 1</script>'></iframe>",
    "<iframe src='javascript:parent.hit = 1'></iframe>",
    "<body onload='window.hit = 1'>",
    "<details open ontoggle='window.hit = 1'><summary>x</summary></details>",
    "<input autofocus onfocus='window.hit = 1'>",
    "<video><source onerror='window.hit = 1'></video>",
    "<math><mtext><script>window.hit = 1</script></mtext></math>",
    "<style>@import 'http://outside.example/x.css'; * {background: url(http://outside.example/y.png)}</style>",
    "<link rel=stylesheet href='http://outside.example/x.css'>",
    "<img src='http://outside.example/pixel.png'>",
    "<meta http-equiv='refresh' content='0;url=http://outside.example/'>",
    "<object data='http://outside.example/x.swf'></object><embed src='http://outside.example/x'>",
    "<base href='http://outside.example/'><img src='x.png'>",
    "<form action='http://outside.example/'><button autofocus>x</button></form><script>document.forms[0].submit()</script>",
    "</title></head></iframe>\"'><script>parent.window.hit = 1; top.hit = 1</script>",
]
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='{0}' height='20' onload='top.hit = 1'><script>top.hit = 1</script>\
<image href='http://outside.example/{0}.png' width='9' height='9'/><rect width='{0}' height='9' fill='red'/></svg>"


def code(source: str, *outputs: Any, count: int | None = None) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": count, "metadata": {}, "outputs": list(outputs), "source": source}


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def printed(words: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": words}


def shown(**data: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {key.replace("_", "/", 1): value for key, value in data.items()}, "metadata": {}}


def curves(rise: float) -> str:
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(5, 1.9), dpi=100)
    axis = figure.subplots()
    for share in (1.0, rise):
        axis.plot([0.5 + share * 0.38 * (1 - math.exp(-step / 15)) for step in range(60)])
    axis.set_xlabel("epoch")
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def write(path: Path, cells: list[Any]) -> None:
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    path.write_text(json.dumps({"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 4}), "utf-8")


def story(new: bool) -> list[Any]:
    """The notebook of the story before and after a day of work."""
    train = "for epoch in range(60):\n    model.partial_fit({0}train, y_train, classes)\n"
    train += "p = model.predict_proba({0}val)[:, 1]\nval_f1 = score(p)"
    table = TABLE.format("0.921", "0.31", "0.832", "0.52") if new else TABLE.format("0.902", "0.35", "0.794", "0.51")
    one = [
        text("# Churn\n\nWho leaves, and when."),
        code("import pandas as pd", count=1),
        text("## Load data"),
        code("frame = pd.read_csv('churn.csv')", printed(f"read in {'0.8' if new else '1.4'} s\n"), count=9 if new else 2),
        code(f"# Parameters\ntest_size = 0.2\nbatch_size = {64 if new else 128}\nlearning_rate = 0.01  # as before\nseed = 7", count=5),
        text("## Split"),
    ]
    if new:
        one.append(
            code("scaler = StandardScaler().fit(X_train)\nZ_train, Z_val = scaler.transform(X_train), scaler.transform(X_val)", count=7)
        )
    one.append(code("# Train\n" + train.format("Z_" if new else "X_"), printed(f"val_f1 {'0.8731' if new else '0.8601'}\n"), count=9))
    one += [text(f"## {name}") for name in ("Importance", "Thresholds")]
    names = code("# Feature names\nnames = list(frame.columns)", count=16)
    one += [*([] if new else [names]), *(code(f"look_at({number})", count=20 + number) for number in range(9)), *([names] if new else [])]
    one.append(code("# Report\nreport(model)", shown(text_html=table), count=26))
    one.append(code("# Curves\nplot_curves(history)", shown(image_png=curves(0.93 if new else 0.9)), count=27))
    if not new:
        one.append(code("# Old grid search\n" + "\n".join(f"search(rate=0.{number})" for number in range(10)), count=30))
    return [*one, *(text(f"## Error analysis {number}\n\nLook at it.") for number in range(18))]


@pytest.fixture
def folder(lab: Any, request: pytest.FixtureRequest) -> Path:
    """A folder of this test alone, with a notebook of one cell that compares old.ipynb and new.ipynb."""
    found = Path(lab.folder / request.node.name)
    found.mkdir()
    cells = [nbformat.v4.new_code_cell("%load_ext nbtrack"), nbformat.v4.new_code_cell("%track diff old.ipynb new.ipynb")]
    cells += [nbformat.v4.new_code_cell("print('below')")]
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), found / "compare.ipynb")
    return found


def show(visit: Any, folder: Path) -> Any:
    """Run the comparison by hand; return the widget."""
    visit.open_notebook(f"{folder.name}/compare.ipynb")
    visit.page.evaluate("localStorage.removeItem('nbtrack:diff')")
    visit.run_by_hand(0, 1)
    visit.run_by_hand(1, 2)
    root = visit.page.locator(ROOT)
    root.locator(f"{ROOT}-dc, {ROOT}-equal").first.wait_for(timeout=30_000)
    return root


def counter(root: Any) -> str:
    return str(root.locator(f"{ROOT}-num.jp-nbtrack-nd-muted").evaluate("node => node.firstChild.textContent"))


def test_a_diff_is_walked_through_by_keys_and_its_parts_are_switched(visit: Any, folder: Path, pictures: Path) -> None:
    write(folder / "old.ipynb", story(False))
    write(folder / "new.ipynb", story(True))
    root = show(visit, folder)
    page = visit.page
    assert root.locator(f"{ROOT}-thin b").inner_text() == "4 edited, 1 added, 1 moved, 1 removed"
    assert counter(root) == "1 of 7"
    root.locator(f"{ROOT}-cur b").click()
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert counter(root) == "3 of 7"
    assert "Train" in root.locator(CURRENT).inner_text()
    page.keyboard.press("p")
    assert "StandardScaler" in root.locator(CURRENT).inner_text()
    assert visit.page.locator(".jp-Notebook .jp-Cell").count() == 3, "a key pressed in the widget is not the notebook's"
    assert root.locator("ins", has_text="64").count() == 1

    for theme in THEMES:
        visit.choose_theme(theme)
        page.wait_for_timeout(400)
        root.screenshot(path=str(pictures / f"diff-{theme.split()[-1].lower()}.png"))
    page.keyboard.press("u")
    root.locator(f"{ROOT}-uni").first.wait_for(timeout=10_000)
    root.screenshot(path=str(pictures / "diff-dark-unified.png"))
    visit.choose_theme(THEMES[0])
    page.keyboard.press("u")

    for _ in range(5):
        page.keyboard.press("n")
    assert counter(root) == "7 of 7"
    page.keyboard.press("p")
    image = root.locator(f"{ROOT}-images")
    root.locator(f"{ROOT}-cur {ROOT}-h", has_text="% of pixels differ").wait_for(timeout=20_000)
    for mode, part in (("two", "img"), ("swipe", "input[type=range]"), ("pixels", "canvas")):
        image.locator(f"button[data-mode={mode}]").click()
        image.locator(part).first.wait_for(timeout=10_000)
        root.screenshot(path=str(pictures / f"diff-light-image-{mode}.png"))
    visit.choose_theme(THEMES[1])
    root.screenshot(path=str(pictures / "diff-dark-image-pixels.png"))
    visit.choose_theme(THEMES[0])

    chip = root.locator(f"{ROOT}-chip", has_text="Timings")
    chip.click()
    assert counter(root) == "7 of 8", "the current change stays the current one"
    root.locator(f"{ROOT}-cells").evaluate("node => { node.scrollTop = 0 }")
    root.locator("del", has_text="1.4").wait_for(timeout=10_000)
    page.wait_for_timeout(300)
    root.screenshot(path=str(pictures / "diff-light-noise.png"))
    chip.click()
    assert counter(root).endswith("of 7")
    root.locator(f"{ROOT}-chip", has_text="Outputs").click()
    assert counter(root).endswith("of 5")
    root.locator(f"{ROOT}-chip", has_text="Outputs").click()

    root.locator(f"{ROOT}-cells").evaluate("node => { node.scrollTop = 0 }")
    root.locator(f"{ROOT}-fold").first.click()
    root.locator(f"{ROOT}-still", has_text="import pandas").wait_for(timeout=10_000)
    page.keyboard.press("e")
    page.wait_for_timeout(500)
    root.screenshot(path=str(pictures / "diff-light-open.png"))
    assert root.locator(f"{ROOT}-fold[aria-expanded=false]").count() == 0

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    root.locator(f"{ROOT}-back").first.click()
    root.locator(f"{ROOT}-toast", has_text="clipboard").wait_for(timeout=10_000)
    assert "batch_size = 128" in page.evaluate("navigator.clipboard.readText()")

    page.set_viewport_size({"width": 860, "height": 1100})
    page.locator(f"{ROOT}-narrow").wait_for(timeout=10_000)
    page.wait_for_timeout(400)
    root.screenshot(path=str(pictures / "diff-light-narrow.png"))
    assert root.locator(f"{ROOT}-pair").count() == 0, "too narrow for two sides"


def test_a_cell_of_this_notebook_is_copied_back_into_its_editor(visit: Any, folder: Path) -> None:
    now = json.loads((folder / "compare.ipynb").read_text("utf-8"))
    before = json.loads(json.dumps(now))
    before["cells"][2]["source"] = "print('above')"
    (folder / "old.ipynb").write_text(json.dumps(before), "utf-8")
    (folder / "compare.ipynb").write_text(json.dumps(now).replace("old.ipynb new.ipynb", "old.ipynb compare.ipynb"), "utf-8")
    root = show(visit, folder)
    root.locator(f"{ROOT}-outline").get_by_text("print('below')").click()
    cell = root.locator(f"{ROOT}-cur")
    cell.locator(f"{ROOT}-back").click()
    root.locator(f"{ROOT}-toast", has_text="takes it back").wait_for(timeout=10_000)
    assert visit.cell(2).locator(".cm-content").inner_text() == "print('above')"


def test_nothing_that_is_stored_comes_alive_or_asks_outside(visit: Any, folder: Path) -> None:
    old, new = [], []
    for number, attack in enumerate(ATTACKS):
        old.append(code(f"a{number} = 1\n{attack}", shown(text_html=f"<p>{number}</p>{attack}"), printed(attack)))
        new.append(code(f"a{number} = 2\n{attack}", shown(text_html=f"<p>{number + 1}</p>{attack}"), printed(attack * 2)))
    new.append(text(f"# {ATTACKS[0]} {ATTACKS[1]}"))
    new.append(code(ATTACKS[0], shown(**{"image_svg+xml": SVG.format(40)})))
    old += [code("same()", shown(text_html=ATTACKS[0])), code("draw()", shown(**{"image_svg+xml": SVG.format(30)}))]
    new += [code("same()", shown(text_html=ATTACKS[0])), code("draw()", shown(**{"image_svg+xml": SVG.format(50)}))]
    name = "<img src=x onerror='window.hit = 1'>.ipynb"
    write(folder / name, old)
    write(folder / "new.ipynb", new)
    compare = json.loads((folder / "compare.ipynb").read_text("utf-8"))
    compare["cells"][1]["source"] = f'import nbtrack\n\nnbtrack.diff("{name}", "new.ipynb")'
    (folder / "compare.ipynb").write_text(json.dumps(compare), "utf-8")
    visit.page.add_init_script("window.hit = 0")
    root = show(visit, folder)
    page = visit.page
    moved: list[str] = []
    page.on("framenavigated", lambda frame: moved.append(frame.url) if frame.url.startswith("http") else None)
    assert root.locator(f"{ROOT}-pick").first.inner_text().endswith(name)
    root.locator(f"{ROOT}-cur b").click()
    page.keyboard.press("e")
    frames = 0
    for _ in range(len(new)):
        for live in root.locator(f"{ROOT}-cur button", has_text="Show as a page").all():
            live.click()
            root.locator(f"{ROOT}-cur iframe").first.wait_for(timeout=10_000)
            frames += 1
        page.keyboard.press("n")
        page.wait_for_timeout(60)
    page.wait_for_timeout(500)
    assert frames >= len(ATTACKS)
    assert moved == [], "no frame went anywhere"
    assert page.evaluate("window.hit") == 0
    assert {one.get_attribute("sandbox") for one in root.locator("iframe").all()} <= {""}
    assert root.locator("script, object, embed, form, link, meta, base").count() == 0
    assert visit.outside == []


def test_a_thousand_cells_are_painted_and_only_those_in_view_are_built(
    visit: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = [code(f"value_{number} = {number}\nuse(value_{number})", printed(f"{number}\n"), count=number + 1) for number in range(1000)]
    new = json.loads(json.dumps(old))
    for number in range(0, 1000, 10):
        new[number]["source"] += "\nmore()"
    write(folder / "old.ipynb", old)
    write(folder / "new.ipynb", new)
    root = show(visit, folder)
    page = visit.page
    page.wait_for_function(f"document.querySelector('{ROOT}').dataset.paintMs")
    painted = root.get_attribute("data-paint-ms")
    with capsys.disabled():
        sys.stdout.write(f"\n1,000 cells, 100 edited: first paint {painted} ms after the widget was handed over\n")
    assert counter(root) == "1 of 100"
    assert root.locator(f"{ROOT}-dc").count() < 40
    root.locator(f"{ROOT}-cur b").click()
    page.keyboard.press("e")
    page.wait_for_timeout(300)
    assert root.locator(f"{ROOT}-dc").count() < 60
    root.locator(f"{ROOT}-cells").evaluate("node => { node.scrollTop = node.scrollHeight / 2 }")
    root.locator(f"{ROOT}-still pre, {ROOT}-still {ROOT}-tx").first.wait_for(timeout=10_000)
