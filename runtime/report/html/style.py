"""The page's style: light and dark, wide and narrow, on paper.

Contrast of text is at least 4.5 to 1 in both; precision is told by pattern as well as by
colour, and by words.
"""

STYLE = """
:root{color-scheme:light dark;--bg:#fcfcfb;--card:#f3f4f2;--ink:#1d2125;--quiet:#59626b;
--line:#dcdfdd;--low:#1f7a8c;--int8:#5b3f8c;--fp32:#f0c08a;--hatch:#a85f12;--good:#1d7044;--bad:#b3261e;
--warn:#8a5300;--warnbg:#fdf3e1;--mark:#e7f1f2}
@media(prefers-color-scheme:dark){:root{--bg:#15181a;--card:#1e2225;--ink:#e7e9ea;
--quiet:#a2abb3;--line:#343a3f;--low:#4fb0c4;--int8:#b79be6;--fp32:#6b4c26;--hatch:#e9ad66;--good:#63c892;
--bad:#f58a80;--warn:#f0b865;--warnbg:#2c2415;--mark:#1d2f33}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);line-height:1.5;
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main,footer{max-width:68rem;margin:0 auto;padding:0 1.25rem}
nav{margin-top:1.5rem;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;font-size:.875rem}
a{color:var(--quiet);text-underline-offset:.2em}
a:hover{color:var(--ink)}
:focus-visible{outline:3px solid var(--low);outline-offset:2px;border-radius:2px}
h1{font-size:2rem;line-height:1.2;margin:2rem 0 .25rem;font-weight:650;
letter-spacing:-.015em;overflow-wrap:anywhere}
h2{font-size:1.25rem;line-height:1.3;margin:0 0 .75rem;font-weight:650}
h3{font-size:1rem;margin:1.25rem 0 .25rem;font-weight:650}
h3 .quiet{font-weight:400}
section{margin:2.75rem 0 0;scroll-margin-top:1rem}
p{margin:.25rem 0 .75rem;max-width:46rem}
ul{padding-left:1.2rem;margin:.25rem 0 .75rem}
li{margin:.2rem 0;overflow-wrap:anywhere}
code{font:.875em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
overflow-wrap:anywhere}
.quiet,figcaption,caption,small{color:var(--quiet)}
.verdict{margin:1.5rem 0;padding:0 0 0 1.1rem;border-left:4px solid var(--line)}
.verdict:has(.holds){border-color:var(--good)}
.verdict:has(.missed){border-color:var(--bad)}
.verdict p:last-child{font-size:1.25rem;line-height:1.45;margin:0;max-width:44rem;
overflow-wrap:anywhere}
.state{margin:0 0 .25rem;font-weight:650}
.state.holds{color:var(--good)}
.state.missed{color:var(--bad)}
.names small{color:var(--quiet)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:1px;
margin:1.5rem 0 0;background:var(--line);border:1px solid var(--line);border-radius:8px;
overflow:hidden}
.tiles div{background:var(--card);padding:.8rem 1rem}
.tiles dt{font-size:.875rem;color:var(--quiet);overflow-wrap:anywhere}
.tiles dd{margin:0;font-size:.875rem}
.tiles .value{font-size:1.6rem;line-height:1.3;font-weight:650;letter-spacing:-.01em;
font-variant-numeric:tabular-nums;color:var(--ink)}
.warnings{background:var(--warnbg);border-radius:8px;padding:1rem 1.25rem;margin-top:1.5rem}
.warnings h2{color:var(--warn);font-size:1rem;margin:0 0 .25rem}
.warnings ul{margin:0}
.wide{overflow-x:auto;margin:0 0 1rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;font-size:.875rem;padding:0 0 .4rem}
.heard{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);padding:0}
th,td{text-align:left;vertical-align:top;padding:.45rem .9rem .45rem 0;
border-bottom:1px solid var(--line)}
th:last-child,td:last-child{padding-right:0}
thead th{font-size:.8125rem;font-weight:500;color:var(--quiet);vertical-align:bottom}
tbody th{font-weight:400;min-width:8rem}
tbody th small{display:block}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
thead .n{white-space:normal}
tr.marked>*{background:var(--mark);font-weight:600}
tr.marked>:first-child{box-shadow:-.5rem 0 0 var(--mark)}
td:last-child:not(.n){min-width:11rem}
figure{margin:0 0 1rem}
figcaption{font-size:.875rem;margin-top:.4rem;max-width:46rem}
.bars{display:grid;gap:.4rem;margin-top:1.25rem}
.bar{display:grid;grid-template-columns:9.5rem 1fr 6rem;gap:.75rem;align-items:center}
.bar .of{color:var(--quiet)}
.bar.marked span{color:var(--ink);font-weight:600}
.track{position:relative;height:1rem;background:var(--card);border-radius:3px}
.track .fill{position:absolute;inset:0 auto 0 0;background:var(--line);border-radius:3px}
.bar.marked .fill{background:var(--low)}
.track .band{position:absolute;top:.2rem;bottom:.2rem;background:var(--ink);opacity:.55}
.pair{display:grid;grid-template-columns:minmax(0,26rem) minmax(0,1fr);gap:1.5rem 2rem;
align-items:start}
.chart svg{width:100%;height:auto;display:block;overflow:visible}
svg text{font:12px system-ui,sans-serif;fill:var(--ink);font-variant-numeric:tabular-nums}
svg .axis{fill:var(--quiet)}
svg .middle{text-anchor:middle}
svg .end{text-anchor:end}
svg .over{paint-order:stroke;stroke:var(--bg);stroke-width:3px}
svg .grid{stroke:var(--line)}
svg .limit{stroke:var(--quiet);stroke-width:1.25}
svg .bound{stroke-dasharray:5 4;stroke:var(--bad)}
svg .path{fill:none;stroke:var(--quiet);stroke-width:1.25;opacity:.7}
.trial circle{fill:var(--bg);stroke:var(--bad);stroke-width:1.75}
.trial.passes circle{fill:var(--good);stroke:var(--good)}
.trial .ring{fill:none!important}
.trial text{font-size:10px;font-weight:650}
.trial.passes text{fill:var(--bg)}
.strip svg{width:100%;height:2rem;display:block;border-radius:4px}
.cell.low{fill:var(--low)}
.cell.int8{fill:var(--int8)}
.cell.fp32{fill:url(#hatch)}
pattern .fp32{fill:var(--fp32)}
.hatch{stroke:var(--hatch);stroke-width:1.25}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;font-size:.875rem}
.key{display:inline-block;width:1rem;height:.8rem;border-radius:2px;vertical-align:-.05rem}
.low{background:var(--low)}
.int8{background:var(--int8)}
.key.fp32,.split{background:repeating-linear-gradient(135deg,var(--fp32) 0 3px,
var(--hatch) 3px 4px)}
.tree,.tree ul{list-style:none;margin:0;padding:0}
.tree ul{padding-left:1.1rem}
.tree li{margin:0}
.row{display:grid;grid-template-columns:minmax(0,1fr) 7rem 4rem 9.5rem;gap:.2rem .9rem;
align-items:center;padding:.3rem 0;border-bottom:1px solid var(--line);font-size:.9375rem}
.row.quiet{display:block;font-size:.875rem}
.row .of{color:var(--quiet);font-size:.875rem}
.row .name{padding-left:1.1rem;position:relative;min-width:0;overflow-wrap:anywhere}
.row small{margin-left:.6rem}
summary{cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
summary .name::before,details>summary:not(.row)::before{content:"";position:absolute;
left:.1rem;top:.5em;border:.28rem solid transparent;border-left-color:var(--quiet)}
details[open]>summary .name::before,details[open]>summary:not(.row)::before
{transform:rotate(90deg) translate(.12rem,.12rem)}
summary:not(.row){position:relative;padding:.4rem 0 .4rem 1.1rem;color:var(--quiet)}
.split{display:flex;height:.7rem;border-radius:2px;overflow:hidden}
.split>span{display:block;height:100%}
.badge{display:inline-block;font-size:.8125rem;padding:0 .5rem;border-radius:1rem;
border:1px solid var(--low);white-space:nowrap}
.badge.low,.badge.int8{background:none;color:inherit}
.badge.int8{border:2px solid var(--int8)}
.badge.fp32{border:1px dashed var(--hatch)}
.under{display:block;height:.3rem;min-width:4.5rem;background:var(--card);margin-top:.3rem}
.share{display:block;height:100%;background:var(--bad)}
.kept{list-style:none;padding:0}
.kept li{padding:.35rem 0;border-bottom:1px solid var(--line)}
.names{color:var(--quiet);font-size:.9375rem}
.facts>div{display:grid;grid-template-columns:11rem minmax(0,1fr);gap:0 1rem;
padding:.3rem 0;border-bottom:1px solid var(--line)}
dl{margin:0}
.facts dt{color:var(--quiet);overflow-wrap:anywhere}
.facts dd,.commands dd{margin:0;overflow-wrap:anywhere}
.commands dt{margin-top:.75rem}
pre{background:var(--card);border-radius:6px;padding:.6rem .9rem;margin:.25rem 0;
overflow-x:auto}
pre code{overflow-wrap:normal}
footer{margin-top:3.5rem;padding-top:1rem;padding-bottom:2rem;font-size:.875rem;
color:var(--quiet);border-top:1px solid var(--line)}
@media(max-width:44rem){
body{font-size:15px}
h1{font-size:1.6rem}
.verdict p:last-child{font-size:1.1rem}
.tiles{grid-template-columns:1fr 1fr}
.tiles .value{font-size:1.3rem}
.tiles div{padding:.65rem .8rem}
.pair{grid-template-columns:minmax(0,1fr)}
.bar{grid-template-columns:1fr auto;gap:.1rem .75rem}
.bar .track{grid-column:1/-1;grid-row:2}
.row{grid-template-columns:minmax(0,1fr) auto;gap:.15rem .75rem}
.row .split{grid-row:2;align-self:center;margin-left:1.1rem}
.row .of{grid-row:2;text-align:right;grid-column:2;white-space:nowrap;justify-self:end}
.facts>div{grid-template-columns:minmax(0,1fr)}
table,tbody,tr,th,caption{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{padding:.45rem 0;border-bottom:1px solid var(--line)}
tbody th,td{border:0;padding:0;min-width:0}
tbody th{overflow-wrap:anywhere}
td{display:inline;overflow-wrap:anywhere;margin-right:.75rem}
td.n{display:inline-block;white-space:normal;text-align:left;margin-right:1rem}
td.n::before{content:attr(data-label) " ";color:var(--quiet);font-size:.8125rem;font-weight:400}
td:last-child:not(.n){display:block}
td:empty{display:none}
th[data-label]::before{content:attr(data-label) " "}
tr.marked{background:var(--mark);margin:0 -.5rem;padding:.45rem .5rem}
tr.marked>*{background:none}
tr.marked>:first-child{box-shadow:none}
.wide{overflow-x:visible}
.under{display:inline-block;width:4.5rem;margin:0 0 0 .4rem}
}
@media(forced-colors:active){.low,.int8,.split,.key,.share,.track .fill{forced-color-adjust:none}}
@media print{nav{display:none}section{break-inside:avoid}body{font-size:11pt}}
"""
