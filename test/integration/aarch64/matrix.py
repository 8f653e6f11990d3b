#!/usr/bin/env python3
"""Cases of the CPU's matrix on AArch64, under qemu, against their definition.

usage: matrix.py [--case TEXT] --runtime BUILD --chip NAME=QEMU_CPU... FOLDER

Each case is compiled to a .fovea file for every chip, and run there by the
fovea-launch that was built for AArch64 in BUILD (tools/cmake/aarch64-linux.cmake),
on the CPU of qemu that is named with the chip.
"""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cpu"))

import programs  # noqa: E402

# Prefill and decoding; each type, encoding, layout and normaliser at least once.
CASES = [
    "widths=64x64 rows=65 keys=150 heads=4x1 pattern=causal element=f32 lse=yes threads=2",
    "widths=64x64 rows=65 keys=150 heads=4x1 pattern=causal element=bf16 lse=yes threads=2",
    "widths=64x64 rows=65 keys=150 heads=4x1 pattern=causal element=f16 threads=2",
    "widths=128x128 rows=1 keys=333 heads=8x2 pattern=all element=bf16 threads=2",
    "widths=128x128 rows=1 keys=333 heads=8x2 pattern=all element=f32 threads=1",
    "widths=40x96 rows=7 keys=64 heads=4x4 pattern=window<5> element=bf16 page=16 threads=1",
    "widths=96x40 rows=70 keys=64 heads=4x2 pattern=causal_and_(window<64>_or_sink<4>) element=f32 page=16 threads=2",
    "widths=64x64 rows=1 keys=200 heads=8x2 element=bf16 stored=i8/token page=16 threads=2",
    "widths=64x64 rows=40 keys=99 heads=8x2 element=f32 stored=i8/token threads=2",
    "widths=64x128 rows=3 keys=130 heads=4x1 element=bf16 stored=i4/group<32> threads=1",
    "widths=80x80 rows=33 keys=70 heads=4x1 element=f32 stored=f8E4M3FN/token page=100 threads=2",
    "widths=64x64 rows=2 keys=77 heads=4x2 element=bf16 stored=f16 normalizer=sink threads=2",
    "widths=64x64 rows=31 keys=80 heads=4x1 element=f32 score=cap normalizer=sigmoid threads=1",
    "widths=64x64 rows=31 keys=80 heads=4x1 element=f16 score=alibi pattern=causal_and_document threads=2",
    "widths=32x16 rows=40 keys=80 heads=2x1 element=f32 score=bf16 threads=2",
    "widths=32x16 rows=4 keys=80 heads=2x1 element=bf16 score=f16 pattern=causal lse=yes threads=2",
]


def build_runtime(folder):
    """The path of fovea-launch for AArch64."""
    source = programs.ROOT
    for command in (
        ["cmake", "-S", f"{source}/runtime", "-B", folder, "-G", "Ninja"]
        + ["--toolchain", f"{source}/tools/cmake/aarch64-linux.cmake"],
        ["ninja", "-C", folder, "fovea-launch"],
    ):
        process = subprocess.run(command, capture_output=True, text=True)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} failed:\n{process.stdout}{process.stderr}")
    return os.path.join(folder, "bin", "fovea-launch")


def try_case(case, chip, emulator, folder):
    """None, or what is wrong."""
    os.makedirs(folder, exist_ok=True)
    source, artefact = os.path.join(folder, "case.mlir"), os.path.join(folder, "case.fovea")
    with open(source, "w", encoding="utf-8") as file:
        file.write(programs.write_program(case))
    compiled = subprocess.run(
        ["foveac", source, "--target", chip, "-o", artefact], capture_output=True, text=True
    )
    if compiled.returncode != 0:
        return f"foveac failed: {compiled.stderr.strip()[-800:]}"
    inputs = programs.Inputs(case)
    process, results = programs.launch(
        [*emulator, artefact, "--threads", str(case.threads)],
        folder, inputs.arrays(case), 2 if case.lse == "yes" else 1,
    )  # fmt: skip
    if process.returncode != 0:
        return f"fovea-launch failed ({process.returncode}): {(process.stdout + process.stderr).strip()[-800:]}"
    return programs.define(case, inputs).check(results[0], case.element, *results[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--runtime", required=True, metavar="BUILD", help="where to build it; what is there is kept")
    parser.add_argument("--chip", required=True, action="append", metavar="NAME=QEMU_CPU")
    parser.add_argument("--case", action="append", metavar="TEXT", help="run this one")
    options = parser.parse_args()
    launch = build_runtime(options.runtime)
    ran = failed = 0
    for text in options.case or CASES:
        for chip, cpu in (word.split("=") for word in options.chip):
            emulator = ["qemu-aarch64", "-cpu", cpu, "-L", "/usr/aarch64-linux-gnu", launch]
            problem = try_case(programs.Case.parse(text), chip, emulator, options.folder)
            ran += 1
            if problem:
                failed += 1
                print(f"FAIL on {chip}: {problem}\n  --chip {chip}={cpu} --case '{text}'", flush=True)
    print(f"{ran} cases, {failed} failures")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
