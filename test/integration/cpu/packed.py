"""Rows that are pairs of a query and one of the heads that share its keys.

usage: packed.py FOLDER

The schedule of the CPU does not pack heads; here programs carry a schedule that
does. Results are compared with the definition in NumPy and, by fovea-run, with
the interpreter; and with what the same schedule gives without packing, which
differs in the order of sums only.
"""
import itertools
import sys

import numpy as np
import programs

SCHEDULE = "rows = 16, keys = 32, block = 8, lanes = 16, pairs = {}, splits = {}, pack = {}"
# pattern, page, score, normalizer, element
VARIANTS = [
    ("all", 0, "none", "softmax", "f32"),
    ("causal", 0, "none", "softmax", "f32"),
    ("causal", 16, "alibi", "softmax", "f32"),
    ("causal and window<7>", 0, "cap", "softmax", "bf16"),
    ("causal and document", 0, "alibi", "sink", "f32"),
    ("document", 8, "none", "softmax", "f16"),
    ("where:11", 0, "alibi", "l1", "f32"),  # formulas of the head, and tables by head
    ("causal+table:5", 16, "none", "sigmoid", "f32"),
    ("where:7", 8, "none", "softmax", "f32"),
]
HEADS = [(2, 2), (4, 2), (8, 1), (24, 2)]  # 1, 2, 8 and 12 share keys
ROWS = [1, 5, 33]


def compile_and_run(folder, case, splits, pack):
    schedule = SCHEDULE.format("false", splits, "true" if pack else "false")
    text = programs.write_program(case).replace(
        ") {\n  %r0", f") attributes {{tile.schedule = #tile.schedule<{schedule}>}} {{\n  %r0", 1
    )
    assert "tile.schedule" in text
    inputs = programs.Inputs(case)
    options = ["--threads", "3", "--check"] if pack else ["--threads", "3"]
    outputs = 2 if case.lse == "yes" else 1
    return programs.run(folder, text, inputs.arrays(case), outputs, options)


def try_case(folder, case, splits):
    """None, or what is wrong."""
    process, results = compile_and_run(folder, case, splits, True)
    output = process.stdout + process.stderr
    if process.returncode != 0:
        return f"fovea-run failed ({process.returncode}): {output.strip()[-800:]}"
    if "not packed" in output:
        return f"not packed: {output.strip()[-800:]}"
    problem = programs.define(case, programs.Inputs(case)).check(results[0], case.element, *results[1:])
    if problem is not None:
        return problem
    process, plain = compile_and_run(folder, case, splits, False)
    if process.returncode != 0:
        return f"without packing, fovea-run failed: {process.stderr.strip()[-800:]}"
    tolerance = 2e-5 if case.element == "f32" else 2e-2
    for packed, unpacked in zip(results, plain, strict=True):
        packed, unpacked = packed.astype(np.float64), unpacked.astype(np.float64)
        if not np.allclose(packed, unpacked, rtol=tolerance, atol=tolerance, equal_nan=True):
            return f"packing changes results by up to {np.nanmax(np.abs(packed - unpacked))}"
    return None


def main(folder):
    failed = ran = 0
    # Every variant meets every number of heads and of rows, in turn.
    shapes = list(itertools.product(HEADS, ROWS))
    for n, (pattern, page, score, normalizer, element) in enumerate(VARIANTS):
        for heads, rows in shapes[n % 2 :: 2]:
            lse = "yes" if normalizer == "softmax" else "no"
            case = programs.Case(
                widths=(16, 24), rows=rows, keys=70, heads=heads, pattern=pattern, page=page, score=score,
                normalizer=normalizer, element=element, lse=lse, seed=n,
            )  # fmt: skip
            splits = 1 + 3 * (ran % 2)
            problem = try_case(folder, case, splits)
            ran += 1
            if problem is not None:
                failed += 1
                print(f"FAIL: splits={splits} {case}\n  {problem}")
    print(f"{ran} cases, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
