"""The style sheet of the report; readable on light and dark screens and on paper."""

__all__ = ["COLORS", "STYLE"]

# One pair (on light, on dark) per solver, copt's first; told apart with common colour-vision deficiencies.
COLORS = [
    ("#1d5fd6", "#6ea8fe"),
    ("#c2570c", "#f59e54"),
    ("#0f7b6c", "#4cc9b0"),
    ("#a4268e", "#e879d0"),
    ("#7a6a00", "#d8c24a"),
    ("#5b5bd6", "#a5a3f7"),
    ("#5f6b7a", "#a3afbf"),
]


def _palette(side: int) -> str:
    return " ".join(f"--c{k}: {pair[side]};" for k, pair in enumerate(COLORS))


_CLASSES = "\n".join(
    f".line.c{k} {{ stroke: var(--c{k}); }} .end.c{k} {{ fill: var(--c{k}); }} "
    f".dot.c{k} {{ background: var(--c{k}); }} .card.c{k} {{ border-top-color: var(--c{k}); }}"
    for k in range(len(COLORS))
)

STYLE = f"""
:root {{ color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1b1f24; --soft: #5c6670; --rule: #e2e4e8; --wash: #f3f5f8;
  --good: #0b7a3e; --bad: #b3261e; --badwash: #fdecea; {_palette(0)} }}
@media (prefers-color-scheme: dark) {{ :root {{
  --page: #14171b; --card: #1b1f25; --ink: #e7eaee; --soft: #9aa5b1; --rule: #2e343c; --wash: #20252c;
  --good: #5fd08d; --bad: #ff9a90; --badwash: #3a2020; {_palette(1)} }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--page); color: var(--ink); line-height: 1.5; font-size: 15px;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }}
main {{ max-width: 1120px; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }}
h1 {{ font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }}
h2 {{ font-size: 1.3rem; margin: 2.8rem 0 .6rem; letter-spacing: -.005em; }}
h3 {{ font-size: 1rem; margin: 2rem 0 .5rem; }}
p {{ margin: .4rem 0; max-width: 78ch; }}
.soft {{ color: var(--soft); }}
code {{ font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .88em; }}
pre {{ background: var(--wash); border: 1px solid var(--rule); border-radius: 8px; padding: .7rem .9rem;
  margin: .8rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
.cards {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: .8rem;
  margin: 1.2rem 0; }}
.card {{ background: var(--card); border: 1px solid var(--rule); border-top: 4px solid; border-radius: 8px;
  padding: .75rem .95rem .85rem; }}
.card b {{ display: block; font-size: 1.7rem; line-height: 1.25; font-variant-numeric: tabular-nums;
  letter-spacing: -.02em; }}
.card span {{ display: block; color: var(--soft); font-size: .86rem; }}
.card .who {{ color: var(--ink); font-weight: 600; font-size: .95rem; }}
.chart {{ display: block; width: 100%; height: auto; background: var(--card); border: 1px solid var(--rule);
  border-radius: 8px; }}
.many {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: .8rem;
  margin-top: .8rem; }}
.chart text {{ fill: var(--soft); font-size: 13px; }}
.chart .name {{ fill: var(--ink); font-weight: 600; }}
.chart .end {{ font-weight: 600; }}
.grid {{ stroke: var(--rule); stroke-width: 1; }}
.line {{ fill: none; stroke-width: 2.2; stroke-linejoin: round; }}
.scroll {{ overflow-x: auto; border: 1px solid var(--rule); border-radius: 8px; background: var(--card); }}
table {{ border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }}
th, td {{ padding: .36rem .7rem; text-align: right; white-space: nowrap; }}
th {{ color: var(--soft); font-weight: 600; font-size: .8rem; vertical-align: bottom; }}
thead th {{ border-bottom: 1px solid var(--rule); }}
th.text, td.text {{ text-align: left; }}
td.wrap {{ white-space: normal; min-width: 22rem; }}
tbody tr:first-child > * {{ border-top: 1px solid var(--rule); }}
tbody th {{ color: var(--ink); font-size: .9rem; vertical-align: top; }}
tbody th span {{ display: block; color: var(--soft); font-weight: 400; font-size: .8rem; }}
.flat tbody tr > * {{ border-top: 1px solid var(--rule); }}
td.best {{ font-weight: 700; }}
.dot {{ display: inline-block; width: .65em; height: .65em; border-radius: 50%; margin-right: .45em; }}
.legend {{ display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: 1rem 0 .5rem; font-size: .9rem; }}
.good {{ color: var(--good); }}
.bad, .card .bad {{ color: var(--bad); }}
tr.fault td {{ background: var(--badwash); }}
details {{ margin-top: 1rem; }}
summary {{ cursor: pointer; font-weight: 600; padding: .3rem 0; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: .6rem 0; }}
dt {{ color: var(--soft); }}
dd {{ margin: 0; overflow-wrap: anywhere; }}
ul {{ padding-left: 1.2rem; max-width: 82ch; }}
li {{ margin: .25rem 0; }}
@media print {{ main {{ max-width: none; padding: 0; }} .scroll {{ overflow: visible; }} }}
{_CLASSES}
"""
