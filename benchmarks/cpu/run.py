#!/usr/bin/env python3
"""Attention on the CPU: ours, peers and ceilings in one run, one table.

Usage: benchmarks/cpu/run.py [--build DIR] [--rounds N] [--threads N] [--only TEXT]
                             [--write FILE.md]

Every round runs each case once by each contestant, so that a noisy neighbour
meets all of them; the table holds medians over the rounds. Ours is timed by
`fovea-run --bench`, which measures the ceilings (multiply-adds, products of
bf16 pairs, reading memory) beside the kernel. Peers are called the way their
users call them: torch's scaled_dot_product_attention, and OpenVINO's op if the
package is installed. GFLOP/s count the two products of the visible pairs.

Needs NumPy; `pip install torch==2.13.0` (the CPU build) and `openvino` for the
peers. A peer that is not installed is named and left out.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

PROGRAM = """
func.func @attention(%q: tensor<?x?x?x{d}x{t}>, %kv: !attn.kv<{layout}, key = {d}, value = {d}, {t}>)
    -> tensor<?x?x?x{d}x{t}> {{
  %o = attn.attend %q, %kv {pattern}
     : (tensor<?x?x?x{d}x{t}>, !attn.kv<{layout}, key = {d}, value = {d}, {t}>) -> tensor<?x?x?x{d}x{t}>
  return %o : tensor<?x?x?x{d}x{t}>
}}
"""


class Case:
    """One problem: B 1, H 8, G 8; `pattern` in the syntax of attn.attend."""

    def __init__(self, name, t, d, s, pattern="", layout="dense", peers=True):
        self.name, self.t, self.d, self.s = name, t, d, s
        self.pattern, self.layout, self.peers = pattern, layout, peers
        self.ours, self.shares, self.rates = [], [], []
        self.torch, self.openvino = [], []

    def flops(self):
        pairs = self.s * self.s
        if self.pattern == "pattern<causal>":
            pairs = self.s * (self.s + 1) / 2
        elif "window" in self.pattern:
            window = int(re.search(r"window<(\d+)>", self.pattern).group(1))
            pairs = self.s * window - window * (window - 1) / 2
        return 4 * 8 * pairs * self.d

    def shapes(self):
        q = f"1x8x{self.s}x{self.d}"
        if self.layout == "dense":
            return f"{q},{q},{q}"
        pages = self.s // 16
        cache = f"{pages}x8x16x{self.d}"
        return f"{q},{cache},{cache},1x{pages}=shuffle,1={self.s}"


def cases():
    result = []
    for t in ("f32", "bf16"):
        for d in (64, 128):
            for name, pattern in (("full", ""), ("causal", "pattern<causal>")):
                result.append(Case(f"{t} D{d} S4096 {name}", t, d, 4096, pattern))
        result.append(Case(f"{t} D64 S4096 full paged 16", t, 64, 4096,
                           layout="paged<16>", peers=False))
    window = "pattern<causal and window<256>>"
    result.append(Case("f32 D64 S16384 full", "f32", 64, 16384, peers=False))
    result.append(Case("f32 D64 S16384 window 256", "f32", 64, 16384, window,
                       peers=False))
    return result


def run_ours(case, folder, build, threads, repeats):
    path = folder / "program.mlir"
    path.write_text(PROGRAM.format(d=case.d, t=case.t, layout=case.layout,
                                   pattern=case.pattern))
    text = subprocess.run(
        [build / "bin" / "fovea-run", path, "--random", case.shapes(),
         "--threads", str(threads), "--bench", str(repeats)],
        check=True, capture_output=True, text=True).stdout
    median = float(re.search(r"median ([\d.e+]+) ms", text).group(1)) / 1e3
    products = re.search(r"GFLOP/s, ([\d.]+)% of ([\d.]+)", text)
    case.ours.append(median)
    case.shares.append(float(products.group(1)))
    case.rates.append(float(products.group(2)))


def import_peers(threads):
    peers = {}
    try:
        import torch

        torch.set_num_threads(threads)
        peers["torch"] = torch
    except ImportError:
        print("torch is not installed: left out (pip install torch==2.13.0)")
    try:
        import openvino

        peers["openvino"] = openvino
    except ImportError:
        print("openvino is not installed: left out (pip install openvino)")
    return peers


def run_torch(torch, case, repeats):
    dtype = torch.float32 if case.t == "f32" else torch.bfloat16
    q, k, v = (torch.randn(1, 8, case.s, case.d).to(dtype) for _ in range(3))
    attend = torch.nn.functional.scaled_dot_product_attention
    causal = "causal" in case.pattern
    times = []
    for i in range(repeats + 1):  # the first one warms up
        start = time.perf_counter()
        attend(q, k, v, is_causal=causal)
        times.append(time.perf_counter() - start)
    case.torch.append(statistics.median(times[1:]))


def run_openvino(openvino, case, repeats, threads, compiled={}):
    import numpy as np
    import openvino.opset13 as ops

    key = (case.name, threads)
    shape = [1, 8, case.s, case.d]
    if key not in compiled:
        inputs = [ops.parameter(shape, np.float32) for _ in range(3)]
        node = ops.scaled_dot_product_attention(
            *inputs, causal="causal" in case.pattern)
        model = openvino.Model([node], inputs)
        hint = "f32" if case.t == "f32" else "bf16"
        compiled[key] = openvino.Core().compile_model(
            model, "CPU", {"INFERENCE_PRECISION_HINT": hint,
                           "INFERENCE_NUM_THREADS": threads})
    request = compiled[key].create_infer_request()
    arrays = [np.random.rand(*shape).astype(np.float32) for _ in range(3)]
    times = []
    for i in range(repeats + 1):
        start = time.perf_counter()
        request.infer(arrays)
        times.append(time.perf_counter() - start)
    case.openvino.append(statistics.median(times[1:]))


def start_up(build, folder):
    """Seconds from a file to the first result of a small problem."""
    case = Case("start", "f32", 64, 64, "pattern<causal>")
    path = folder / "program.mlir"
    path.write_text(PROGRAM.format(d=64, t="f32", layout="dense",
                                   pattern=case.pattern))
    command = [build / "bin" / "fovea-run", path, "--random", case.shapes()]
    times = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def extra_memory(build, folder):
    """Growth of the peak memory from S 4096 to S 16384, less that of the
    arrays (f32 arrays are read twice: as made, and as handed over)."""
    peaks = []
    for s in (4096, 16384):
        case = Case("memory", "f32", 64, s, "pattern<causal and window<256>>")
        path = folder / "program.mlir"
        path.write_text(PROGRAM.format(d=64, t="f32", layout="dense",
                                       pattern=case.pattern))
        command = [build / "bin" / "fovea-run", path, "--random", case.shapes()]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        peaks.append(usage.ru_maxrss * 1024)
    arrays = 4 * 8 * (16384 - 4096) * 64 * 4
    return peaks[1] - peaks[0], arrays


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info).group(1)
    flags = re.search(r"flags\s*: (.*)", info).group(1).split()
    wide = [f for f in flags if "512" in f and ("bf16" in f or f.endswith("f"))]
    return f"{model}, {os.cpu_count()} logical CPUs, {' '.join(sorted(wide))}"


def table(all_cases, threads, rounds, seconds, memory):
    lines = [f"Machine: {machine()}; {threads} threads; medians of {rounds} "
             "interleaved rounds.", "",
             "| case | ours ms | GFLOP/s | share of ceiling | torch SDPA ms | "
             "ours is faster by | OpenVINO ms | ours is faster by |",
             "|---|---|---|---|---|---|---|---|"]
    median = {}
    for case in all_cases:
        ours = statistics.median(case.ours)
        median[case.name] = case
        row = [case.name, f"{ours * 1e3:.1f}",
               f"{case.flops() / ours / 1e9:.0f}",
               f"{statistics.median(case.shares):.0f} % of "
               f"{statistics.median(case.rates):.0f}"]
        for peer in (case.torch, case.openvino):
            if peer:
                theirs = statistics.median(peer)
                ratio = statistics.median(
                    p / o for p, o in zip(peer, case.ours))
                row += [f"{theirs * 1e3:.1f}", f"{ratio:.2f}x"]
            else:
                row += ["", ""]
        lines.append("| " + " | ".join(row) + " |")

    def ratio(x, y):
        if x not in median or y not in median:
            return None
        return statistics.median(
            a / b for a, b in zip(median[x].ours, median[y].ours))

    def share(name):
        return (statistics.median(median[name].shares) / 100
                if name in median else None)

    lines += ["", "| bar | wanted | got |", "|---|---|---|"]
    bars = [("f32 D64 full, share of the multiply-add rate", ">= 0.65",
             share("f32 D64 S4096 full")),
            ("f32 D128 full", ">= 0.65", share("f32 D128 S4096 full"))]
    for d in (64, 128):
        bars.append((f"bf16 rate over f32 rate, D{d} full", ">= 1.3",
                     ratio(f"f32 D{d} S4096 full", f"bf16 D{d} S4096 full")))
        for t in ("f32", "bf16"):
            bars.append((f"{t} D{d} causal over full, time", "<= 0.56",
                         ratio(f"{t} D{d} S4096 causal",
                               f"{t} D{d} S4096 full")))
    for t in ("f32", "bf16"):
        bars.append((f"{t} D64 paged 16 over dense, time", "<= 1.15",
                     ratio(f"{t} D64 S4096 full paged 16",
                           f"{t} D64 S4096 full")))
    bars.append(("window 256 over full at S 16384, time", "<= 1/15 = 0.067",
                 ratio("f32 D64 S16384 window 256", "f32 D64 S16384 full")))
    for name, wanted, got in bars:
        if got is not None:
            lines.append(f"| {name} | {wanted} | {got:.3f} |")
    lines.append("| file to first result, process start included | < 500 ms | "
                 f"{seconds * 1e3:.0f} ms |")
    lines.append("| peak memory, S 4096 to 16384 | grows as the arrays "
                 f"({memory[1] / 2**20:.0f} MiB, held up to twice) | "
                 f"{memory[0] / 2**20:.0f} MiB |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/ci")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose name has this")
    parser.add_argument("--write", type=pathlib.Path)
    options = parser.parse_args()
    selected = [c for c in cases() if options.only in c.name]
    if not selected:
        parser.error(f"no case has '{options.only}' in its name")
    peers = import_peers(options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        seconds = start_up(options.build, folder)
        memory = extra_memory(options.build, folder)
        for i in range(options.rounds):
            for case in selected:
                print(f"round {i + 1}/{options.rounds}: {case.name}", flush=True)
                run_ours(case, folder, options.build, options.threads,
                         options.repeats)
                if case.peers and "torch" in peers:
                    run_torch(peers["torch"], case, options.repeats)
                if case.peers and "openvino" in peers:
                    run_openvino(peers["openvino"], case, options.repeats,
                                 options.threads)
    text = table(selected, options.threads, options.rounds, seconds, memory)
    print(text)
    if options.write:
        options.write.write_text("# Attention on the CPU\n\n" + text + "\n")


if __name__ == "__main__":
    main()
