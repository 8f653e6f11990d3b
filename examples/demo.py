"""The table of tools/demo: examples compiled, run, and compared with NumPy.

usage: demo.py table FOLDER    the programs of this folder on 4096 tokens
       demo.py devices FOLDER  one program for a GPU of each vendor, emulated
       demo.py model FOLDER    causal attention on q.npy, k.npy, v.npy there

fovea-run must be on PATH. Exits with 1 if a result is off.
"""
import os
import re
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))

import fovea_oracle as oracle  # noqa: E402

LENGTH, HEADS, GROUPS, WIDTH, PAGE = 4096, 8, 2, 64, 16
ROWS = 256  # compared in every head, drawn at random: all would take minutes
RUNS = 5
# The tiles of the 512-bit schedule; what the table calls skipped.
TILE_ROWS, TILE_KEYS = 32, 256

SLOPES = (2.0 ** -np.arange(1, HEADS + 1)).astype(np.float32)


def bend(s, b, h, i, j):
    return 50 * np.tanh((s + SLOPES[h] * (j - i)) / 50)


# file stem: what it says, pattern, score, arrays besides Q, K and V
PROGRAMS = {
    "causal": ("causal", "causal", None, []),
    "window_sink": ("causal window 256, sink 4", "causal and (window<256> or sink<4>)", None, []),
    "alibi_softcap": ("causal, ALiBi, softcap 50", "causal", bend, [SLOPES]),
    "document": ("causal in documents", "causal and document", None, ["ids"]),
}


def write_program(stem, layout, element, folder):
    with open(os.path.join(HERE, f"{stem}_{layout}.mlir"), encoding="utf-8") as file:
        text = file.read()
    # Only the types of Q, K, V and O change; scores stay f32.
    text = text.replace("x64xf32>", f"x64x{element}>").replace("64, f32>", f"64, {element}>")
    path = os.path.join(folder, "program.mlir")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def execute(program, arrays, folder, options):
    """(output, what fovea-run printed)"""
    command = ["fovea-run", program, *options, "--output", os.path.join(folder, "out.npy")]
    for n, array in enumerate(arrays):
        path = os.path.join(folder, f"in{n}.npy")
        np.save(path, array)
        command += ["--input", path]
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode != 0:
        sys.exit(f"demo: {' '.join(command)}\n{process.stdout}{process.stderr}")
    return np.load(os.path.join(folder, "out.npy")), process.stdout


def run(program, arrays, folder):
    """(output, milliseconds, share of the ceiling as text)"""
    out, text = execute(program, arrays, folder, ["--bench", str(RUNS)])
    time = re.search(r"median ([0-9.e+-]+) ms", text)
    share = re.search(r"products: .* ([0-9.]+%) of", text)
    return out, float(time.group(1)), share.group(1) if share else "-"


def count_work(visible, rows, keys):
    """(visible pairs of a head, share of empty tiles)"""
    seen = visible(0, 0, (np.arange(rows) + keys - rows)[:, None], np.arange(keys)[None, :])
    whole = np.zeros((-(-rows // TILE_ROWS) * TILE_ROWS, -(-keys // TILE_KEYS) * TILE_KEYS), bool)
    whole[:rows, :keys] = seen
    tiles = whole.reshape(-1, TILE_ROWS, whole.shape[1] // TILE_KEYS, TILE_KEYS).any(axis=(1, 3))
    return int(seen.sum()), 1 - tiles.mean()


def table(folder):
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(LENGTH, ROWS, replace=False))
    ids = np.sort(rng.integers(0, 8, (1, LENGTH))).astype(np.int32)
    print(f"S {LENGTH}, H {HEADS}, G {GROUPS}, D {WIDTH}; pages of {PAGE} in random order; median of {RUNS} runs.")
    print("GFLOP/s: the two products of the visible pairs. Share: of the rate of multiply-adds (bf16, where the")
    print("machine has them: of products of bf16 pairs) that fovea-run measures beside the kernel.")
    print(f"Skipped: tiles of {TILE_ROWS} queries x {TILE_KEYS} keys without a visible pair.")
    print(f"Max error: against the definition in NumPy's float64, on {ROWS} random rows of every head.")
    line = "{:26} {:6} {:5} {:>9} {:>8} {:>7} {:>8} {:>10}"
    print(line.format("program", "layout", "type", "ms", "GFLOP/s", "share", "skipped", "max error"))
    failed = False
    for stem, (name, text, score, extra) in PROGRAMS.items():
        for element in ("f32", "bf16"):
            q, k, v = (
                oracle.round_to(rng.standard_normal((1, n, LENGTH, WIDTH)), element)
                for n in (HEADS, GROUPS, GROUPS)
            )
            visible = oracle.pattern(text, ids)
            pairs, empty = count_work(visible, LENGTH, LENGTH)
            expected = oracle.attend(q, k, v, visible, score=score, rows=rows)
            more = [ids if isinstance(e, str) else e for e in extra]
            for layout in ("dense", "paged"):
                arrays = [q, k, v]
                if layout == "paged":
                    k_pages, pages = oracle.to_pages(np.random.default_rng(1), k, PAGE)
                    v_pages, _ = oracle.to_pages(np.random.default_rng(1), v, PAGE)
                    arrays = [q, k_pages, v_pages, pages, np.array([LENGTH], np.int32)]
                out, time, share = run(write_program(stem, layout, element, folder), arrays + more, folder)
                out = out[:, :, rows]
                problem = expected.check(out, element)
                rate = HEADS * pairs * 4 * WIDTH / time * 1e-6
                print(line.format(name, layout, element, f"{time:.2f}", f"{rate:.0f}", share, f"{100 * empty:.1f}%",
                                  f"{expected.error(out).max():.1e}"), flush=True)  # fmt: skip
                if problem:
                    failed = True
                    print(f"  WRONG: {problem}")
    return failed


def devices(folder):
    rng = np.random.default_rng(0)
    length, heads, groups = 100, 2, 1
    q, k, v = (oracle.round_to(rng.standard_normal((1, n, length, WIDTH)), "bf16") for n in (heads, groups, groups))
    slopes = SLOPES[:heads]
    k_pages, pages = oracle.to_pages(np.random.default_rng(1), k, PAGE)
    v_pages, _ = oracle.to_pages(np.random.default_rng(1), v, PAGE)
    arrays = [q, k_pages, v_pages, pages, np.array([length], np.int32), slopes]
    expected = oracle.attend(q, k, v, oracle.pattern("causal"), score=bend)
    program = write_program("alibi_softcap", "paged", "bf16", folder)
    print("The code for two GPUs, EMULATED on this CPU: no GPU is used, and times would mean nothing.")
    print(f"{PROGRAMS['alibi_softcap'][0]}, pages of {PAGE}, bf16; S {length}, H {heads}, G {groups}, D {WIDTH}.")
    failed = False
    for chip, vendor in (("sm_80", "NVIDIA A100"), ("gfx942", "AMD MI300")):
        options = ["--target", chip, "--race-check"]
        out = execute(program, arrays, folder, options)[0]
        problem = expected.check(out, "bf16")
        print(f"{chip:7} ({vendor}), emulated: no races, max error against NumPy's float64 on all rows "
              f"{expected.error(out).max():.1e}", flush=True)  # fmt: skip
        if problem:
            failed = True
            print(f"  WRONG: {problem}")
    return failed


def model(folder):
    q, k, v = (np.load(os.path.join(folder, f"{name}.npy")) for name in "qkv")
    out, time, share = run(os.path.join(HERE, "causal_dense.mlir"), [q, k, v], folder)
    expected = oracle.attend(q, k, v, oracle.pattern("causal"))
    problem = expected.check(out, "f32")
    print(f"causal attention, {q.shape[1]} query heads on {k.shape[1]}, f32: {time:.2f} ms ({share} of the multiply-add")
    print(f"rate), max error against NumPy's float64 on all rows {expected.error(out).max():.1e}, "
          f"largest output {np.abs(expected.out).max():.2f}")  # fmt: skip
    if problem:
        print(f"  WRONG: {problem}")
    return bool(problem)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("table", "devices", "model"):
        sys.exit(__doc__)
    os.makedirs(sys.argv[2], exist_ok=True)
    sys.exit({"table": table, "devices": devices, "model": model}[sys.argv[1]](sys.argv[2]))
