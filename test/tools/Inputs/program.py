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

# A call that is described once sees what its arrays hold when it is made.
again = program.bind(q, k, v)
first = again().copy()
q *= 2
print("bound:", "small" if abs(first - o).max() < 1e-6 and (again() == program(q, k, v)).all() else "large")
q /= 2

# Bits of bfloat16: ties to even, 2^-9 lost and kept, the end of the range.
numbers = numpy.array([1, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-7, 3.4e38, numpy.inf, numpy.nan], "f4")
rounded = fovea_runtime.BFloat16.round(numbers)
print("bfloat16:", *(f"{x:04x}" for x in rounded.bits), *rounded.float32()[:4])

for bad in (lambda: program(q, k), lambda: program(q, k[..., :32].copy(), v), lambda: program(q.astype("f8"), k, v),
            lambda: fovea_runtime.Program(f"{folder}/q.npy"), lambda: fovea_runtime.Device("cuda:no"),
            lambda: program.load(target="cpu:z80"), lambda: fovea_runtime.BFloat16(numbers)):  # fmt: skip
    try:
        bad()
    except fovea_runtime.Error as error:
        print("refused:", error)
