"""Compares exp and exp2 of kernels with double precision.

exponentials.py input X.npy              writes values and special cases
exponentials.py check X.npy EXP.npy EXP2.npy
"""
import sys

import numpy as np

SPECIAL = [np.nan, np.inf, -np.inf, 0, -0.0, -1e30, 1e30, 127.9999, 128, -126, -127, -150, 88.72283, 89.5, 1e-30, 3e38]
LEAST = 2.0**-126
MOST = float(np.finfo(np.float32).max)


def make():
    rng = np.random.default_rng(0)
    parts = [rng.uniform(-160, 140, 1 << 16), rng.uniform(-1, 1, 1 << 16), SPECIAL]
    return np.concatenate(parts).astype(np.float32)


def check(name, x, got, function):
    with np.errstate(over="ignore"):
        exact = function(x.astype(np.float64))
    normal = (exact >= LEAST) & (exact <= MOST)
    worst = np.max(np.abs(got[normal] - exact[normal]) / exact[normal])
    assert worst < 2e-7, (name, worst)
    assert worst > 1e-8, "too good to be f32"
    assert np.all(np.isnan(got[np.isnan(x)])), name
    assert not np.any(np.isnan(got[~np.isnan(x)])), name
    # Below the least normal number a result may be flushed, no more.
    small = exact < LEAST
    assert np.all((got[small] >= 0) & (got[small] <= LEAST * (1 + 2e-7))), name
    # 2e-7 below the largest number, either side may round to infinity.
    assert np.all(np.isinf(got[exact > MOST * (1 + 2e-7)])), name
    assert np.all(got[x == 0] == 1), name
    print(f"{name}: good")


if sys.argv[1] == "input":
    np.save(sys.argv[2], make())
else:
    x, exp, exp2 = (np.load(path) for path in sys.argv[2:])
    check("exp", x, exp, np.exp)
    check("exp2", x, exp2, np.exp2)
