"""Cascades before and after fovea-derive-fold, in the reference interpreter.

usage: derive_meaning.py <folder for files> <file.mlir>... -- <option>...

Runs every function of the files on random arrays, as written and as derived
with the options, the latter with folds in one tile, in small tiles, merged and
cut at random. Dimensions of unknown extent take it from the rank by which the
function reads them.
"""
import os
import re
import subprocess
import sys

import numpy as np

folder, *rest = sys.argv[1:]
sources, options = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
os.makedirs(folder, exist_ok=True)
EXTENT = {"b": 2, "q": 4, "p": 4, "k": 9, "h": 3, "n": 5, "c": 6, "t": 7}
CUTS = [["--tile=2,3"], ["--tile=1,4", "--merge"], ["--split=1"]]


def arguments_of(name, text, seed):
    """Random arrays for a function; integers are row limits."""
    rng = np.random.default_rng(seed)
    arrays = []
    header = text[: text.index("\n")]
    for argument, type_ in re.findall(r"(%\w+): (tensor<[^>]*>|\w+)", header[: header.index("->")]):
        read = re.search(re.escape(argument) + r"\[(\w[^\]]*)\]", text[len(header) :])
        # `k - w + 1` is of rank k; what no Einsum reads itself is a matrix of rows.
        names = [r.split()[0] for r in read.group(1).split(",")] if read else ["q"]
        parts = re.sub(r"tensor<|>", "", type_).split("x")
        sizes = [EXTENT[names[i]] if p == "?" else int(p) for i, p in enumerate(parts[:-1])]
        if parts[-1].startswith("i"):
            arrays.append(rng.integers(1, 6, sizes).astype(np.int64 if parts[-1] == "index" else np.int32))
        elif sizes:
            arrays.append(rng.standard_normal(sizes))
        else:
            # A scalar is the extent that a mean divides by.
            arrays.append(np.array(float(EXTENT["k"])))
    return arrays


def interpret(source, entry, arrays, num_results, cut):
    command = ["fovea-interpret", source, "--entry", entry, "--double", *cut]
    for i, array in enumerate(arrays):
        path = os.path.join(folder, f"in{i}.npy")
        np.save(path, array)
        command += ["--input", path]
    outputs = [os.path.join(folder, f"out{i}.npy") for i in range(num_results)]
    for path in outputs:
        command += ["--output", path]
    subprocess.run(command, check=True)
    return [np.load(path) for path in outputs]


functions = comparisons = failures = 0
for source in sources:
    derived = os.path.join(folder, "derived.mlir")
    subprocess.run(
        ["fovea-opt", source, *options, "-o", derived], check=True, stderr=subprocess.DEVNULL
    )
    with open(source) as f:
        text = f.read()
    for match in re.finditer(r"^func\.func @(\w+)\(.*?^}", text, re.M | re.S):
        name, body = match.group(1), match.group(0)
        num_results = body[body.rindex("return") :].split(":")[0].count("%")
        arrays = arguments_of(name, body, len(name))
        wanted = interpret(source, name, arrays, num_results, [])
        functions += 1
        for cut in CUTS:
            got = interpret(derived, name, arrays, num_results, cut)
            for i, (g, w) in enumerate(zip(got, wanted, strict=True)):
                comparisons += 1
                # Both compute in double; only the order of operations differs.
                if not np.all(np.isfinite(w)) and not np.any(np.isinf(w)):
                    print(f"{name}: result {i} of the source is not a number")
                    failures += 1
                if g.shape != w.shape or not np.allclose(g, w, rtol=1e-10, atol=1e-11):
                    failures += 1
                    print(f"{name} {cut}, result {i}: expected\n{w}\ngot\n{g}")

print(f"{functions} functions, {comparisons} comparisons, {failures} failures")
sys.exit(1 if failures or not functions else 0)
