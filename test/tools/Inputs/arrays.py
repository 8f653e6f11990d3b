"""Writes the arrays that fovea-run.test and its errors use, in a folder."""
import os
import sys

import numpy as np

folder = sys.argv[1]
rng = np.random.default_rng(1)


def save(name, array):
    np.save(os.path.join(folder, name + ".npy"), array)


save("q", rng.standard_normal((1, 2, 5, 64), dtype=np.float32))
save("k", rng.standard_normal((1, 2, 9, 64), dtype=np.float32))
save("v", rng.standard_normal((1, 2, 9, 64), dtype=np.float32))
save("wide", rng.standard_normal((1, 2, 9, 32), dtype=np.float32))
save("flat", rng.standard_normal((9, 64), dtype=np.float32))
save("whole", np.zeros((1, 2, 9, 64), dtype=np.int32))
with open(os.path.join(folder, "v.npy"), "rb") as file:
    contents = file.read()
with open(os.path.join(folder, "cut.npy"), "wb") as file:
    file.write(contents[:-4])
