"""A second, independent meaning for cascades: NumPy in float64.

usage: numpy_oracle.py <folder for arrays> <oracle.mlir>

Runs the functions of oracle.mlir in the interpreter on random arrays and
compares. Nothing here looks at the IR: each function is written anew from its
sentence in oracle.mlir.
"""
import os
import subprocess
import sys

import numpy as np

folder, source = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
failures = 0
comparisons = 0


def interpret(entry, arguments, num_results):
    command = ["fovea-interpret", source, "--entry", entry, "--double"]
    for i, argument in enumerate(arguments):
        path = os.path.join(folder, f"in{i}.npy")
        np.save(path, argument)
        command += ["--input", path]
    outputs = [os.path.join(folder, f"out{i}.npy") for i in range(num_results)]
    for path in outputs:
        command += ["--output", path]
    subprocess.run(command, check=True)
    return [np.load(path) for path in outputs]


def compare(what, results, expected):
    global failures, comparisons
    for i, (result, wanted) in enumerate(zip(results, expected, strict=True)):
        comparisons += 1
        # Both sides compute in double and differ in the order of sums only.
        if result.shape != wanted.shape or not np.allclose(
            result, wanted, rtol=1e-12, atol=1e-13, equal_nan=True
        ):
            failures += 1
            print(f"{what}, result {i}: expected\n{wanted}\ngot\n{result}")


def attention(q, k, v, seen, shift):
    i, j = np.ogrid[: len(q), : len(k)]
    visible = (j <= i + shift) & (seen != 0)
    output = np.zeros((len(q), v.shape[1]))
    lse = np.full(len(q), -np.inf)
    for row in range(len(q)):
        keys = np.flatnonzero(visible[row])
        if len(keys) == 0:
            continue
        scores = k[keys] @ q[row]
        lse[row] = np.logaddexp.reduce(scores)
        output[row] = np.exp(scores - lse[row]) @ v[keys]
    return output, lse


def convolution(x, f):
    y = np.zeros_like(x)
    for c in range(x.shape[1]):
        # full[n] = sum_w x[n - w] f[w], and y[t] = full[t + 1].
        full = np.append(np.convolve(x[:, c], f[:, c]), 0.0)
        y[:, c] = full[1 : 1 + len(x)]
    return (y,)


def recurrence(a, x, h0):
    # Closed form: h_t = sum_s (prod_{s < u <= t} a_u) x_s + (prod_{u <= t} a_u) h0
    steps = len(a)
    after = np.zeros((x.shape[1], steps))
    for t in range(steps):
        after[:, t] = np.prod(a[: t + 1]) * h0
        for s in range(t + 1):
            after[:, t] += np.prod(a[s + 1 : t + 1]) * x[s]
    before = np.concatenate([h0[:, None], after], axis=1)[:, :steps]
    return before, after, after[:, -1] if steps else h0


def gather(pages, table, lengths):
    sequences = []
    for row, length in zip(table, lengths):
        used = row[: -(-length // pages.shape[2])]
        tokens = np.concatenate(
            [pages[p] for p in used] + [np.zeros((pages.shape[1], 0, pages.shape[3]))], axis=1
        )
        padding = np.zeros((pages.shape[1], lengths.max() - length, pages.shape[3]))
        sequences.append(np.concatenate([tokens[:, :length], padding], axis=1))
    return (np.stack(sequences),)


def check(entry, arguments, oracle):
    expected = oracle(*arguments)
    compare(f"{entry} on {[np.shape(a) for a in arguments]}", interpret(entry, arguments, len(expected)), expected)


for seed in range(3):
    rng = np.random.default_rng(seed)
    for queries, keys, width, shift in [(5, 7, 4, 2), (1, 9, 3, 8), (6, 4, 2, -2), (3, 0, 2, 0)]:
        # shift -2: the first two rows see nothing. Scores up to about 1e4.
        scale = 100.0 if seed == 2 else 1.0
        check(
            "attention",
            [
                scale * rng.standard_normal((queries, width)),
                scale * rng.standard_normal((keys, width)),
                rng.standard_normal((keys, 3)),
                rng.integers(0, 4, keys).astype(np.int32),
                np.int32(shift),
            ],
            attention,
        )
    check("convolution", [rng.standard_normal((8, 2)), rng.standard_normal((4, 2))], convolution)
    check("recurrence", [rng.uniform(0, 1, 6), rng.standard_normal((6, 2)), rng.standard_normal(2)], recurrence)
    table = np.array([[3, 1, 99], [0, 4, 2], [99, 99, 99]], np.int32)
    lengths = np.array([rng.integers(5, 9), rng.integers(9, 13), 0], np.int32)
    check("gather", [rng.standard_normal((5, 2, 4, 3)), table, lengths], gather)

print(f"{comparisons} comparisons, {failures} failures")
sys.exit(1 if failures else 0)
