"""The look of every output: one small style sheet and the icons, drawn with JupyterLab's variables.

Outside JupyterLab (VS Code, a plain page, nbviewer) each variable falls back to that program's own or to a plain colour. Every class
starts with ``jp-nbtrack-``; no other literal colour stands here than those of the table of colours.
"""

from __future__ import annotations

from nbtrack.views.markup import Html, element

_LIGHT = """--jp-nbtrack-text:var(--jp-ui-font-color1,var(--vscode-foreground,#212121));
--jp-nbtrack-ground:var(--jp-layout-color1,var(--vscode-editor-background,#fff));
--jp-nbtrack-edge:var(--jp-border-color2,#e0e0e0);--jp-nbtrack-rule:var(--jp-border-color1,#bdbdbd);
--jp-nbtrack-line:#e4e4e4;--jp-nbtrack-hover:rgba(0,0,0,.045);--jp-nbtrack-muted:#5f6368;--jp-nbtrack-better:#1b7335;
--jp-nbtrack-worse:#b3261e;--jp-nbtrack-warn:#8a5000;--jp-nbtrack-warn-mark:#c77700;--jp-nbtrack-warn-bg:#fff5e0;
--jp-nbtrack-link:#1565c0;--jp-nbtrack-ghost:#7b8187;--jp-nbtrack-c1:#1565c0;"""

_DARK = """--jp-nbtrack-text:var(--jp-ui-font-color1,var(--vscode-foreground,#e0e0e0));
--jp-nbtrack-ground:var(--jp-layout-color1,var(--vscode-editor-background,#212121));
--jp-nbtrack-edge:var(--jp-border-color2,#424242);--jp-nbtrack-rule:var(--jp-border-color1,#616161);
--jp-nbtrack-line:#383838;--jp-nbtrack-hover:rgba(255,255,255,.06);--jp-nbtrack-muted:#b3b6ba;--jp-nbtrack-better:#7ccf8a;
--jp-nbtrack-worse:#ff9a91;--jp-nbtrack-warn:#ffbf66;--jp-nbtrack-warn-mark:#ffb74d;--jp-nbtrack-warn-bg:#35290f;
--jp-nbtrack-link:#7cbcf7;--jp-nbtrack-ghost:#8b9197;--jp-nbtrack-c1:#64b5f6;"""

# The dark set stands twice: for pages that say which theme they wear, and for pages that leave it to the system.
_SHEET = (
    ".jp-nbtrack-out{" + _LIGHT + "}\n"
    "@media (prefers-color-scheme:dark){body:not([data-jp-theme-light]):not(.vscode-light) .jp-nbtrack-out{" + _DARK + "}}\n"
    "body[data-jp-theme-light=false] .jp-nbtrack-out,.vscode-dark .jp-nbtrack-out,.vscode-high-contrast:not(.vscode-high-contrast-light) "
    ".jp-nbtrack-out,html[theme=dark] .jp-nbtrack-out{" + _DARK + "}\n"
    """.jp-nbtrack-out,.jp-nbtrack-out *{box-sizing:border-box}
.jp-nbtrack-out{font-family:var(--jp-ui-font-family,var(--vscode-font-family,system-ui,sans-serif));
font-size:var(--jp-ui-font-size1,13px);line-height:18px;color:var(--jp-nbtrack-text);max-width:720px}
.jp-nbtrack-card{border:1px solid var(--jp-nbtrack-edge);border-radius:2px;background:var(--jp-nbtrack-ground)}
.jp-nbtrack-out.jp-nbtrack-wide{max-width:100%;width:fit-content;min-width:min(100%,420px)}
.jp-nbtrack-said{padding:0 var(--jp-code-padding,5px);line-height:var(--jp-code-line-height,1.3)}
.jp-nbtrack-pad{padding:8px 12px 10px}
.jp-nbtrack-row{display:flex;align-items:center;gap:6px;min-height:26px;min-width:0}
.jp-nbtrack-sp{flex:1 1 0}
.jp-nbtrack-ic{width:16px;height:16px;flex:none;fill:none;stroke:currentColor;stroke-width:1.35;stroke-linecap:round;
stroke-linejoin:round;vertical-align:-3px}
.jp-nbtrack-ic.jp-nbtrack-s{width:14px;height:14px;vertical-align:-2px}
.jp-nbtrack-out .jp-nbtrack-muted{color:var(--jp-nbtrack-muted)}.jp-nbtrack-out .jp-nbtrack-better{color:var(--jp-nbtrack-better)}
.jp-nbtrack-out .jp-nbtrack-worse{color:var(--jp-nbtrack-worse)}.jp-nbtrack-out .jp-nbtrack-warn{color:var(--jp-nbtrack-warn)}
.jp-nbtrack-out .jp-nbtrack-link{color:var(--jp-nbtrack-link)}.jp-nbtrack-out .jp-nbtrack-best{font-weight:700}
.jp-nbtrack-out .jp-nbtrack-strong{font-weight:600}
.jp-nbtrack-sm{font-size:11px;line-height:16px}
.jp-nbtrack-out .jp-nbtrack-code:nth-child(n){
font-family:var(--jp-code-font-family,var(--vscode-editor-font-family,ui-monospace,monospace));font-size:11.5px;line-height:16px;color:inherit;background:none;padding:0}
.jp-nbtrack-out bdi{unicode-bidi:isolate}
.jp-nbtrack-out dl.jp-nbtrack-kv{display:grid;grid-template-columns:minmax(0,auto) minmax(0,1fr);column-gap:16px;margin:0;padding:0}
.jp-nbtrack-out .jp-nbtrack-kv dt{float:none;width:auto;padding:0;margin:0;font-weight:400;color:var(--jp-nbtrack-muted);line-height:24px;
white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.jp-nbtrack-out .jp-nbtrack-kv dd{float:none;width:auto;padding:0;margin:0;font-weight:400;line-height:24px;min-width:0;
overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.jp-nbtrack-scroll{overflow-x:auto}
.jp-nbtrack-out table.jp-nbtrack-tbl{border-collapse:collapse;border:0;width:100%;margin:0;table-layout:auto;font-size:12px;
font-variant-numeric:tabular-nums;color:inherit;display:table}
.jp-nbtrack-out .jp-nbtrack-tbl thead{border:0}
.jp-nbtrack-out .jp-nbtrack-tbl tbody tr:nth-child(n){background:none;border:0}
.jp-nbtrack-out .jp-nbtrack-tbl tbody tr:nth-child(n):hover{background:var(--jp-nbtrack-hover)}
.jp-nbtrack-out .jp-nbtrack-tbl tr th:nth-child(n){text-align:left;font-weight:500;color:var(--jp-nbtrack-muted);height:28px;
padding:0 10px;border:0;border-bottom:1px solid var(--jp-nbtrack-rule);white-space:nowrap;background:none;line-height:17px}
.jp-nbtrack-out .jp-nbtrack-tbl tr td:nth-child(n),.jp-nbtrack-out .jp-nbtrack-tbl tbody tr th:nth-child(n){text-align:left;height:26px;
padding:0 10px;border:0;border-bottom:1px solid var(--jp-nbtrack-line);white-space:nowrap;max-width:340px;overflow:hidden;
text-overflow:ellipsis;line-height:17px;vertical-align:middle}
.jp-nbtrack-out .jp-nbtrack-tbl tbody tr th:nth-child(n){color:inherit;font-weight:400}
.jp-nbtrack-out .jp-nbtrack-tbl tr .jp-nbtrack-r:nth-child(n){text-align:right}
.jp-nbtrack-out .jp-nbtrack-tbl thead tr .jp-nbtrack-sorted:nth-child(n){color:var(--jp-nbtrack-text)}
.jp-nbtrack-out .jp-nbtrack-tbl tr .jp-nbtrack-wrap:nth-child(n){white-space:normal;padding:4px 10px;max-width:none;width:100%}
.jp-nbtrack-out .jp-nbtrack-plain:nth-child(n) tbody tr:last-child>:nth-child(n){border-bottom:0}
.jp-nbtrack-out .jp-nbtrack-bare thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.jp-nbtrack-foot{display:flex;align-items:center;min-height:28px;padding:0 10px;color:var(--jp-nbtrack-muted);font-size:11px;
line-height:16px}
"""
)

CARD_SHEET = """.jp-nbtrack-hero{padding:8px 12px 10px}
.jp-nbtrack-title{font-size:15px;line-height:20px;font-weight:600;margin:2px 0;overflow-wrap:anywhere}
.jp-nbtrack-title .jp-nbtrack-muted{font-weight:400}
.jp-nbtrack-sec{border-top:1px solid var(--jp-nbtrack-line)}
.jp-nbtrack-out .jp-nbtrack-t:nth-child(n){display:flex;align-items:center;gap:6px;min-height:28px;margin:0;padding:0 12px;font-size:12px;
line-height:17px;font-weight:600;color:inherit}
.jp-nbtrack-out .jp-nbtrack-t .jp-nbtrack-n{font-weight:400;font-size:11px;color:var(--jp-nbtrack-muted)}
.jp-nbtrack-out summary.jp-nbtrack-t{cursor:pointer;list-style:none}
.jp-nbtrack-out summary.jp-nbtrack-t::-webkit-details-marker{display:none}
.jp-nbtrack-out summary.jp-nbtrack-t::before{content:'';width:5px;height:5px;border:solid currentColor;border-width:0 1.35px 1.35px 0;
transform:rotate(-45deg);margin:0 4px 0 2px;flex:none}
.jp-nbtrack-out details[open]>summary.jp-nbtrack-t::before{transform:rotate(45deg)}
.jp-nbtrack-out summary:focus-visible{outline:2px solid var(--jp-nbtrack-link);outline-offset:-2px}
.jp-nbtrack-bd{padding:0 12px 8px}
.jp-nbtrack-bd .jp-nbtrack-tbl tr>:nth-child(n):first-child{padding-left:0}
.jp-nbtrack-bd .jp-nbtrack-tbl tr>:nth-child(n):last-child{padding-right:0}
.jp-nbtrack-big{font-size:22px;line-height:28px;font-weight:600;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.jp-nbtrack-note{border-left:2px solid var(--jp-nbtrack-line);padding:0 0 0 8px;margin:0 0 6px;white-space:pre-wrap;
overflow-wrap:anywhere}
.jp-nbtrack-ref{font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:11px;color:var(--jp-nbtrack-link)}
.jp-nbtrack-bad{display:flex;gap:6px;margin:6px 0 0;color:var(--jp-nbtrack-worse);overflow-wrap:anywhere}
"""

CHART_SHEET = """.jp-nbtrack-chart{display:block;max-width:100%;height:auto;overflow:visible}
.jp-nbtrack-out .jp-nbtrack-chart path{fill:none;stroke:var(--jp-nbtrack-c1);stroke-width:1.6}
.jp-nbtrack-out .jp-nbtrack-chart path.jp-nbtrack-behind{stroke:var(--jp-nbtrack-ghost);stroke-width:1.2}
.jp-nbtrack-chart circle{fill:var(--jp-nbtrack-c1)}
.jp-nbtrack-chart line{stroke:var(--jp-nbtrack-line)}.jp-nbtrack-chart line.jp-nbtrack-ax{stroke:var(--jp-nbtrack-rule)}
.jp-nbtrack-chart line.jp-nbtrack-at{stroke:var(--jp-nbtrack-c1);stroke-dasharray:2 2}
.jp-nbtrack-chart text{font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:10.5px;fill:var(--jp-nbtrack-muted);
font-variant-numeric:tabular-nums}
.jp-nbtrack-chart text.jp-nbtrack-h{fill:var(--jp-nbtrack-text);font-weight:500}
.jp-nbtrack-out .jp-nbtrack-key{display:inline-block;width:9px;height:0;border-top:2px solid var(--jp-nbtrack-c1);vertical-align:3px;
margin-right:4px}
.jp-nbtrack-out .jp-nbtrack-key.jp-nbtrack-behind{border-top-color:var(--jp-nbtrack-ghost);margin-left:10px}
.jp-nbtrack-tbl .jp-nbtrack-chart{display:inline-block;vertical-align:middle}
.jp-nbtrack-out .jp-nbtrack-tbl .jp-nbtrack-chart path{stroke-width:1.3}
"""

_ICONS = {
    "nbtrack": '<circle cx="3.2" cy="12" r="1.7"/><circle cx="8" cy="8.2" r="1.7"/><circle cx="12.8" cy="3.6" r="1.7"/>'
    '<path d="M4.6 10.9 6.6 9.3M9.2 7 11.6 4.9M3 15h10"/>',
    "running": '<circle cx="8" cy="8" r="3.6" fill="currentColor" stroke="none"/>',
    "failed": '<circle cx="8" cy="8" r="6"/><path d="m5.8 5.8 4.4 4.4M10.2 5.8l-4.4 4.4"/>',
    "killed": '<path d="M8 2.6 14 13H2z"/>',
    "code": '<path d="M5.5 4 2 8l3.5 4M10.5 4 14 8l-3.5 4"/>',
    "text": '<path d="M3 4h10M3 8h10M3 12h6"/>',
    "output": '<path d="M2.5 4h.1M2.5 8h.1M2.5 12h.1M5.5 4h8M5.5 8h8M5.5 12h8"/>',
    "error": '<circle cx="8" cy="8" r="6"/><path d="m5.8 5.8 4.4 4.4M10.2 5.8l-4.4 4.4"/>',
    "note": '<path d="M3 2.5h10v7L9.5 13.5H3zM13 9.5H9.5v4M5.5 5.5h5M5.5 8h3"/>',
    "notebook": '<path d="M4 2.5h9v11H4zM6.5 2.5v11M2.5 5h3M2.5 8h3M2.5 11h3"/>',
    "warn": '<path d="M8 2 14.5 13.5h-13zM8 6.3v3.4M8 11.6v.1"/>',
}


def icon(name: str, *, title: str = "", small: bool = True) -> Html:
    """Draw an icon; with a title it is an image that is read aloud, without one it is decoration."""
    body = Html(_ICONS[name])
    classes = "ic s" if small else "ic"
    if title:
        body = Html(element("title", title) + body)
        return element("svg", body, cls=classes, viewBox="0 0 16 16", role="img", aria_label=title)
    return element("svg", body, cls=classes, viewBox="0 0 16 16", aria_hidden="true")


def page(*children: object, cls: str = "card", more: str = "", label: str = "nbtrack") -> Html:
    """Wrap one output: its style sheet and one root element that reads as a region with a name."""
    sheet = Html("<style>" + (_SHEET + more).replace("\n", "") + "</style>")
    return element("div", sheet, *children, cls=f"out {cls}".strip(), role="region", aria_label=label)
