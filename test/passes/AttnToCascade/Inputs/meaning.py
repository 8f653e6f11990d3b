"""The meaning of attn.attend in NumPy, against attn-to-cascade.

usage: meaning.py <folder for files>

Writes one function per case below, lowers them with fovea-opt, runs each in
fovea-interpret on a few shapes and compares. The oracle looks at cases, never
at the IR.
"""
import os
import subprocess
import sys

import numpy as np

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
PAGE = 4
D, DV = 3, 5

SCORE = """
  score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
    %slope = tensor.extract %slopes[%h] : tensor<?xf32>
    %d = arith.subi %j, %i : index
    %n = arith.index_cast %d : index to i32
    %f = arith.sitofp %n : i32 to f32
    %p = arith.mulf %f, %slope : f32
    %t = arith.addf %s, %p : f32
    attn.yield %t : f32
  }"""
# Head h of sequence b sees the keys with (j + h + b) mod 3 != 0.
WHERE = """
  where (%b: index, %h: index, %i: index, %j: index) {
    %three = arith.constant 3 : index
    %zero = arith.constant 0 : index
    %bh = arith.addi %b, %h : index
    %x = arith.addi %bh, %j : index
    %r = arith.remui %x, %three : index
    %p = arith.cmpi ne, %r, %zero : index
    attn.yield %p : i1
  }"""
WEIGHT = """
  weight (%s: f32) {
    %w = math.exp2 %s : f32
    attn.yield %w : f32
  }"""


def sees(pattern):
    """Pattern text as a Python function of (q, k, same document)."""
    text = pattern.replace("causal", "(k <= q)").replace("all", "True").replace("document", "same")
    for name, code in [
        ("window", "(abs(q - k) < {})"),
        ("sink", "(k < {})"),
        ("prefix", "(k < {})"),
        ("block", "(q // {0} == k // {0})"),
        ("stride", "((q - k) % {} == 0)"),
    ]:
        while name + "<" in text:
            start = text.index(name + "<")
            end = text.index(">", start)
            text = text[:start] + code.format(text[start + len(name) + 1 : end]) + text[end + 1 :]
    return eval("lambda q, k, same: " + text)


# name: pattern, normalizer, clauses
CASES = {
    "full": ("all", "softmax", ""),
    "causal": ("causal", "softmax", "lse"),
    "window": ("window<3>", "softmax", "lse"),
    "sinks": ("causal and (window<3> or sink<2>)", "softmax", "lse scale"),
    "prefix": ("causal or prefix<3>", "softmax", ""),
    "block": ("block<3>", "softmax", ""),
    "stride": ("causal and stride<2>", "softmax", ""),
    "strange": ("not (causal or window<2>) and not block<4>", "softmax", "lse"),
    "document": ("causal and document", "softmax", "lse"),
    "other_document": ("not document", "softmax", ""),
    "logit": ("causal", "softmax", "lse sink"),
    "score": ("causal", "softmax", "score"),
    "where": ("all", "softmax", "lse where"),
    "everything": ("causal and document", "softmax", "lse sink score where scale"),
    "sigmoid": ("causal", "sigmoid", "score"),
    "relu": ("window<4>", "relu", "where"),
    "l1": ("causal", "l1", "score"),
    "half": ("causal", "softmax", "lse half"),
}


def write_function(name, layout, pattern, normalizer, clauses):
    kv = "dense" if layout == "dense" else f"paged<{PAGE}>"
    element = "bf16" if "half" in clauses else "f32"
    kv = f"!attn.kv<{kv}, key = {D}, value = {DV}, {element}>"
    query = f"tensor<?x?x?x{D}x{element}>"
    arguments = [f"%q: {query}", f"%kv: {kv}"]
    types = [query, kv]
    text = ""
    if "document" in pattern:
        arguments.append("%ids: tensor<?x?xi32>")
        types.append("tensor<?x?xi32>")
        text += " documents(%ids)"
    if "sink" in clauses:
        arguments.append("%logits: tensor<?xf32>")
        types.append("tensor<?xf32>")
        text += " sink(%logits)"
    text += f" pattern<{pattern}> normalizer<{normalizer}>"
    if "scale" in clauses:
        text += " scale<0.75>"
    if "score" in clauses:
        arguments.append("%slopes: tensor<?xf32>")
        text += SCORE
    if "where" in clauses:
        text += WHERE
    if normalizer == "l1":
        text += WEIGHT
    results = [f"tensor<?x?x?x{DV}x{element}>"]
    if "lse" in clauses:
        results.append("tensor<?x?x?xf32>")
    left = ", ".join(f"%r{i}" for i in range(len(results)))
    arrow = f"({', '.join(results)})"
    return f"""func.func @{name}_{layout}({', '.join(arguments)}) -> {arrow} {{
  {left} = attn.attend %q, %kv{text} : ({', '.join(types)}) -> {arrow}
  return {left} : {', '.join(results)}
}}
"""


def attention(case, q, keys, values, ids, logits, slopes):
    """One sequence after the other; keys[b] is [G, Sk, D]."""
    pattern, normalizer, clauses = case
    visible = sees(pattern)
    batch, heads, rows, _ = q.shape
    out = np.zeros((batch, heads, rows, DV))
    lse = np.full((batch, heads, rows), -np.inf)
    scale = 0.75 if "scale" in clauses else 1 / np.sqrt(D)
    for b in range(batch):
        groups, length, _ = keys[b].shape
        for h in range(heads):
            g = h // (heads // groups)
            for row in range(rows):
                i = row + length - rows
                seen = []
                for j in range(length):
                    same = i >= 0 and ids[b, i] == ids[b, j]
                    if visible(i, j, same) and ("where" not in clauses or (j + h + b) % 3):
                        seen.append(j)
                s = scale * keys[b][g, seen] @ q[b, h, row]
                if "score" in clauses:
                    s = s + slopes[h] * (np.array(seen) - i)
                v = values[b][g, seen]
                if normalizer == "softmax":
                    logit = [logits[h]] if "sink" in clauses else []
                    every = np.concatenate([s, logit])
                    if len(every):
                        lse[b, h, row] = every.max() + np.log(np.exp(every - every.max()).sum())
                        out[b, h, row] = np.exp(s - lse[b, h, row]) @ v
                elif normalizer == "sigmoid":
                    out[b, h, row] = (1 / (1 + np.exp(-s))) @ v
                elif normalizer == "relu":
                    out[b, h, row] = np.maximum(s, 0) @ v
                elif seen:
                    w = np.exp2(s)
                    out[b, h, row] = (w / w.sum()) @ v
    return (out, lse) if "lse" in clauses else (out,)


def to_pages(rng, sequences, width):
    """Scattered pages, with rubbish wherever no row lies."""
    groups = sequences[0].shape[0]
    counts = [-(-s.shape[1] // PAGE) for s in sequences]
    total = sum(counts) + 2
    order = rng.permutation(total)
    pages = np.full((total, groups, PAGE, width), 1e6)
    table = np.full((len(sequences), max(counts) + 1), -1, np.int32)
    for b, s in enumerate(sequences):
        for p in range(counts[b]):
            rows = s[:, p * PAGE : (p + 1) * PAGE]
            table[b, p], order = order[0], order[1:]
            pages[table[b, p], :, : rows.shape[1]] = rows
    return pages, table


def interpret(source, entry, arguments, num_results):
    command = ["fovea-interpret", source, "--entry", entry, "--double"]
    for i, argument in enumerate(arguments):
        path = os.path.join(folder, f"in{i}.npy")
        np.save(path, argument)
        command += ["--input", path]
    outputs = [os.path.join(folder, f"out{i}.npy") for i in range(num_results)]
    for path in outputs:
        command += ["--output", path]
    subprocess.run(command, check=True)
    return [np.load(path) for path in outputs]


source = os.path.join(folder, "attend.mlir")
lowered = os.path.join(folder, "cascade.mlir")
with open(source, "w") as f:
    for name, case in CASES.items():
        for layout in ("dense", "paged"):
            f.write(write_function(name, layout, *case))
subprocess.run(["fovea-opt", "--fovea-attn-to-cascade", source, "-o", lowered], check=True)

# batch, H, G, Sq, and the lengths of the sequences (dense: all the first).
SHAPES = [(2, 4, 2, 5, [7, 3]), (2, 2, 1, 3, [2, 9])]
failures = comparisons = 0
for seed, (batch, heads, groups, rows, lengths) in enumerate(SHAPES):
    rng = np.random.default_rng(seed)
    for name, case in CASES.items():
        for layout in ("dense", "paged"):
            lens = lengths if layout == "paged" else lengths[:1] * batch
            q = rng.standard_normal((batch, heads, rows, D))
            keys = [rng.standard_normal((groups, n, D)) for n in lens]
            values = [rng.standard_normal((groups, n, DV)) for n in lens]
            ids = np.sort(rng.integers(0, 3, (batch, max(lens)))).astype(np.int32)
            logits = rng.standard_normal(heads)
            slopes = rng.standard_normal(heads)
            if layout == "dense":
                arguments = [q, np.stack(keys), np.stack(values)]
            else:
                state = rng.bit_generator.state
                k_pages, table = to_pages(rng, keys, D)
                rng.bit_generator.state = state
                v_pages, _ = to_pages(rng, values, DV)
                arguments = [q, k_pages, v_pages, table, np.array(lens, np.int32)]
            arguments += [ids] * ("document" in case[0])
            arguments += [logits] * ("sink" in case[2])
            arguments += [slopes] * ("score" in case[2])
            expected = attention(case, q, keys, values, ids, logits, slopes)
            got = interpret(lowered, f"{name}_{layout}", arguments, len(expected))
            for result, wanted in zip(got, expected):
                comparisons += 1
                # The scale is a constant of type f32: 2^-24 of a logit.
                if not np.allclose(result, wanted, rtol=2e-6, atol=1e-6):
                    failures += 1
                    print(f"{name}_{layout} on shape {seed}: expected {wanted}, got {result}")

print(f"{comparisons} comparisons, {failures} failures")
sys.exit(1 if failures else 0)
