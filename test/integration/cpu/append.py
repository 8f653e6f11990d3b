#!/usr/bin/env python3
"""attn.append against its definition in NumPy: what is stored, bit by bit.

usage: append.py FOLDER [OPTION...]

Every encoding on both layouts, some positions negative and one of them twice,
and every value of f8E4M3FN with what lies between it and the next; compiled
(fovea-run, with the options) and, without options, by the interpreter.
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
    ("bf16", "i4", "group<32>"), ("bf16", "f8E4M3FN", "token"), ("f32", "f8E4M3FN", ""), ("f16", "f8E4M3FN", "token"), ("f32", "f8E4M3FN", "token"),
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
    with np.errstate(invalid="ignore"):  # infinite tokens
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


def differ(results, expected, element=None):
    """None, or what is wrong; `element` is what components are rounded to."""
    for n, (result, wanted) in enumerate(zip(results, expected)):
        wanted = (oracle.round_to(wanted, element) if element else wanted).astype(np.float64)
        result = result.astype(np.float64)
        if result.shape != wanted.shape or not np.array_equal(result, wanted, equal_nan=True):
            wrong = (result != wanted) & ~(np.isnan(result) & np.isnan(wanted))
            at = tuple(int(i[0]) for i in np.nonzero(wrong))
            return f"component {n}: {int(wrong.sum())} elements are off, the first at {at}: {wanted[at]}, got {result[at]}"
    return None


def try_case(folder, seed, element, stored, scale, paged, run):
    """None, or what is wrong with what `run` makes of a case."""
    rng = np.random.default_rng(seed)
    x = [rng.standard_normal((BATCH, GROUPS, TOKENS, width)) for width in WIDTHS]
    x[0][1, 1, 2] = 0  # a scale of 0
    if stored == "f8E4M3FN":
        x[0][0, 1, 0, 5], x[0][0, 2, 1, 9] = np.inf, np.nan
        x[1][1, 0, 1, :3] = 449, -6e4, 2.0**-20
    x = [oracle.round_to(rows, element) for rows in x]
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
    process, results = run(folder, text, inputs, len(expected))
    if process.returncode:
        return (process.stdout + process.stderr).strip()[-600:]
    return differ(results, expected, element if stored == "none" else None)


def all_of_f8():
    """(values, what each is stored as): each value of f8E4M3FN, the middle to
    the next, its neighbours, and what is too large, of both signs. Which is
    the nearest is known here without rounding."""
    value = [m * 2.0**-9 if e == 0 else (8 + m) * 2.0 ** (e - 10) for e in range(16) for m in range(8)][:-1]
    assert len(value) == 127 and value[126] == 448
    pairs = [(v, v) for v in value]
    for bits, (low, high) in enumerate(zip(value, value[1:])):
        middle = np.float32((low + high) / 2)
        even = high if bits % 2 else low
        pairs += [(np.nextafter(middle, np.float32(0)), low), (middle, even), (np.nextafter(middle, np.float32(999)), high)]
    pairs += [(v, 448) for v in (450, 464, 465, 480, 1e9, np.inf)] + [(np.nan, np.nan), (1e-40, 0), (1e-20, 0)]
    x, stored = np.array(pairs, np.float32).T
    return np.concatenate([x, -x]), np.concatenate([stored, -stored])


def try_f8(folder, run):
    """None, or what is wrong with elements that are stored without a scale."""
    x, stored = all_of_f8()
    count = -(-x.size // WIDTHS[0])
    shapes = [(1, 1, count, width) for width in WIDTHS]
    parts = [(np.resize(x, shape), np.resize(stored, shape)) for shape in shapes]
    inputs = [np.ones(shape, np.float32) for shape in shapes] + [tokens for tokens, _ in parts]
    types = component_types("f32", "f8E4M3FN", "", False)
    text = write_program("f32", (", stored = f8E4M3FN", types), "dense")
    process, results = run(folder, text, inputs + [np.arange(count, dtype=np.int32)[None]], 2)
    if process.returncode:
        return (process.stdout + process.stderr).strip()[-600:]
    for result, (_, wanted) in zip(results, parts):
        signs = np.signbit(result) == np.signbit(wanted)
        if not np.all(signs | np.isnan(wanted)):
            return "a sign is lost"
    return differ(results, [wanted for _, wanted in parts])


def try_all(folder, name, run):
    """(cases, failures)"""
    problems = {"every value of f8E4M3FN": try_f8(folder, run)}
    for seed, (element, stored, scale) in enumerate(ENCODINGS):
        for paged in (False, True):
            words = f"{element} {stored} {scale} {'paged' if paged else 'dense'}"
            problems[words] = try_case(folder, seed, element, stored, scale, paged, run)
    failures = {words: problem for words, problem in problems.items() if problem}
    for words, problem in failures.items():
        print(f"FAIL: {name} {words}: {problem}")
    return len(problems), len(failures)


def main():
    folder, *options = sys.argv[1:]
    tools = ["fovea-run"] if options else ["fovea-interpret", "fovea-run"]
    ran = failed = 0
    for tool in tools:

        def run(where, text, arrays, outputs):
            return programs.run(where, text, arrays, outputs, options, tool)

        cases, failures = try_all(folder, tool, run)
        ran, failed = ran + cases, failed + failures
    print(f"{ran} cases, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
