"""Score regions that round: to types of 16 bits and to whole numbers.

usage: rounding.py FOLDER TARGET...

fovea-run --check compares with the interpreter, and the definition in NumPy is
the second opinion. A kernel that did not round would be found: what the same
scores give without is further away than is allowed.
"""
import dataclasses
import os
import re
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import programs  # noqa: E402

BASE = programs.Case(widths=(32, 16), rows=40, keys=120, heads=(2, 1), pattern="causal", score="bf16")
# With two heads to a key 40 rows take lanes along queries, and 4 along keys.
VARIED = [
    dict(),
    dict(rows=4, lse="yes"),
    dict(score="f16", lse="yes"),
    dict(score="f16", rows=4),
    dict(normalizer="sigmoid", score="f16"),
    dict(normalizer="relu"),
    dict(normalizer="sink", rows=4, lse="yes", page=16),
    dict(element="f16", page=16),
    dict(element="bf16", rows=4),
    dict(element="bf16", score="f16", widths=(64, 64)),
    dict(stored="i4/group<32>", widths=(64, 32), element="bf16"),
    dict(stored="i8/token", rows=4),
    dict(score="whole"),
    dict(score="whole", rows=4, element="bf16"),
]


def try_case(folder, target, case):
    """None, or what is wrong."""
    inputs = programs.Inputs(case)
    options = ["--target", target, "--check", "--threads", str(case.threads)]
    outputs = 2 if case.lse == "yes" else 1
    process, results = programs.run(folder, programs.write_program(case), inputs.arrays(case), outputs, options)
    if process.returncode != 0:
        return f"fovea-run failed ({process.returncode}): {(process.stdout + process.stderr).strip()[-800:]}"
    expected = programs.define(case, inputs)
    expected.rounds = not target.startswith("cpu")
    problem = expected.check(results[0], case.element, *results[1:])
    if problem or case.element != "f32" or case.score == "whole":
        return problem
    # What scores that are not rounded, plus 1, would give.
    exact = programs.define(case, inputs, score=lambda s, h, i, j, slopes: s + 1)
    allowed = float(re.search(r"check out0: .* allowed (\S+)", process.stdout)[1])
    apart = np.abs(results[0] - exact.out).max() / np.abs(exact.out).max()
    return None if apart > allowed else f"{apart:.2e} without rounding would pass, allowed {allowed:.2e}"


def main(folder, *targets):
    failed = 0
    cases = [(dataclasses.replace(BASE, **change), target) for target in targets for change in VARIED]
    for case, target in cases:
        problem = try_case(folder, target, case)
        if problem:
            failed += 1
            print(f"FAIL on {target}: {case}: {problem}", flush=True)
    print(f"{len(cases)} cases, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
