#!/usr/bin/env python3
"""Bits of results for different numbers of threads, and of repeated calls.

usage: reproducible.py FOLDER

With one number of threads, 20 calls give the same bits. With FOVEA_REPRODUCIBLE=1
so do calls with 1, 2, 3, 4 and 7 threads, and with --reproducible those of
fovea-launch and fovea-run with 1, 2 and 3; without either some decoding differs,
or this test could not fail.
"""
import os
import subprocess
import sys

import programs

THREADS = [1, 2, 3, 4, 7]
CASES = [
    "widths=64x64 rows=200 keys=700 heads=2x1 pattern=causal element=f32 lse=yes",
    "widths=64x64 rows=200 keys=700 heads=2x1 pattern=causal element=bf16",
    "widths=64x64 rows=1 keys=4000 heads=4x1 element=f32 lse=yes",
    "widths=128x128 rows=1 keys=3000 heads=8x2 element=bf16 page=16",
    "widths=64x64 rows=2 keys=3000 heads=4x2 element=bf16 stored=i8/token",
]


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    source, artefact = os.path.join(folder, "case.mlir"), os.path.join(folder, "case.fovea")
    problems = []
    differ = flagged = 0
    for text in CASES:
        case = programs.Case.parse(text)
        with open(source, "w", encoding="utf-8") as file:
            file.write(programs.write_program(case))
        subprocess.run(["foveac", source, "-o", artefact], check=True)
        arrays = programs.Inputs(case).arrays(case)
        outputs = 2 if case.lse == "yes" else 1

        def call(threads, *command):
            command = command or ("fovea-launch", artefact)
            process, results = programs.launch([*command, "--threads", str(threads)], folder, arrays, outputs)
            assert process.returncode == 0, process.stderr
            return b"".join(array.tobytes() for array in results)

        os.environ["FOVEA_REPRODUCIBLE"] = "0"
        differ += len({call(threads) for threads in THREADS}) > 1
        if len({call(3) for _ in range(20)}) > 1:
            problems.append(f"{text}: 20 calls with 3 threads differ")
        os.environ["FOVEA_REPRODUCIBLE"] = "1"
        if len({call(threads) for threads in THREADS}) > 1:
            problems.append(f"{text}: {THREADS} threads differ although reproducible")
        # The flag is enough, whatever the environment says.
        os.environ["FOVEA_REPRODUCIBLE"] = "0"
        flagged += len({call(threads) for threads in (1, 2, 3)}) > 1
        for command in (("fovea-launch", artefact), ("fovea-run", source)):
            if len({call(threads, *command, "--reproducible") for threads in (1, 2, 3)}) > 1:
                problems.append(f"{text}: {command[0]} --reproducible differs for 1, 2 and 3 threads")
    if flagged == 0:
        problems.append("expected 1, 2 and 3 threads to differ without --reproducible; they did not")
    if differ == 0:
        problems.append("expected the number of threads to matter without FOVEA_REPRODUCIBLE; it did not")
    print("\n".join(problems) or f"{len(CASES)} programs: the same bits; the mode mattered for {differ}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
