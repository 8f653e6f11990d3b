"""Inputs that break a rule: a message that names it, a failure, no output.

usage: refusals.py FOLDER
"""
import os
import sys
from dataclasses import replace

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy as np  # noqa: E402

import programs  # noqa: E402

DENSE = programs.Case(widths=(8, 8), rows=5, keys=9, heads=(4, 2), pattern="causal and document", normalizer="sink")
PAGED = programs.Case(widths=(8, 8), rows=5, keys=9, heads=(4, 2), pattern="document", page=4)
PAGED_CAUSAL = replace(PAGED, pattern="causal")
Q, K, V, IDS, LOGITS = range(5)  # of DENSE
PK, PV, TABLE, LENGTHS, PIDS = range(1, 6)  # of PAGED


def cut(number, axis, to):
    def change(arrays):
        arrays[number] = np.ascontiguousarray(np.take(arrays[number], range(to), axis=axis))

    return change


def write(number, at, value):
    def change(arrays):
        arrays[number] = arrays[number].copy()
        arrays[number][at] = value

    return change


def wider(arrays):
    arrays[Q] = np.concatenate([arrays[Q], arrays[Q]], axis=-1)


# (case, what is done to the arrays, part of the message)
REFUSALS = [
    (DENSE, cut(Q, 1, 3), "expected the number of query heads to be a multiple of the number of key heads"),
    (DENSE, cut(V, 1, 1), "expected as many heads of values as of keys"),
    (DENSE, cut(K, 1, 0), "expected"),
    (DENSE, cut(Q, 0, 1), "expected keys of the query's batch size"),
    (DENSE, cut(V, 0, 1), "expected values of the query's batch size"),
    (DENSE, cut(V, 2, 8), "expected as many rows of values as of keys"),
    (DENSE, cut(IDS, 1, 8), "expected a document for each key"),
    (DENSE, cut(IDS, 0, 1), "expected documents of the query's batch size"),
    (DENSE, cut(LOGITS, 0, 3), "expected one sink logit for each query head"),
    (DENSE, wider, "8"),
    (PAGED, cut(PIDS, 1, 8), "expected a document for each key of the longest sequence"),
    (PAGED, cut(PV, 0, 2), "expected as many pages of values as of keys"),
    (PAGED, cut(TABLE, 0, 1), "expected one row of the page table for each sequence"),
    (PAGED, cut(LENGTHS, 0, 1), "expected one length for each sequence"),
    (PAGED, write(TABLE, (0, 1), 1000), "a used slot holds a page id outside"),
    (PAGED, write(TABLE, (0, 1), -1), "a used slot holds a page id outside"),
    (PAGED_CAUSAL, write(LENGTHS, 0, 4 * 100), "a length is negative or exceeds the table's capacity"),
    (PAGED_CAUSAL, write(LENGTHS, 0, -1), "a length is negative or exceeds the table's capacity"),
]


def try_refusal(folder, case, change, message):
    arrays = programs.Inputs(case).arrays(case)
    text = programs.write_program(case)
    process, _ = programs.run(folder, text, arrays, 1)
    if process.returncode != 0:
        return f"the good inputs were refused: {process.stderr}"
    change(arrays)
    process, _ = programs.run(folder, text, arrays, 1)
    if process.returncode != 1:
        return f"expected exit status 1, got {process.returncode}: {process.stderr[-300:]}"
    if message not in process.stderr:
        return f"expected '{message}', got '{process.stderr.strip()}'"
    left = [name for name in os.listdir(folder) if name.startswith("out")]
    return f"an output was left: {left}" if left else None


def main(folder):
    failed = 0
    for number, refusal in enumerate(REFUSALS):
        problem = try_refusal(folder, *refusal)
        if problem:
            failed += 1
            print(f"FAIL: refusal {number}: {problem}")
    print(f"{len(REFUSALS)} refusals, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
