"""How the page looks: its colours in light and dark, and its style sheet."""

from smsbat_async.campaign.report.figures import Group

LIGHT = {
    "page": "#f4f6f8",
    "card": "#ffffff",
    "ink": "#1b1f24",
    "muted": "#545d68",
    "line": "#d4dae1",
    "track": "#e8ecf0",
    "delivered": "#155441",
    "failed": "#e8660d",
    "given-up": "#bc875c",
    "open": "#1791df",
    "rejected": "#871282",
    "unknown": "#5c4506",
    "waiting": "#828997",
    "accepted": "#1791df",
}
DARK = {
    "page": "#0e1116",
    "card": "#171c23",
    "ink": "#e8ecf1",
    "muted": "#a3adb9",
    "line": "#343c47",
    "track": "#2a313b",
    "delivered": "#32dba9",
    "failed": "#ed701b",
    "given-up": "#9b5d37",
    "open": "#1d7ff0",
    "rejected": "#f096e6",
    "unknown": "#f9e586",
    "waiting": "#696d77",
    "accepted": "#6aaeff",
}

# The colours of groups are those that a search found to differ most, in CIELAB, for people with any of the
# three kinds of colour blindness; what a colour is taken for, a hue each, was given.
COLOURS: dict[Group, str] = {
    Group.DELIVERED: "delivered",
    Group.FAILED: "failed",
    Group.GIVEN_UP: "given-up",
    Group.OPEN: "open",
    Group.REJECTED: "rejected",
    Group.UNKNOWN: "unknown",
    Group.WAITING: "waiting",
}


def colour(name: str) -> str:
    """Return how style sheets and charts say a colour of either theme."""
    return f"var(--{name})"


def _variables(theme: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in theme.items())


STYLE = f"""
:root{{color-scheme:light;{_variables(LIGHT)}}}
@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{_variables(DARK)}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}}
header,main,footer{{max-width:1160px;margin:0 auto;padding:0 20px}}
header{{padding-top:28px}}
h1{{font-size:26px;line-height:1.25;margin:0;overflow-wrap:anywhere}}
h2{{font-size:17px;line-height:1.3;margin:0 0 2px}}
p{{margin:0 0 10px;overflow-wrap:anywhere}}
.quiet,footer{{color:var(--muted)}}
.tiles{{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:18px 0}}
.tiles div,section{{background:var(--card);border:1px solid var(--line);border-radius:10px}}
.tiles div{{padding:12px 16px;display:flex;flex-direction:column-reverse;justify-content:flex-end}}
.tiles dt{{color:var(--muted);font-size:13px}}
.tiles dd{{margin:0;font-size:21px;font-weight:600;line-height:1.3;overflow-wrap:anywhere}}
.tiles dd small{{font-size:13px;line-height:1;font-weight:400;color:var(--muted)}}
main,.column{{display:grid;grid-template-columns:minmax(0,1fr);gap:16px;align-content:start}}
main{{grid-template-columns:minmax(0,1fr) minmax(0,1fr)}}
section{{padding:18px 20px;min-width:0}}
section>:last-child{{margin-bottom:0}}
.whole{{grid-column:1/-1}}
figure{{margin:8px 0}}
svg{{display:block;max-width:100%;height:auto;margin:0 auto}}
.narrow{{display:none}}
.legend{{display:flex;flex-wrap:wrap;gap:3px 14px;list-style:none;padding:0;margin:6px 0;font-size:13px}}
.legend i{{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:6px}}
.legend .rule{{height:3px;width:16px;vertical-align:3px}}
details{{margin-top:8px}}
summary{{cursor:pointer;color:var(--muted);font-size:14px}}
.scroll{{overflow-x:auto;margin-bottom:10px}}
.scroll:focus-visible,summary:focus-visible{{outline:2px solid var(--accepted);outline-offset:2px}}
table{{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}}
caption{{text-align:left;color:var(--muted);font-size:13px;padding:4px 0}}
th,td{{text-align:left;padding:5px 14px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}}
th:last-child,td:last-child{{padding-right:0}}
th{{font-weight:600}}
thead th{{white-space:nowrap}}
tbody th{{font-weight:400;white-space:nowrap}}
.number{{text-align:right;white-space:nowrap;width:1%}}
tbody .text{{overflow-wrap:break-word;white-space:normal;min-width:150px}}
footer{{padding-top:14px;padding-bottom:32px;font-size:13px}}
@media screen and (max-width:1000px){{main{{grid-template-columns:minmax(0,1fr)}}}}
@media screen and (max-width:600px){{
header,main,footer{{padding-left:12px;padding-right:12px}}
section{{padding:14px}}
.tiles{{grid-template-columns:repeat(2,minmax(0,1fr))}}
table{{font-size:13px}}
th,td{{padding-right:10px}}
tbody .text{{min-width:120px}}
.wide{{display:none}}
.narrow{{display:block}}
}}
@media print{{
@page{{margin:12mm}}
body{{background:none;font-size:11px;-webkit-print-color-adjust:exact;print-color-adjust:exact}}
header,main,footer{{max-width:none;padding:0}}
main,.column{{display:block}}
section{{margin-bottom:10px}}
h2,.quiet,figure,caption{{break-after:avoid}}
figure{{break-inside:avoid}}
.scroll{{overflow:visible}}
thead th{{white-space:normal}}
th,td{{padding:3px 10px 3px 0}}
.tiles{{grid-template-columns:repeat(3,1fr)}}
table{{font-size:10px}}
summary{{display:none}}
details::details-content{{display:block;content-visibility:visible;block-size:auto;height:auto}}
tr{{break-inside:avoid}}
}}
""".strip()
"""The style sheet; it names no file and no host."""
