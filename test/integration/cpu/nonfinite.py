"""NaN and infinity in inputs: kernels do what the interpreter does.

usage: nonfinite.py FOLDER

A NaN reaches the rows that see it and no other; what is invisible may hold
anything. fovea-run --check compares with the interpreter; the definition in
NumPy is the second opinion.
"""
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np  # noqa: E402

import programs  # noqa: E402

NAN, INF = np.float32("nan"), np.float32("inf")


def put(value, where, at):
    def change(inputs):
        if where == "q":
            inputs.q[0, 1, at] = value
        else:
            for array in getattr(inputs, where):
                if array.shape[1] > at:
                    array[0, at] = value

    return change


def infinite_scores(sign):
    """Key 20 gives every query that sees it a score of `sign` infinity."""

    def change(inputs):
        inputs.q[..., 0] = 1.5
        for keys in inputs.keys:
            if keys.shape[1] > 20:
                keys[:, 20, 0] = sign * INF

    return change


# name: what happens to the inputs. With 40 queries, or 4, beside the last of 300
# keys, causal and window<30>: key 20 is never seen, key 280 by some.
CHANGES = {
    "nan in a query": put(NAN, "q", 3),
    "infinity in a query": put(INF, "q", 3),
    "nan in a key that some see": put(NAN, "keys", 280),
    "nan in a value that some see": put(NAN, "values", 280),
    "infinity in a value that some see": put(-INF, "values", 280),
    "nan in a key that none sees": put(NAN, "keys", 20),
    "nan in a value that none sees": put(NAN, "values", 20),
    "infinity in a key that none sees": put(INF, "keys", 20),
    "infinity in a value that none sees": put(INF, "values", 20),
    "scores of plus infinity": infinite_scores(1),
    "scores of minus infinity": infinite_scores(-1),
}
PATTERNS = ["causal and window<30>", "causal", "causal and (window<30> or sink<4>)"]
KINDS = [
    dict(normalizer="softmax", page=0, element="f32", lse="yes"),
    dict(normalizer="softmax", page=16, element="bf16"),
    dict(normalizer="sink", page=16, element="f32", lse="yes"),
    dict(normalizer="sigmoid", page=0, element="f32"),
    dict(normalizer="relu", page=0, element="f16"),
    dict(normalizer="l1", page=16, element="f32"),
]


ROWS = [40, 4]  # with two heads to a key: lanes along queries, and along keys


def try_case(folder, name, pattern, kind, rows):
    case = programs.Case(widths=(16, 8), rows=rows, keys=300, heads=(2, 1), pattern=pattern, **kind)
    inputs = programs.Inputs(case)
    CHANGES[name](inputs)
    outputs = 2 if case.lse == "yes" else 1
    text = programs.write_program(case)
    process, results = programs.run(folder, text, inputs.arrays(case), outputs, ["--check"])
    if process.returncode != 0:
        return f"fovea-run failed: {(process.stdout + process.stderr)[-600:]}"
    return programs.define(case, inputs).check(results[0], case.element, *results[1:])


def main(folder):
    failed = ran = 0
    for name, (n, pattern), (m, kind) in itertools.product(CHANGES, enumerate(PATTERNS), enumerate(KINDS)):
        if n and (n + m) % 3:  # the first pattern with all kinds, the others in turn
            continue
        for rows in ROWS:
            ran += 1
            problem = try_case(folder, name, pattern, kind, rows)
            if problem:
                failed += 1
                print(f"FAIL: {name}, {pattern}, {kind}, {rows} queries: {problem}")
    print(f"{ran} cases, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
