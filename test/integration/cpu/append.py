#!/usr/bin/env python3
"""attn.append against its definition in NumPy: what is stored, bit by bit.

usage: append.py FOLDER [OPTION...]

Every encoding on both layouts, some positions negative and one of them twice;
compiled (fovea-run, with the options) and, without options, by the interpreter,
which alone encodes f8E4M3FN.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import programs  # noqa: E402
from programs import oracle  # noqa: E402

WIDTHS = (64, 32)
BATCH, GROUPS, TOKENS, ROWS, PAGE = 2, 3, 5, 20, 4
ENCODINGS = [
    ("f32", "none", ""), ("bf16", "f16", ""), ("bf16", "i8", "token"), ("f32", "i8", "token"), ("f16", "i4", "group<32>"),
    ("bf16", "i4", "group<32>"), ("bf16", "f8E4M3FN", "token"), ("f32", "f8E4M3FN", ""),
]  # fmt: skip


def encode(x, stored, scale):
    """Components of rows [.., D] in float32, as AttnOps.td defines them."""
    f32 = np.float32
    if not scale:
        kind = {"none": lambda v: v, "f16": lambda v: v.astype(np.float16), "f8E4M3FN": oracle.round_to_f8}
        return [kind[stored](x)]
    group = oracle.NIBBLES if stored == "i4" else x.shape[-1]
    parts = x.reshape(*x.shape[:-1], -1, group)
    most = f32({"i8": 127, "i4": 7, "f8E4M3FN": 448}[stored])
    scales = np.abs(parts).max(axis=-1) / most
    scales = scales.astype(np.float16) if stored == "i4" else scales
    wide = scales.astype(f32)[..., None]
    quotient = np.where(wide == 0, f32(0), parts / np.where(wide == 0, f32(1), wide))
    if stored == "f8E4M3FN":
        return [oracle.round_to_f8(quotient).reshape(x.shape), scales[..., 0]]
    kept = np.clip(np.rint(quotient), -most, most).astype(np.int64).reshape(x.shape)
    if stored == "i4":
        return [oracle.pack_nibbles(kept), scales]
    return [kept.astype(np.int8), scales[..., 0]]


def write_program(element, encoding, layout):
    kv = f"!attn.kv<{layout}, key = {WIDTHS[0]}, value = {WIDTHS[1]}, {element}{encoding[0]}>"
    tokens = [f"tensor<?x?x?x{width}x{element}>" for width in WIDTHS]
    results = ", ".join(encoding[1])
    names = ", ".join(f"%r{n}" for n in range(len(encoding[1])))
    return f"""func.func @append(%kv: {kv}, %k: {tokens[0]}, %v: {tokens[1]}, %at: tensor<?x?xi32>) -> ({results}) {{
  {names} = attn.append %kv, %k, %v at %at : ({kv}, {', '.join(tokens)}, tensor<?x?xi32>) -> ({results})
  return {names} : {results}
}}
"""


def component_types(element, stored, scale, paged):
    types = []
    for width in WIDTHS:
        kind = {"none": element, "i4": "i8"}.get(stored, stored)
        rows = PAGE if paged else "?"
        types.append(f"tensor<?x?x{rows}x{width // 2 if stored == 'i4' else width}x{kind}>")
        if scale == "token":
            types.append(f"tensor<?x?x{rows}xf32>")
        elif scale:
            types.append(f"tensor<?x?x{rows}x{width // 32}xf16>")
    return types


def try_case(folder, seed, element, stored, scale, paged, tool):
    rng = np.random.default_rng(seed)
    x = [oracle.round_to(rng.standard_normal((BATCH, GROUPS, TOKENS, width)), element) for width in WIDTHS]
    x[0][1, 1, 2] = 0  # a scale of 0
    at = np.array([[3, 7, -1, 12, 3], [0, 19, 5, -4, 6]], np.int32)
    # What was there: [B, G, ROWS, ..] or pages of that.
    table = rng.permutation(BATCH * ROWS // PAGE + 1)[: BATCH * ROWS // PAGE].reshape(BATCH, -1).astype(np.int32)
    base, expected = [], []
    for rows in x:
        for part in encode(rows, stored, scale):
            shape = (table.size + 1, GROUPS, PAGE) if paged else (BATCH, GROUPS, ROWS)
            old = rng.integers(-9, 9, shape + part.shape[3:]).astype(part.dtype)
            new = old.copy()
            for b in range(BATCH):
                for t in range(TOKENS):
                    p = at[b, t]
                    if p >= 0:
                        where = (table[b, p // PAGE], slice(None), p % PAGE) if paged else (b, slice(None), p)
                        new[where] = part[b, :, t]
            base.append(old)
            expected.append(new)
    inputs = base + ([table, np.zeros(BATCH, np.int32)] if paged else []) + x + [at]
    encoding = "" if stored == "none" else f", stored = {stored}" + (f", scale = {scale}" if scale else "")
    types = component_types(element, stored, scale, paged)
    text = write_program(element, (encoding, types), f"paged<{PAGE}>" if paged else "dense")
    options = sys.argv[2:] if tool == "fovea-run" else []
    process, results = programs.run(folder, text, inputs, len(expected), options, tool)
    if process.returncode:
        return (process.stdout + process.stderr).strip()[-600:]
    for n, (result, wanted) in enumerate(zip(results, expected)):
        if stored == "none":
            wanted = oracle.round_to(wanted, element)
        if result.shape != wanted.shape or not np.array_equal(result.astype(np.float64), wanted.astype(np.float64)):
            wrong = result.astype(np.float64) != wanted.astype(np.float64)
            at = tuple(int(i[0]) for i in np.nonzero(wrong))
            return f"component {n}: {int(wrong.sum())} elements are off, the first at {at}: {wanted[at]}, got {result[at]}"
    return None


def main():
    ran = failed = 0
    for seed, (element, stored, scale) in enumerate(ENCODINGS):
        for paged in (False, True):
            for tool in ("fovea-interpret", "fovea-run")[len(sys.argv) > 2 :]:
                if tool == "fovea-run" and stored == "f8E4M3FN":
                    continue
                ran += 1
                problem = try_case(sys.argv[1], seed, element, stored, scale, paged, tool)
                if problem:
                    failed += 1
                    print(f"FAIL: {tool} {element} {stored} {scale} {'paged' if paged else 'dense'}: {problem}")
    print(f"{ran} cases, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
