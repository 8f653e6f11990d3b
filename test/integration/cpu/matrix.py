#!/usr/bin/env python3
"""The matrix: attention in all its variants, compiled, against its definition.

usage: matrix.py [--shard K/N] [--full] [--oracle] [--list] [--case TEXT]
                 [--target NAME --device NAME... [--assemble]] FOLDER

Writes each case's program and random inputs to FOLDER, runs fovea-run (which
must be on PATH) and compares with python/fovea_oracle.py; small cases also
with the reference interpreter (--check). By default the cases are few, and
every two values of any two factors meet in one; --full runs the product of all
factors (for days; --shard takes its K-th part of N). A failure prints the
command that repeats it.

With --target of a GPU each case is compiled once and run on every --device
(emulated ones with different schedules, say); lengths are smaller. --assemble
makes machine code for the GPU of it as well, with the assembler of its vendor.

With --oracle no kernel is run: on shrunken cases the definition is compared
with the reference interpreter. The two share no code.
"""
import argparse
import dataclasses
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import pairwise  # noqa: E402
import programs  # noqa: E402

LENGTHS = [1, 7, 63, 64, 65, 1000, 4097]
FACTORS = {
    "widths": [(d, d) for d in (1, 40, 64, 80, 96, 128, 192, 256)] + [(64, 128), (96, 40)],
    "rows": LENGTHS,
    "keys": LENGTHS,
    "heads": [(8, 1), (8, 2), (4, 4), (4, 1)],
    "pattern": [
        "all",
        "causal",
        "window<5>",
        "causal and window<100>",
        "sink<4>",
        "causal or prefix<70>",
        "block<48>",
        "causal and stride<3>",
        "causal and document",
        "not document",
        "not causal and window<9>",
        "causal and (window<64> or sink<4>)",
        "(block<32> or stride<7>) and not (sink<2> or window<3>)",
        "where:1",
        "where:2",
        "table:3",
        "causal+table:4",
        "document or window<2>+where:5",
    ],
    "normalizer": ["softmax", "sink", "sigmoid", "relu", "l1"],
    "page": [0, 1, 16, 100],
    "element": ["f32", "bf16", "f16"],
    "stored": ["none", "i8/token", "i4/group<32>", "f16", "f8E4M3FN", "f8E4M3FN/token"],
    "score": ["none", "alibi", "cap"],
    "lse": ["no", "yes"],
    "threads": [1, 2, 3],
}
# An emulated device computes a billion products in a second.
DEVICE_LENGTHS = [1, 7, 33, 64, 65, 150]
# Scalar steps that the interpreter is given: about a second.
MOST_STEPS = 300_000


def allowed(case):
    """Judges what is there; factors may be missing."""
    rows, keys = case.get("rows"), case.get("keys")
    if rows is not None and rows == keys:
        return False  # lengths that differ find more mistakes
    # Nibbles come in groups; a type is not stored as itself.
    if case.get("stored") == "i4/group<32>" and any(width % 32 for width in case.get("widths", ())):
        return False
    if case.get("stored") == "f16" and case.get("element") == "f16":
        return False
    # LSE is the logarithm of softmax's denominator.
    if case.get("lse") == "yes" and case.get("normalizer", "softmax") not in ("softmax", "sink"):
        return False
    return True


def make_cases(full, device=False):
    maker = pairwise.product if full else pairwise.pairwise
    factors = dict(FACTORS)
    if device:
        factors.update(rows=DEVICE_LENGTHS, keys=DEVICE_LENGTHS, heads=[(4, 1), (4, 2), (2, 2)], threads=[1])
    for number, case in enumerate(maker(factors, allowed)):
        yield programs.Case(seed=number, **case)


def shrink(case):
    """What the interpreter does in a blink; a ragged shape, by the seed."""
    rows, keys = [(7, 13), (11, 5), (5, 30)][case.seed % 3]
    most = (32, 64) if case.stored.startswith("i4") else (6, 5)
    widths = tuple(min(width, limit) for width, limit in zip(case.widths, most))
    return dataclasses.replace(case, rows=rows, keys=keys, widths=widths)


def try_case(case, folder, tool="fovea-run", target=()):
    """None, or what is wrong. `target` holds options of the tool."""
    inputs = programs.Inputs(case, exact=tool != "fovea-run")
    steps = len(inputs.lengths) * case.heads[0] * case.rows * case.keys * sum(case.widths)
    options = ["--double"] if tool != "fovea-run" else target or ["--threads", str(case.threads)]
    options = list(options)
    if steps <= MOST_STEPS and tool == "fovea-run":
        options.append("--check")
    outputs = 2 if case.lse == "yes" else 1
    text = programs.write_program(case)
    process, results = programs.run(folder, text, inputs.arrays(case), outputs, options, tool)
    if process.returncode != 0:
        return f"{tool} failed ({process.returncode}): {(process.stdout + process.stderr).strip()[-800:]}"
    expected = programs.define(case, inputs)
    expected.rounds = bool(target)
    return expected.check(results[0], case.element, *results[1:])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--shard", default="1/1", metavar="K/N")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--oracle", action="store_true", help="test the definition, not kernels")
    parser.add_argument("--list", action="store_true", help="print the cases and run none")
    parser.add_argument("--case", metavar="TEXT", help="run this one")
    parser.add_argument("--target", metavar="NAME", help="compile for a GPU")
    parser.add_argument("--device", metavar="NAME", action="append", default=[], help="where to run that")
    parser.add_argument("--assemble", action="store_true", help="make machine code for that as well")
    options = parser.parse_args()
    target = []
    if options.target:
        target = ["--target", options.target] + [word for name in options.device for word in ("--device", name)]
        target += ["--assemble"] * options.assemble
    shard, shards = map(int, options.shard.split("/"))
    if options.case:
        cases = [programs.Case.parse(options.case)]
    else:
        cases = (c for n, c in enumerate(make_cases(options.full, bool(target))) if n % shards == shard - 1)
    ran = failed = 0
    for case in cases:
        ran += 1
        if options.list:
            print(case)
            continue
        if options.oracle:
            problem = try_case(shrink(case), options.folder, "fovea-interpret")
        else:
            problem = try_case(case, options.folder, target=target)
        if problem:
            failed += 1
            again = " ".join((["--oracle"] if options.oracle else target) + ["--case"])
            print(f"FAIL: {problem}\n  repeat with: test/integration/cpu/matrix.py FOLDER {again} '{case}'", flush=True)
    print(f"{ran} cases, {failed} failures")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
