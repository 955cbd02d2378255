"""The style sheet of the report."""

STYLE = """
:root { --ink: #1c2024; --soft: #5f6b76; --line: #d9dee3; --paper: #ffffff; --wash: #f4f6f8;
  --accent: #2563a8; --warm: #b4551d; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b1; --line: #343b43; --paper: #15191d;
  --wash: #1d2227; --accent: #6aa5e8; --warm: #e59058; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 26px; margin: 8px 0 12px; } h2 { font-size: 19px; margin: 34px 0 8px; } h3 { font-size: 15px; }
h1, h2, h3, p, li { overflow-wrap: anywhere; } p { margin: 6px 0 10px; }
.verdict { font-size: 17px; border-left: 4px solid var(--accent); padding: 4px 14px; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; } dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 6px 0; }
th, td { text-align: right; padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 500; }
th:first-child, td:first-child, .words :is(th, td):last-child { text-align: left; }
pre { background: var(--wash); padding: 12px 14px; overflow-x: auto; font-size: 13px; border-radius: 6px; }
.words td:last-child { min-width: 14ch; overflow-wrap: anywhere; }
figure { margin: 8px 0; overflow-x: auto; } svg { width: 100%; height: auto; display: block; }
figure.wide svg { min-width: 540px; }
@media (max-width: 560px) { main { padding: 12px 14px 40px; } dl { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dd { margin-bottom: 8px; } figure.plot svg text { font-size: 17px; } }
svg text { fill: var(--ink); font-size: 12px; } svg .name { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .grid { stroke: var(--line); } svg .best { fill: none; stroke: var(--accent); stroke-width: 1.6; }
svg .dot { fill: var(--accent); fill-opacity: .55; } svg .broken { fill: none; stroke: var(--warm); }
svg .bar { fill: var(--accent); } svg .right { fill: var(--accent); } svg .wrong { fill: var(--warm); }
svg .cell { stroke: var(--line); stroke-width: .5; } svg .count { text-anchor: middle; font-size: 11px; }
svg .count.strong { fill: var(--paper); }
"""
