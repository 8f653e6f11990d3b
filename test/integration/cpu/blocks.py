#!/usr/bin/env python3
"""Products of blocks in memory, as a chip with AMX gets them, computed here.

usage: blocks.py FOLDER

A schedule with `blocks` in the program's text takes the way of such a chip up to
the instruction, in whose place come products of pairs in vectors.
"""
import subprocess
import sys

import programs

SCHEDULE = (
    "#tile.schedule<rows = 128, keys = 256, block = 8, lanes = 16, pairs = true, "
    "splits = 16, pack = true, blocks = true>"
)
FEW_ROWS = ", ".join(
    f"#tile.schedule<rows = {rows}, keys = 64, block = 2, lanes = 16, pairs = true, splits = 16, "
    f"pack = true, narrow = true, blocks = true, distance = {distance}>"
    for rows, distance in ((4, 16), (16, 0))
)
CASES = [
    "widths=64x64 rows=300 keys=700 heads=2x1 pattern=all element=bf16 lse=yes",
    "widths=64x64 rows=300 keys=700 heads=2x1 pattern=causal element=bf16",
    "widths=128x128 rows=257 keys=1000 heads=4x2 pattern=causal_and_window<300> element=bf16",
    "widths=96x64 rows=130 keys=513 heads=2x2 pattern=block<48> element=bf16 page=16",
    "widths=64x128 rows=200 keys=600 heads=4x1 pattern=causal element=bf16 page=100 stored=i8/token",
    "widths=64x64 rows=200 keys=600 heads=2x1 pattern=causal_or_prefix<70> element=bf16 stored=i4/group<32>",
    "widths=64x64 rows=140 keys=520 heads=2x1 element=bf16 score=cap normalizer=sink threads=3",
    "widths=40x80 rows=140 keys=520 heads=2x1 pattern=causal element=bf16",
    # Few rows: full steps in blocks, the last one in registers.
    "widths=64x64 rows=3 keys=900 heads=4x1 pattern=all element=bf16 threads=3",
    "widths=128x128 rows=1 keys=700 heads=4x1 element=bf16 lse=yes",
    "widths=40x80 rows=1 keys=300 heads=2x1 element=bf16 page=16",
    "widths=64x32 rows=4 keys=500 heads=4x1 pattern=causal_and_window<300> element=bf16",
    "widths=128x64 rows=1 keys=700 heads=4x2 element=bf16 page=16 stored=i8/token",
    "widths=64x96 rows=2 keys=321 heads=2x1 element=bf16 stored=f8E4M3FN/token score=cap",
    # Groups whose scales leave the sums, and three, which keep them.
    "widths=128x64 rows=1 keys=700 heads=4x1 element=bf16 stored=i4/group<32> threads=2",
    "widths=64x128 rows=3 keys=400 heads=4x1 pattern=causal element=bf16 page=100 stored=i4/group<32>",
    "widths=96x96 rows=1 keys=300 heads=4x1 element=bf16 stored=i4/group<32>",
]


def main():
    folder = sys.argv[1]
    failed = blocks = 0
    for text in CASES:
        case = programs.Case.parse(text)
        inputs = programs.Inputs(case)
        program = programs.write_program(case).replace(
            " {\n  %r0", f"\n    attributes {{tile.schedule = {SCHEDULE}, tile.few_rows = [{FEW_ROWS}]}} {{\n  %r0", 1
        )
        outputs = 2 if case.lse == "yes" else 1
        process, results = programs.run(
            folder, program, inputs.arrays(case), outputs, ["--threads", str(case.threads)]
        )
        problem = (
            process.stderr.strip()[-800:]
            if process.returncode != 0
            else programs.define(case, inputs).check(results[0], case.element, *results[1:])
        )
        if problem:
            failed += 1
            print(f"FAIL: {problem}\n  '{text}'", flush=True)
        printed = subprocess.run(
            ["foveac", f"{folder}/program.mlir", "--print-after", "vector"], capture_output=True, text=True
        ).stdout
        blocks += "tile.dot_block" in printed
    print(f"{len(CASES)} cases, {failed} failures, {blocks} with blocks")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
