"""The tables of benchmarks/gpu/run.py for times that a person can check."""
import os
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 4))
sys.path.insert(0, os.path.join(ROOT, "benchmarks", "gpu"))
sys.dont_write_bytecode = True

import run  # noqa: E402
from variants import Problem, Program  # noqa: E402

# 2 * 8192^3 in 33.3 ms are 33 TFLOP/s; 512 MiB in 268.4 us are 2000 GB/s.
PRODUCT, COPY = 2 * 8192**3 / 33e12, (512 << 20) / 2000e9
masked = "no mask, no | bar"


def times(variant, groups, rows, keys, seconds, refusals):
    problem = Problem(Program("bf16", 64, variant), 1, 32, groups, rows, keys)
    return run.Times(problem, seconds, 5e-6, refusals)


# 4 * 32 * 64 * 1000^2 = 8.19e9; the window of 1024 leaves of 2048 queries
# 1024 * 1025 / 2 + 1024 * 1024 = 1573376 pairs: 12.89e9; K and V of the cache
# are 2 * 2 * 8 * 10000 * 64 = 20.48e6 bytes.
FLASH, EFFICIENT, FLEX = "FLASH_ATTENTION", "EFFICIENT_ATTENTION", "FlexAttention"
measured = [
    times("full", 32, 1000, 1000, {"ours": 1e-3, "product": PRODUCT, FLASH: 5e-4, FLEX: 3e-3}, {EFFICIENT: masked}),
    times("window", 32, 2048, 2048, {"ours": 2e-3, "product": PRODUCT, FLEX: 1e-3},
          {FLASH: "no mask", EFFICIENT: masked}),
    times("paged", 8, 1, 10000, {"ours": 20e-6, "copy": COPY, FLASH: 40e-6},
          {EFFICIENT: masked, FLEX: "out of memory"}),
]  # fmt: skip
verdict = run.checks.Verdict(70, 1e-3, 7.82e-3, 0.5)
print(run.report(["a machine"], measured, [["x", *verdict.cells]], "a definition"))
