#!/usr/bin/env python3
"""Cases of the matrix, taken to machine code for chips that the matrix leaves out.

usage: assemble.py FOLDER K/N TARGET...

Takes the K-th part of N of some cases, each for one of the targets, in turn. For
sm_80, gfx942 and gfx1100 the matrix (matrix-*.test) assembles every case; this
sees to it that the other chips of their families take what differs.
"""
import concurrent.futures
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "cpu"))

import matrix  # noqa: E402
import programs  # noqa: E402

CASES = 12
# e_machine of an object for a GPU: "ELF header", registered values.
MACHINES = {190: "sm_", 224: "gfx"}


def pick_cases():
    """Far apart in the list, so that they differ in most factors."""
    cases = list(matrix.make_cases(full=False, device=True))
    return cases[:: len(cases) // CASES][:CASES]


def try_case(folder, number, case, target):
    """None, or what is wrong."""
    source = os.path.join(folder, f"{number}-{target}.mlir")
    output = os.path.join(folder, f"{number}-{target}.o")
    with open(source, "w", encoding="utf-8") as file:
        file.write(programs.write_program(case))
    command = ["foveac", source, "--target", target, "--emit", "object", "-o", output]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode != 0:
        return f"{target}: {case}\n{process.stderr.strip()[-800:]}"
    with open(output, "rb") as file:
        head = file.read(20)
    machine = int.from_bytes(head[18:20], "little")
    if head[:4] != b"\x7fELF" or not target.startswith(MACHINES.get(machine, "?")):
        return f"{target}: {case}\nexpected an ELF file for the chip, got {head!r}"
    return None


def main():
    folder, shard, *targets = sys.argv[1:]
    part, parts = map(int, shard.split("/"))
    os.makedirs(folder, exist_ok=True)
    cases = pick_cases()[part - 1 :: parts]
    jobs = [(folder, number, case, targets[number % len(targets)]) for number, case in enumerate(cases)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        problems = [p for p in pool.map(lambda job: try_case(*job), jobs) if p]
    for problem in problems:
        print(f"FAIL: {problem}")
    print(f"{len(jobs)} programs, {len(problems)} failures")
    return 1 if problems or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
