"""Runs the example cascades and compares them with NumPy in float64.

Usage: cascades.py EXAMPLES FOLDER [OPTIONS of fovea-run...]
"""
import pathlib
import subprocess
import sys

import numpy as np

EXAMPLES, FOLDER = map(pathlib.Path, sys.argv[1:3])
OPTIONS = sys.argv[3:]  # of fovea-run
RANDOM = np.random.default_rng(7)


def run(name, inputs, outputs):
    """Results of an example, through .npy files as a user would."""
    command = ["fovea-run", str(EXAMPLES / f"{name}.mlir"), *OPTIONS]
    for i, array in enumerate(inputs):
        path = FOLDER / f"{name}_in{i}.npy"
        np.save(path, array.astype(np.float32))
        command += ["--input", str(path)]
    paths = [FOLDER / f"{name}_out{i}.npy" for i in range(outputs)]
    for path in paths:
        command += ["--output", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return [np.load(path).astype(np.float64) for path in paths]


def compare(name, got, expected, tolerance):
    """Errors are relative to the largest value of each result."""
    for actual, wanted in zip(got, expected, strict=True):
        assert actual.shape == np.shape(wanted), (name, actual.shape)
        scale = np.max(np.abs(wanted))
        worst = np.max(np.abs(actual - wanted)) / scale
        if not worst <= tolerance:
            print(f"{name}: worst error {worst:.2e} of {scale:.3g}")
            return
    print(f"{name}: good")


def main():
    # f32 arithmetic over 1500 terms: a few units of 2^-24 per square root of
    # the length, hence 1e-5.
    scores = 3 * RANDOM.normal(size=(37, 1500))
    scores = scores.astype(np.float32).astype(float)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    entropy = -(weights * np.log(weights)).sum(axis=1)
    compare("entropy", run("entropy", [scores], 1), [entropy], 1e-5)

    # Far from zero: sums of squares would be wrong by 1e6 * 2^-24 = 6e-2. What
    # is left is the running mean's rounding, 2^-14 at 1000, on each step.
    rows = (RANDOM.normal(size=(37, 1500)) + 1000).astype(np.float32)
    wide = rows.astype(float)
    compare("mean_variance", run("mean_variance", [rows], 2),
            [wide.mean(axis=1), wide.var(axis=1)], 5e-5)

    x = RANDOM.normal(size=1500).astype(np.float32).astype(float)
    w = RANDOM.normal(size=(1500, 16)).astype(np.float32).astype(float)
    scale = np.abs(x).max() / 127
    compare("quantised_product", run("quantised_product", [x, w], 2),
            [(x / scale) @ w, scale], 1e-5)


main()
