#!/usr/bin/env python3
"""Makes a folder that holds all a machine with a GPU needs to run the benchmark.

Usage: benchmarks/gpu/make.py FOLDER [--build DIR] [--targets NAMES] [--only TEXT]

Compiles each program (variants.py) with foveac for all targets into one .fovea
file, and puts beside them libfovea_program.so, fovea_runtime.py, the
definition (fovea_oracle.py) and the scripts. On the other machine:

    python3 FOLDER/run.py FOLDER

Needs a build of foveac and fovea_program_shared. A kernel is a binary where
ptxas is installed here, else a text that the driver there compiles.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import time

import variants

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ("run.py", "variants.py", "checks.py", "peers.py", "README.md")


def compile_program(foveac, program, targets, folder):
    """Compiles to folder/NAME.fovea; stops with the compiler's words."""
    output = folder / f"{program.name}.fovea"
    start = time.perf_counter()
    process = subprocess.run([foveac, "-", "--target", targets, "-o", output],
                             input=program.text, capture_output=True, text=True)
    if process.returncode != 0:
        sys.exit(f"{program.name}: foveac failed:\n{process.stdout}{process.stderr}")
    seconds = time.perf_counter() - start
    print(f"{output.name}: {output.stat().st_size / 1024:.0f} KiB in {seconds:.1f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/ci")
    parser.add_argument("--targets", default="sm_80,sm_90", metavar="NAMES")
    parser.add_argument("--only", default="", help="programs whose name has this, as bf16-d64-causal")
    options = parser.parse_args()
    chosen = [p for p in variants.programs() if options.only in p.name]
    if not chosen:
        parser.error(f"expected a part of one of {', '.join(p.name for p in variants.programs())} "
                     f"after --only; got '{options.only}'")
    foveac = options.build / "bin" / "foveac"
    library = options.build / "runtime" / "libfovea_program.so"
    for path in (foveac, library):
        if not path.exists():
            parser.error(f"expected {path}; build foveac and fovea_program_shared, or give --build")
    options.folder.mkdir(parents=True, exist_ok=True)
    for stale in options.folder.glob("*.fovea"):
        stale.unlink()
    for program in chosen:
        compile_program(foveac, program, options.targets, options.folder)
    here = pathlib.Path(__file__).resolve().parent
    for path in [library, *(ROOT / "python" / name for name in ("fovea_runtime.py", "fovea_oracle.py")),
                 *(here / name for name in SCRIPTS)]:
        shutil.copy(path, options.folder)


if __name__ == "__main__":
    main()
