#!/usr/bin/env python3
"""attn.append on AArch64, under qemu: the cases of ../cpu/append.py.

usage: new_tokens.py BUILD NAME=QEMU_CPU FOLDER

BUILD is where fovea-launch for AArch64 is built; what is there is kept.
"""
import os
import subprocess
import sys

import matrix  # beside this file; it makes the CPU's tests importable

import append as cases  # noqa: E402 isort: skip
import programs  # noqa: E402 isort: skip


def main():
    build, chip, folder = sys.argv[1:]
    chip, cpu = chip.split("=")
    emulator = ["qemu-aarch64", "-cpu", cpu, "-L", "/usr/aarch64-linux-gnu", matrix.build_runtime(build)]

    def run(where, text, arrays, outputs):
        os.makedirs(where, exist_ok=True)
        source, artefact = os.path.join(where, "append.mlir"), os.path.join(where, "append.fovea")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        command = ["foveac", source, "--target", chip, "-o", artefact]
        compiled = subprocess.run(command, capture_output=True, text=True)
        if compiled.returncode != 0:
            return compiled, None
        return programs.launch([*emulator, artefact], where, arrays, outputs)

    ran, failed = cases.try_all(folder, chip, run)
    print(f"{ran} cases, {failed} failures")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
