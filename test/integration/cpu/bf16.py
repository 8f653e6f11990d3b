"""bf16 on processors that do not know it: there it is integers and f32.

usage: bf16.py FOLDER TARGET

Widths, layouts and encodings whose kernels move vectors of bf16 in all ways
that there are, and NaN and infinity, which rounding must keep. fovea-run
--check compares with the interpreter, and the definition in NumPy is the second
opinion.
"""
import dataclasses
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import nonfinite  # noqa: E402
import programs  # noqa: E402

BASE = programs.Case(widths=(16, 8), rows=40, keys=300, heads=(2, 1), pattern="causal", page=16, element="bf16")
# With two heads to a key 40 rows take lanes along queries, and 4 along keys.
VARIED = [
    dict(),
    dict(rows=4, lse="yes"),
    dict(page=0, normalizer="sigmoid"),
    dict(page=0, rows=4, normalizer="relu"),
    dict(widths=(1, 1), rows=33),
    dict(widths=(40, 24), normalizer="sink"),
    dict(widths=(40, 24), rows=4, page=0),
    dict(widths=(96, 40), rows=70, keys=150, score="alibi"),
    dict(widths=(64, 64), rows=1, pattern="causal and window<100>"),
    dict(widths=(64, 128), rows=8, normalizer="l1", page=0),
    dict(widths=(128, 128), rows=2, pattern="all", threads=1),
    dict(widths=(80, 80), rows=7, page=100, pattern="where:1"),
    dict(widths=(64, 32), stored="i8/token"),
    dict(widths=(64, 32), rows=4, stored="i4/group<32>"),
    dict(widths=(32, 64), rows=40, stored="i4/group<32>", page=0),
    dict(widths=(24, 16), rows=4, stored="f16"),
    dict(widths=(64, 40), rows=4, stored="f8E4M3FN/token"),
    dict(widths=(64, 40), stored="f8E4M3FN", page=0),
]
CHANGED = ["nan in a query", "nan in a value that some see", "infinity in a value that some see", "nan in a key that none sees"]


def try_case(folder, target, case, change=None):
    """None, or what is wrong."""
    inputs = programs.Inputs(case)
    if change:
        nonfinite.CHANGES[change](inputs)
    outputs = 2 if case.lse == "yes" else 1
    options = ["--target", target, "--check", "--threads", str(case.threads)]
    process, results = programs.run(folder, programs.write_program(case), inputs.arrays(case), outputs, options)
    if process.returncode != 0:
        return f"fovea-run failed ({process.returncode}): {(process.stdout + process.stderr).strip()[-800:]}"
    return programs.define(case, inputs).check(results[0], case.element, *results[1:])


def main(folder, target):
    cases = [(dataclasses.replace(BASE, **change), None) for change in VARIED]
    cases += [(dataclasses.replace(BASE, rows=rows), change) for change in CHANGED for rows in nonfinite.ROWS]
    failed = 0
    for case, change in cases:
        problem = try_case(folder, target, case, change)
        if problem:
            failed += 1
            print(f"FAIL: {case}{f', {change}' if change else ''}: {problem}", flush=True)
    print(f"{len(cases)} cases, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
