"""One line of an example changed, each against the definition.

usage: variations.py FOLDER

Nothing in the compiler knows these programs: patterns that no file names,
other numbers, pages of other sizes.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np  # noqa: E402

import programs  # noqa: E402
from programs import oracle  # noqa: E402

SHAPE = dict(heads=(4, 2), rows=531, keys=600)

# (example, old text, new text, pattern that it says then, page size, softcap)
VARIATIONS = [
    ("window_sink_dense", "window<256>", "window<100>", "causal and (window<100> or sink<4>)", 0, None),
    ("window_sink_paged", "window<256>", "window<100>", "causal and (window<100> or sink<4>)", 16, None),
    ("window_sink_dense", "sink<4>", "stride<37>", "causal and (window<256> or stride<37>)", 0, None),
    ("window_sink_dense", "causal and (", "block<96> and (", "block<96> and (window<256> or sink<4>)", 0, None),
    ("window_sink_paged", "causal and (", "not causal and (", "not causal and (window<256> or sink<4>)", 16, None),
    ("causal_dense", "<causal>", "<block<33> or prefix<5>>", "block<33> or prefix<5>", 0, None),
    ("causal_dense", "<causal>", "<not (causal and window<10>)>", "not (causal and window<10>)", 0, None),
    ("causal_paged", "<causal>", "<causal and stride<7> or window<2>>", "causal and stride<7> or window<2>", 16, None),
    ("causal_paged", "paged<16>", "paged<7>", "causal", 7, None),
    ("document_dense", "causal and document", "document and window<50>", "document and window<50>", 0, None),
    ("document_paged", "causal and document", "document or sink<3>", "document or sink<3>", 16, None),
    ("alibi_softcap_dense", "<causal>", "<causal and window<77>>", "causal and window<77>", 0, 50.0),
    ("alibi_softcap_paged", "math.tanh", "math.erf", "causal", 16, "erf"),
]


def try_variation(folder, number, example, old, new, pattern, page, cap):
    path = os.path.join(programs.ROOT, "examples", example + ".mlir")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lines = sum(old in line for line in text.splitlines() if not line.startswith("//"))
    # A page size stands in every type of the cache.
    if lines != 1 and "paged" not in old:
        return f"expected one line with '{old}', got {lines}"
    case = programs.Case(pattern=pattern, page=page, score="alibi" if cap else "none", seed=number, **SHAPE)
    inputs = programs.Inputs(case)
    process, results = programs.run(folder, text.replace(old, new), inputs.arrays(case), 1)
    if process.returncode != 0:
        return f"fovea-run failed: {process.stderr[-800:]}"
    score = None
    if cap == "erf":
        def score(s, b, h, i, j):
            return 50.0 * erf((s + inputs.slopes[h] * (j - i)) * np.float32(0.02))
    elif cap:
        def score(s, b, h, i, j):
            return 50.0 * np.tanh((s + inputs.slopes[h] * (j - i)) * np.float32(0.02))
    visible = oracle.pattern(pattern, inputs.ids)
    expected = oracle.attend(inputs.q, inputs.keys, inputs.values, visible, score=score)
    return expected.check(results[0], "f32")


def erf(x):
    """The error function, by Simpson's rule on 400 steps."""
    steps = np.linspace(0, 1, 401)
    weights = np.where(np.arange(401) % 2, 4, 2) / 1200
    weights[[0, -1]] /= 2
    x = np.clip(x, -6, 6)
    return 2 / np.sqrt(np.pi) * x * sum(w * np.exp(-((x * t) ** 2)) for w, t in zip(weights, steps))


def main(folder):
    failed = 0
    for number, variation in enumerate(VARIATIONS):
        problem = try_variation(folder, number, *variation)
        if problem:
            failed += 1
            print(f"FAIL: {variation[0]} with '{variation[2]}' for '{variation[1]}': {problem}")
    print(f"{len(VARIATIONS)} variations, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
