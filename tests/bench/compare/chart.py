"""A bar chart of the results as SVG: for each model, every contestant's median time as a multiple of linnet's."""
from xml.sax.saxutils import escape

from compare.field import LINNET, LINNET_DENSE, LINNET_FLOAT, TITLES
from compare.report import milliseconds

COLOURS = {LINNET: "#2a7f62", LINNET_FLOAT: "#8fbfae", LINNET_DENSE: "#8fbfae", "onnx_runtime": "#8aa6c1", "ncnn_net": "#c9a66b",
           "mnn_net": "#b58db6", "mnn_net_dense": "#d3bcd7", "xnnpack": "#9aa39a", "xnnpack_dense": "#c4cac4"}
LABEL_WIDTH, UNIT_WIDTH, LONGEST = 240, 180, 3.0  # pixels; longer bars are cut at LONGEST times linnet's
BAR, GAP, TOP = 13, 12, 60


def text(x, y, content, anchor="start", size=12, weight="normal"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}">'
            f"{escape(content)}</text>")


def bar(y, name, figures, own):
    if figures.median is None:
        return [text(LABEL_WIDTH + 4, y + BAR - 2, f"{TITLES[name]}: no result", size=10)]
    multiple = figures.median / own.median
    width = UNIT_WIDTH * min(multiple, LONGEST)
    label = f"{milliseconds(figures.median)} ms" + (f" ({multiple:.2f}x)" if name != LINNET else "") + ", inexact" * figures.inexact
    return [f'<rect x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{COLOURS[name]}"/>',
            text(LABEL_WIDTH + width + 4, y + BAR - 3, label, size=10)]


def legend(names):
    parts, x = [], LABEL_WIDTH
    for name in names:
        parts += [f'<rect x="{x}" y="34" width="11" height="11" fill="{COLOURS[name]}"/>', text(x + 16, 44, TITLES[name])]
        x += 115
    return parts


def svg(results, condition):
    shown = [result for result in results if result.figures.get(LINNET) and result.figures[LINNET].median]
    contestants = [name for name in COLOURS if any(name in result.figures for result in shown)]
    parts, y = legend(contestants), TOP
    for result in shown:
        title = result.model if result.threads == 1 else f"{result.model}, {result.threads} threads"
        parts.append(text(LABEL_WIDTH - 8, y + BAR * 1.5, title, anchor="end", weight="bold"))
        for name in contestants:
            if name in result.figures:
                parts += bar(y, name, result.figures[name], result.figures[LINNET])
                y += BAR
        y += GAP
    line = LABEL_WIDTH + UNIT_WIDTH
    parts.append(f'<line x1="{line}" y1="{TOP - 6}" x2="{line}" y2="{y}" stroke="#444" stroke-dasharray="3 3"/>')
    width = LABEL_WIDTH + max(UNIT_WIDTH * LONGEST + 130, 115 * len(contestants))
    heading = text(LABEL_WIDTH, 20, f"Median time of one run, {condition}; the dashed line is linnet's", size=14, weight="bold")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{y + 10}" font-family="sans-serif">'
            f'<rect width="100%" height="100%" fill="white"/>{heading}{"".join(parts)}</svg>\n')
