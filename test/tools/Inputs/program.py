"""Runs a .fovea file from Python and compares with fovea-run's output."""
import sys

import fovea_runtime
import numpy

folder = sys.argv[1]
q, k, v, o = (numpy.load(f"{folder}/{name}.npy") for name in "qkvo")
program = fovea_runtime.Program(f"{folder}/k.fovea").load("cpu")
print("target:", program.target)
print("entries:", ", ".join(program.entries))
print("shapes:", program.output_shapes([q, k, v]))
print("error:", "small" if abs(program(q, k, v) - o).max() < 1e-6 else "large")

# Strided views are taken as they are.
wide = numpy.zeros(q.shape[:2] + (q.shape[2] + 5, q.shape[3]), q.dtype)
wide[:, :, 2:-3] = q
print("strided:", "small" if abs(program(wide[:, :, 2:-3], k, v) - o).max() < 1e-6 else "large")

for bad in (lambda: program(q, k), lambda: program(q, k[..., :32].copy(), v), lambda: program(q.astype("f8"), k, v),
            lambda: fovea_runtime.Program(f"{folder}/q.npy"), lambda: fovea_runtime.Device("cuda:no"),
            lambda: program.load(target="cpu:z80")):  # fmt: skip
    try:
        bad()
    except fovea_runtime.Error as error:
        print("refused:", error)
