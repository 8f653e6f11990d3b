"""A case of the matrix: its program, its inputs, its result by definition."""
import os
import subprocess
import sys
from dataclasses import dataclass, fields

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "python"))

import fovea_oracle as oracle  # noqa: E402
from formulas import random_formula  # noqa: E402

ALIBI = """
        %slope = tensor.extract %slopes[%h] : tensor<?xf32>
        %gap = arith.subi %j, %i : index
        %steps = arith.index_cast %gap : index to i32
        %distance = arith.sitofp %steps : i32 to f32
        %bias = arith.mulf %slope, %distance : f32
        %t = arith.addf %s, %bias : f32"""
CAP = """
        %cap = arith.constant 3.0 : f32
        %small = arith.divf %s, %cap : f32
        %bounded = math.tanh %small : f32
        %t = arith.mulf %bounded, %cap : f32"""
WEIGHT = """      weight (%s: f32) {
        %one = arith.constant 1.0 : f32
        %square = arith.mulf %s, %s : f32
        %w = arith.addf %square, %one : f32
        attn.yield %w : f32
      }
"""
NARROW = """
        %n = arith.truncf %s : f32 to TYPE
        %one = arith.constant 1.0 : TYPE
        %more = arith.addf %n, %one : TYPE
        %t = arith.extf %more : TYPE to f32"""
WHOLE = """
        %three = arith.constant 3.0 : f32
        %x = arith.mulf %s, %three : f32
        %n = arith.fptosi %x : f32 to i32
        %t = arith.sitofp %n : i32 to f32"""


def narrow(element):
    """The sum of NARROW: each step rounds."""
    return lambda s, h, i, j, slopes: oracle.round_to(oracle.round_to(s, element) + 1, element).astype(np.float64)


# How scores are rewritten: text of the region, and the same in NumPy.
SCORES = {
    "none": ("", None),
    "alibi": (ALIBI, lambda s, h, i, j, slopes: s + slopes[h] * (j - i)),
    "cap": (CAP, lambda s, h, i, j, slopes: 3 * np.tanh(s / 3)),
    "bf16": (NARROW.replace("TYPE", "bf16"), narrow("bf16")),
    "f16": (NARROW.replace("TYPE", "f16"), narrow("f16")),
    "whole": (WHOLE, lambda s, h, i, j, slopes: np.trunc(s * 3)),
}
JUMPS = ("bf16", "f16", "whole")


@dataclass(frozen=True)
class Case:
    """One program and one call. Written as `key=value` words it is a
    reproducer: matrix.py --case "widths=64x64 rows=7 ..."."""

    widths: tuple = (64, 64)  # D, Dv
    rows: int = 7  # Sq
    keys: int = 64  # Sk; of the longest sequence
    heads: tuple = (4, 1)  # H, G
    pattern: str = "all"  # a pattern, "where:SEED", "table:SEED", or "PATTERN+where:SEED"
    normalizer: str = "softmax"  # or sink: softmax with a logit more
    page: int = 0  # 0: dense
    element: str = "f32"
    stored: str = "none"  # what the cache holds, and after a "/" its scale
    score: str = "none"
    lse: str = "no"
    threads: int = 2
    seed: int = 0

    def __str__(self):
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            text = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
            words.append(f"{field.name}={text.replace(' ', '_')}")
        return " ".join(words)

    @staticmethod
    def parse(text):
        kinds = {field.name: type(field.default) for field in fields(Case)}
        values = {}
        for word in text.split():
            name, value = word.split("=", 1)
            if kinds[name] is tuple:
                values[name] = tuple(map(int, value.split("x")))
            else:
                values[name] = kinds[name](value.replace("_", " "))
        return Case(**values)

    def encoding(self):
        """(stored, scale) as the type has them; scale may be ""."""
        stored, _, scale = self.stored.partition("/")
        return stored, scale

    def split_pattern(self):
        """The pattern's text and the formula of the where region, or None."""
        text, _, formula = self.pattern.rpartition("+")
        if ":" not in formula:
            return formula, None
        kind, seed = formula.split(":")
        return text or "all", random_formula(int(seed), tables=kind == "table")


def write_program(case):
    (d, dv), element = case.widths, case.element
    layout = f"paged<{case.page}>" if case.page else "dense"
    stored, scale = case.encoding()
    encoding = "" if stored == "none" else f", stored = {stored}" + (f", scale = {scale}" if scale else "")
    kv = f"!attn.kv<{layout}, key = {d}, value = {dv}, {element}{encoding}>"
    query = f"tensor<?x?x?x{d}x{element}>"
    pattern, formula = case.split_pattern()
    names = formula.names() if formula else set()
    arguments, types, clauses = [f"%q: {query}", f"%kv: {kv}"], [query, kv], ""
    if "document" in pattern:
        arguments.append("%ids: tensor<?x?xi32>")
        types.append("tensor<?x?xi32>")
        clauses += " documents(%ids)"
    if case.normalizer == "sink":
        arguments.append("%logits: tensor<?xf32>")
        types.append("tensor<?xf32>")
        clauses += " sink(%logits)"
    clauses += f" pattern<{pattern}>"
    clauses += f" normalizer<{'softmax' if case.normalizer == 'sink' else case.normalizer}>\n"
    if case.score == "alibi":
        arguments.append("%slopes: tensor<?xf32>")
    if case.score != "none":
        head = "      score (%s: f32, %b: index, %h: index, %i: index, %j: index) {"
        clauses += f"{head}{SCORES[case.score][0]}\n        attn.yield %t : f32\n      }}\n"
    arguments += ["%limits: tensor<?xi32>"] * ("limit" in names)
    arguments += ["%marks: tensor<?x?xi32>"] * ("mark" in names)
    clauses += formula.region() if formula else ""
    clauses += WEIGHT if case.normalizer == "l1" else ""
    results = [f"tensor<?x?x?x{dv}x{element}>"] + ["tensor<?x?x?xf32>"] * (case.lse == "yes")
    left = ", ".join(f"%r{n}" for n in range(len(results)))
    arrow = f"({', '.join(results)})"
    return f"""func.func @attention({', '.join(arguments)})
    -> {arrow} {{
  {left} = attn.attend %q, %kv{clauses}     : ({', '.join(types)}) -> {arrow}
  return {left} : {', '.join(results)}
}}
"""


class Inputs:
    """Arrays of one call: what files hold, and what the definition wants.

    Kernels round decoded keys and values to the element type where the
    encoding does not fit it; with `exact` the definition does not."""

    def __init__(self, case, exact=False):
        self.exact = exact
        rng = np.random.default_rng(case.seed)
        (d, dv), (heads, groups) = case.widths, case.heads
        # One long sequence, and where lengths may differ a shorter one.
        self.lengths = [case.keys] * (1 if case.rows * case.keys > 100000 else 2)
        if case.page and len(self.lengths) > 1:
            self.lengths[1] = int(rng.integers(0, case.keys + 1))

        def normal(*shape):
            return oracle.round_to(rng.standard_normal(shape), case.element)

        batch = len(self.lengths)
        self.q = normal(batch, heads, case.rows, d)
        # What the cache stands for, and its components: one list a sequence.
        self.keys, self.key_parts = self.make_cache(rng, case, groups, d)
        self.values, self.value_parts = self.make_cache(rng, case, groups, dv)
        self.ids = np.sort(rng.integers(0, 4, (batch, case.keys)), axis=1).astype(np.int32)
        self.logits = rng.standard_normal(heads).astype(np.float32) + 2
        self.slopes = (2.0 ** -np.arange(1, heads + 1)).astype(np.float32)
        self.limits = rng.integers(-20, 200, heads).astype(np.int32)
        self.marks = rng.integers(0, 9, (batch, case.keys)).astype(np.int32)
        self.page_seed = rng.integers(1 << 30)

    def make_cache(self, rng, case, groups, width):
        stored, scale = case.encoding()
        rows, parts = [], []
        for n in self.lengths:
            if stored == "none":
                rows.append(oracle.round_to(rng.standard_normal((groups, n, width)), case.element))
                parts.append([rows[-1]])
            else:
                element = "f32" if self.exact else case.element
                value, kept = oracle.random_encoded(rng, stored, scale, element, (groups, n, width))
                rows.append(value)
                parts.append(kept)
        return rows, parts

    def arrays(self, case):
        """In the order of the program's arguments."""
        pattern, formula = case.split_pattern()
        names = formula.names() if formula else set()
        # One list of sequences for each component.
        components = [list(part) for part in [*zip(*self.key_parts), *zip(*self.value_parts)]]
        if case.page:
            paged = [oracle.to_pages(np.random.default_rng(self.page_seed), c, case.page) for c in components]
            result = [self.q, *(pages for pages, _ in paged), paged[0][1], np.array(self.lengths, np.int32)]
        else:
            result = [self.q, *map(np.stack, components)]
        result += [self.ids] * ("document" in pattern)
        result += [self.logits] * (case.normalizer == "sink")
        result += [self.slopes] * (case.score == "alibi")
        return result + [self.limits] * ("limit" in names) + [self.marks] * ("mark" in names)


def define(case, inputs, score=None):
    """The result by definition, or with another `score` than the case's."""
    pattern, formula = case.split_pattern()
    named = oracle.pattern(pattern, inputs.ids)
    score = score or SCORES[case.score][1]

    def visible(b, h, i, j):
        seen = named(b, h, i, j)
        if formula:
            values = {"b": np.int64(b), "h": np.int64(h), "i": i, "j": j}
            values["limit"] = np.int64(inputs.limits[h])
            values["mark"] = inputs.marks[b].astype(np.int64)[j]
            seen = seen & formula.evaluate(values)
        return seen

    return oracle.attend(
        inputs.q, inputs.keys, inputs.values, visible,
        score=score and (lambda s, b, h, i, j: score(s, h, i, j, inputs.slopes.astype(np.float64))),
        normalizer="softmax" if case.normalizer == "sink" else case.normalizer,
        weight=lambda s: s * s + 1,
        sink=inputs.logits if case.normalizer == "sink" else None,
        jumps=case.score in JUMPS,
    )  # fmt: skip


def run(folder, text, arrays, outputs, options=(), tool="fovea-run"):
    """Runs a tool on a program's text; returns its process and outputs."""
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(folder, "program.mlir")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    return launch([tool, source, *options], folder, arrays, outputs)


def launch(command, folder, arrays, outputs):
    """Runs a command with arrays as inputs; returns its process and outputs."""
    command = list(command)
    for n, array in enumerate(arrays):
        path = os.path.join(folder, f"in{n}.npy")
        np.save(path, array)
        command += ["--input", path]
    paths = [os.path.join(folder, f"out{n}.npy") for n in range(outputs)]
    for path in paths:
        if os.path.exists(path):
            os.remove(path)
        command += ["--output", path]
    process = subprocess.run(command, capture_output=True, text=True)
    return process, [np.load(path) for path in paths] if process.returncode == 0 else None
