"""Writes treatments.txt: treated weights by numpy, for treat_test.cpp.

Weights are the numbers weight(i) of a matrix, row-major. Every case is two lines: what it is, "SHAPE OPTION TREATMENT", and
the weights that come out. SHAPE is rows x inputs x taps x groups; columns are tap * inputs + input.
"""

import pathlib

import numpy as np

SHAPES = [(6, 12, 1, 1), (5, 6, 3, 1), (36, 1, 5, 36), (40, 3, 1, 2)]
PARTS = ["tau=0.4", "50%", "80%", "95%", "0%"]
PATTERNS = ["element", "block=4", "block=4x1", "block=16x1"]


def weights(shape):
    rows, inputs, taps, _ = shape
    i = np.arange(rows * inputs * taps)
    return (((i * 7919 + 13) % 1009 - 504.3) / 512).reshape(rows, inputs * taps)


def blocks(shape, pattern):
    """Lists of (row, column)."""
    rows, inputs, taps, groups = shape
    high, wide = {"element": (1, 1), "block=4": (1, 4), "block=4x1": (4, 1), "block=16x1": (16, 1)}[pattern]
    per_group = rows if groups == rows else rows // groups
    for group in range(0, rows, per_group):
        for row in range(group, group + per_group, high):
            for tap in range(taps):
                for first in range(0, inputs, wide):
                    yield [
                        (r, tap * inputs + c)
                        for r in range(row, min(row + high, group + per_group))
                        for c in range(first, min(first + wide, inputs))
                    ]


def sparse(shape, text, pattern):
    w = weights(shape)
    cells = list(blocks(shape, pattern))
    norms = [np.sqrt(np.mean([w[cell] ** 2 for cell in block])) for block in cells]
    if text.startswith("tau="):
        gone = [block for block, norm in zip(cells, norms) if norm < float(text[4:])]
    else:
        wanted = float(text[:-1]) / 100 * w.size
        gone, count = [], 0
        for index in np.argsort(norms, kind="stable"):
            if count + len(cells[index]) / 2 > wanted:
                break
            gone.append(cells[index])
            count += len(cells[index])
    for block in gone:
        for cell in block:
            w[cell] = 0
    return w


def two_of_four(shape):
    w = weights(shape)
    rows, inputs, taps, _ = shape
    for row in range(rows):
        for tap in range(taps):
            for first in range(0, inputs, 4):
                part = w[row, tap * inputs + first : tap * inputs + min(first + 4, inputs)]
                part[np.argsort(-np.abs(part), kind="stable")[(len(part) + 1) // 2 :]] = 0
    return w


def grid(w, bits, scheme, group):
    out = w.copy()
    parts = [out] if group == "tensor" else [row for row in out]
    if group == "32":
        parts = [row[first : first + 32] for row in out for first in range(0, len(row), 32)]
    for part in parts:
        if scheme == "minmax":
            low, levels = np.float64(np.float32(part.min())), 2**bits - 1
            step = np.float64(np.float32((part.max() - part.min()) / levels))
            part[...] = np.clip(np.round((part - low) / step), 0, levels) * step + low
        else:
            most = 2 ** (bits - 1) - 1
            step = np.float64(np.float32(np.abs(part).max() / most))
            part[...] = np.clip(np.round(part / step), -most, most) * step
    return out


def clip(shape, text, following=None):
    w = weights(shape)
    if text == "mse":
        largest, best = np.abs(w).max(), None
        for percent in range(100, 9, -1):
            limit = largest * percent / 100
            rounded = grid(np.clip(w, -limit, limit), *(following or (8, "symmetric", "channel")))
            error = ((rounded - w) ** 2).sum()
            if best is None or error < best[0]:
                best = error, limit
        limit = best[1]
    elif text.startswith("percentile="):
        limit = np.percentile(np.abs(w), float(text[11:]))
    else:
        limit = float(text)
    return np.clip(w, -limit, limit)


def main():
    lines = []

    def add(shape, option, treatment, result):
        lines.append(f"{'x'.join(map(str, shape))} {option} {treatment}")
        lines.append(" ".join(f"{number:.9g}" if number else "0" for number in result.ravel()))

    for shape in SHAPES:
        for pattern in PATTERNS:
            for part in PARTS:
                add(shape, "--sparsify", f"{part},{pattern}", sparse(shape, part, pattern))
        add(shape, "--sparsify", "2:4", two_of_four(shape))
    for bits in range(2, 9):
        for scheme in ["minmax", "symmetric"]:
            for group in ["tensor", "channel", "32"]:
                shape = (2, 35, 1, 1)
                text = f"bits={bits},scheme={scheme},group={group}"
                add(shape, "--weights", text, grid(weights(shape), bits, scheme, group))
    for text in ["0.25", "2", "percentile=50", "percentile=99.9", "percentile=100", "mse"]:
        add(SHAPES[0], "--clip", text, clip(SHAPES[0], text))
    path = pathlib.Path(__file__).with_suffix("").with_name("treatments.txt")
    path.write_text("\n".join(lines) + "\n")
    print(f"{len(lines) // 2} cases")


main()
