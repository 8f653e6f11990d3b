#!/usr/bin/env python3
"""Time and memory of attention against its length, with a window and sinks.

Usage: benchmarks/cpu/scale.py [--build DIR] [--threads N] [--repeats N]
                               [--longest S] [--memory-only] [--write FILE.md]

A query sees the WINDOW keys before it and the first SINKS: the work grows as
the length, and so must time and memory. Each length is a prefill of as many
queries as keys by `fovea-launch`, in a process of its own, whose peak memory is
asked of the system. Fails if time per query at the longest is more than
1.25 of that at a sixteenth of it, or if memory beyond the operands grows.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from machine import describe_machine

ROOT = pathlib.Path(__file__).resolve().parents[2]
LENGTHS = [4096 * 4**n for n in range(5)]
WIDTH, WINDOW, SINKS = 64, 256, 4
BYTES = {"f32": 4, "bf16": 2}
MOST_TIME = 1.25
MOST_MEMORY = 32 << 20  # the process itself, and what each thread holds


def program(element):
    tensor = f"tensor<?x?x?x{WIDTH}x{element}>"
    kv = f"!attn.kv<dense, key = {WIDTH}, value = {WIDTH}, {element}>"
    return f"""func.func @attention(%q: {tensor}, %kv: {kv}) -> {tensor} {{
  %o = attn.attend %q, %kv pattern<causal and (window<{WINDOW}> or sink<{SINKS}>)>
     : ({tensor}, {kv}) -> {tensor}
  return %o : {tensor}
}}
"""


def measure(artefact, length, options):
    """Seconds of a call, and bytes that the process held at most."""
    shape = f"1x1x{length}x{WIDTH}"
    process = subprocess.Popen(
        [options.build / "bin" / "fovea-launch", artefact, "--random",
         ",".join([shape] * 3), "--bench", str(options.repeats), "--threads",
         str(options.threads)],
        stdout=subprocess.PIPE, text=True)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"fovea-launch failed at {length}")
    time = float(re.search(r"median ([\d.e+]+) ms", text).group(1)) / 1e3
    return time, usage.ru_maxrss << 10


def visible(length):
    """Pairs of queries and keys."""
    window = sum(min(i + 1, WINDOW) for i in range(WINDOW)) + \
        (length - WINDOW) * WINDOW
    sinks = sum(min(max(i + 1 - WINDOW, 0), SINKS)
                for i in range(WINDOW + SINKS)) + \
        (length - WINDOW - SINKS) * SINKS
    return window + sinks


def scale(element, folder, options):
    """Lines of a table, and what is wrong."""
    source, artefact = folder / "program.mlir", folder / "program.fovea"
    source.write_text(program(element))
    subprocess.run([options.build / "bin" / "foveac", source, "-o", artefact],
                   check=True)
    lines = [f"{element}:", "",
             "| S | ms | us per query | ns per visible pair | operands MiB | "
             "peak memory MiB | beyond the operands MiB |",
             "|---|---|---|---|---|---|---|"]
    problems, per_query = [], {}
    for length in (n for n in LENGTHS if n <= options.longest):
        time, memory = measure(artefact, length, options)
        operands = 4 * length * WIDTH * BYTES[element]
        per_query[length] = time / length
        lines.append(
            f"| {length} | {time * 1e3:.1f} | {time / length * 1e6:.2f} | "
            f"{time / visible(length) * 1e9:.2f} | {operands >> 20} | "
            f"{memory >> 20} | {(memory - operands) >> 20} |")
        print(lines[-1], flush=True)
        if memory - operands > MOST_MEMORY:
            problems.append(f"{element} {length}: expected at most "
                            f"{MOST_MEMORY >> 20} MiB beyond the operands")
    last = max(per_query)
    growth = per_query[last] / per_query.get(last // 16, per_query[last])
    if growth > MOST_TIME and not options.memory_only:
        problems.append(f"{element}: time per query grows by {growth:.2f}")
    if last // 16 in per_query:
        lines += ["", f"Time per query at {last} over that at {last // 16}: "
                      f"{growth:.2f}."]
    return lines + [""], problems


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/ci")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--longest", type=int, default=LENGTHS[-1])
    parser.add_argument("--elements", default="f32,bf16")
    parser.add_argument("--memory-only", action="store_true",
                        help="do not judge times")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    text = [f"Machine: {describe_machine()}; {options.threads} threads; medians "
            f"of {options.repeats} calls. One head of width {WIDTH}, a causal "
            f"window of {WINDOW} keys and {SINKS} sinks; as many queries as "
            "keys.", ""]
    problems = []
    with tempfile.TemporaryDirectory() as name:
        for element in options.elements.split(","):
            lines, found = scale(element, pathlib.Path(name), options)
            text += lines
            problems += found
    if options.write:
        options.write.write_text("# Time and memory against length\n\n" +
                                 "\n".join(text))
    print("\n".join(problems) or "linear")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
