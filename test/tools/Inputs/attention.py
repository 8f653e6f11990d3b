"""Causal softmax attention of q, k and v in a folder, compared with o.npy."""
import os
import sys

import numpy as np

q, k, v, o = (np.load(os.path.join(sys.argv[1], name + ".npy")).astype(np.float64) for name in "qkvo")
tolerance = float(sys.argv[2])
s = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
rows, columns = s.shape[-2:]
s[..., np.arange(columns)[None, :] > np.arange(rows)[:, None] + columns - rows] = -np.inf
p = np.exp(s - s.max(axis=-1, keepdims=True))
expected = p / p.sum(axis=-1, keepdims=True) @ v
worst = np.max(np.abs(o - expected)) / np.max(np.abs(expected))
assert o.shape == expected.shape, o.shape
assert worst < tolerance, worst
print("good" if worst > 0 else "suspiciously exact")
