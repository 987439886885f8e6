"""The look of a notebook diff, beside the look that every output has. Colours of added and removed text pass on both grounds."""

_LIGHT = """--jp-nbtrack-sunken:#f7f7f7;--jp-nbtrack-selected:#e3f2fd;
--jp-nbtrack-add:#e8f5ea;--jp-nbtrack-add-word:#b4e3bd;--jp-nbtrack-del:#fdecea;
--jp-nbtrack-del-word:#f8c3bd;"""
_DARK = """--jp-nbtrack-sunken:#1a1a1a;--jp-nbtrack-selected:#1d3a55;
--jp-nbtrack-add:#17301d;--jp-nbtrack-add-word:#2b5c37;--jp-nbtrack-del:#381d1b;
--jp-nbtrack-del-word:#702f2a;"""

DIFF_SHEET = (
    ".jp-nbtrack-out{" + _LIGHT + "}\n"
    "@media (prefers-color-scheme:dark){body:not([data-jp-theme-light]):not(.vscode-light) .jp-nbtrack-out{" + _DARK + "}}\n"
    "body[data-jp-theme-light=false] .jp-nbtrack-out,.vscode-dark .jp-nbtrack-out,html[theme=dark] .jp-nbtrack-out{" + _DARK + "}\n"
    """.jp-nbtrack-out.jp-nbtrack-wide{width:auto}
.jp-nbtrack-diff{position:relative}
.jp-nbtrack-tbar{display:flex;align-items:center;flex-wrap:wrap;gap:8px;min-height:40px;padding:4px 12px}
.jp-nbtrack-tbar.jp-nbtrack-thin{min-height:34px;background:var(--jp-nbtrack-sunken);border:solid var(--jp-nbtrack-line);border-width:1px 0}
.jp-nbtrack-out b{font-weight:600}
.jp-nbtrack-chip{border:1px solid var(--jp-nbtrack-line);border-radius:2px;padding:0 6px;font-size:11px;line-height:20px;
background:var(--jp-nbtrack-ground)}
.jp-nbtrack-pick{position:absolute;opacity:0;width:1px;height:1px;margin:0;pointer-events:none}
.jp-nbtrack-seg{display:inline-flex;border:1px solid var(--jp-nbtrack-rule);border-radius:2px;font-size:12px;line-height:22px}
.jp-nbtrack-seg label{padding:0 8px;cursor:pointer;margin:0;font-weight:400}
.jp-nbtrack-seg label+label{border-left:1px solid var(--jp-nbtrack-rule)}
.jp-nbtrack-side:checked~.jp-nbtrack-tbar .jp-nbtrack-for-side,.jp-nbtrack-uni:checked~.jp-nbtrack-tbar .jp-nbtrack-for-uni,
.jp-nbtrack-two:checked~.jp-nbtrack-seg .jp-nbtrack-for-two,.jp-nbtrack-dif:checked~.jp-nbtrack-seg .jp-nbtrack-for-dif{
background:var(--jp-nbtrack-selected);font-weight:600}
.jp-nbtrack-pick:focus-visible~.jp-nbtrack-tbar .jp-nbtrack-seg,.jp-nbtrack-pick:focus-visible~.jp-nbtrack-seg{
outline:2px solid var(--jp-nbtrack-link)}
.jp-nbtrack-imd{position:relative}.jp-nbtrack-imd>.jp-nbtrack-seg{margin-bottom:6px}
.jp-nbtrack-body{display:flex;align-items:flex-start}
.jp-nbtrack-cells{flex:1 1 0;min-width:0}
.jp-nbtrack-outline{flex:0 0 196px;position:sticky;top:0;max-height:100vh;overflow:auto;padding:6px 0;font-size:12px}
.jp-nbtrack-o a{display:flex;gap:6px;align-items:center;height:26px;padding:0 8px 0 10px;white-space:nowrap;color:inherit;
text-decoration:none}
.jp-nbtrack-o a:hover{background:var(--jp-nbtrack-hover)}
.jp-nbtrack-o.jp-nbtrack-f{height:22px;line-height:22px;padding-left:32px;font-size:11px;color:var(--jp-nbtrack-muted)}
.jp-nbtrack-grow{flex:1 1 0;overflow:hidden;text-overflow:ellipsis}
.jp-nbtrack-sig{width:14px;text-align:center;flex:none;color:var(--jp-nbtrack-link)}
.jp-nbtrack-sig.jp-nbtrack-a{color:var(--jp-nbtrack-better)}.jp-nbtrack-sig.jp-nbtrack-d{color:var(--jp-nbtrack-worse)}
.jp-nbtrack-fold{display:block;min-height:26px;line-height:26px;padding:0 12px;font-size:12px;color:var(--jp-nbtrack-muted);
background:var(--jp-nbtrack-sunken);border:solid var(--jp-nbtrack-line);border-width:1px 0;overflow:hidden;text-overflow:ellipsis;
white-space:nowrap}
summary.jp-nbtrack-fold{display:list-item;list-style-position:inside;cursor:pointer}
.jp-nbtrack-dc{padding:8px 12px 10px}
.jp-nbtrack-dc:target{box-shadow:inset 2px 0 0 var(--jp-nbtrack-link)}
.jp-nbtrack-h{display:flex;align-items:center;gap:8px;font-size:12px;min-height:24px;margin-bottom:4px}
.jp-nbtrack-said{margin:6px 0 2px}
.jp-nbtrack-equal{padding:12px;margin:0}
.jp-nbtrack-sbs{border:1px solid var(--jp-nbtrack-line);border-radius:2px;overflow:hidden}
.jp-nbtrack-pair{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr)}
.jp-nbtrack-ln{display:grid;grid-template-columns:34px 14px minmax(0,1fr);font-family:var(--jp-code-font-family,ui-monospace,monospace);
font-size:12px;line-height:17px;min-height:17px}
.jp-nbtrack-ln+.jp-nbtrack-ln{border-left:1px solid var(--jp-nbtrack-line)}
.jp-nbtrack-g{color:var(--jp-nbtrack-muted);text-align:right;padding-right:4px;font-size:10.5px;user-select:none}
.jp-nbtrack-s{text-align:center;color:var(--jp-nbtrack-muted);user-select:none}
.jp-nbtrack-tx,.jp-nbtrack-out pre.jp-nbtrack-src{white-space:pre-wrap;overflow-wrap:anywhere}
.jp-nbtrack-out pre.jp-nbtrack-src{font-family:var(--jp-code-font-family,ui-monospace,monospace);font-size:12px;line-height:17px;margin:0;
background:none;color:inherit}
.jp-nbtrack-ln.jp-nbtrack-a{background:var(--jp-nbtrack-add)}.jp-nbtrack-ln.jp-nbtrack-a .jp-nbtrack-s{color:var(--jp-nbtrack-better)}
.jp-nbtrack-ln.jp-nbtrack-d{background:var(--jp-nbtrack-del)}.jp-nbtrack-ln.jp-nbtrack-d .jp-nbtrack-s{color:var(--jp-nbtrack-worse)}
.jp-nbtrack-ln.jp-nbtrack-e{background:repeating-linear-gradient(135deg,transparent 0 5px,var(--jp-nbtrack-line) 5px 6px)}
.jp-nbtrack-out ins,.jp-nbtrack-out del{text-decoration:none;border-radius:2px;color:inherit}
.jp-nbtrack-out ins{background:var(--jp-nbtrack-add-word)}.jp-nbtrack-out del{background:var(--jp-nbtrack-del-word)}
.jp-nbtrack-gap{padding:0 12px;font-size:11px;line-height:18px;color:var(--jp-nbtrack-muted);background:var(--jp-nbtrack-sunken)}
.jp-nbtrack-ims{display:grid;grid-template-columns:1fr 1fr;gap:8px;align-items:start}
.jp-nbtrack-im img{max-width:100%;display:block;background:#fff}
.jp-nbtrack-dif:checked~.jp-nbtrack-ims{isolation:isolate;position:relative}
.jp-nbtrack-dif:checked~.jp-nbtrack-ims .jp-nbtrack-im{grid-area:1/1}.jp-nbtrack-dif:checked~.jp-nbtrack-ims .jp-nbtrack-sm{display:none}
.jp-nbtrack-dif:checked~.jp-nbtrack-ims .jp-nbtrack-im+.jp-nbtrack-im{mix-blend-mode:difference}
.jp-nbtrack-uni:checked~.jp-nbtrack-body .jp-nbtrack-pair{display:block}
.jp-nbtrack-uni:checked~.jp-nbtrack-body .jp-nbtrack-same .jp-nbtrack-ln:first-child,
.jp-nbtrack-uni:checked~.jp-nbtrack-body .jp-nbtrack-e{display:none}
.jp-nbtrack-uni:checked~.jp-nbtrack-body .jp-nbtrack-ln+.jp-nbtrack-ln{border-left:0}
@media (max-width:700px){.jp-nbtrack-outline{display:none}.jp-nbtrack-pair{display:block}.jp-nbtrack-e{display:none}
.jp-nbtrack-same .jp-nbtrack-ln:first-child{display:none}.jp-nbtrack-ln+.jp-nbtrack-ln{border-left:0}}
"""
)
