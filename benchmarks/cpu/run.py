#!/usr/bin/env python3
"""Attention on the CPU: ours, peers and ceilings in one run, one table.

Usage: benchmarks/cpu/run.py [--build DIR] [--rounds N] [--threads N]
                             [--only TEXT] [--group NAME] [--longest S]
                             [--no-peers] [--write FILE.md]

Every round runs each case once by each contestant, so that a noisy neighbour
meets all of them; the tables hold medians over the rounds, and ratios are
medians of the ratios of each round. Ours is timed by `fovea-run --bench`, which
measures the ceilings (multiply-adds, products of bf16 pairs, reading memory)
beside the kernel. GFLOP/s count the two products of the visible pairs. Where a
chip multiplies blocks besides (AMX), the table says the share of that rate, and
bars are of what vectors multiply. The cases and the bars are in cases.py, the
peers in peers.py.

Needs NumPy; `pip install -r benchmarks/cpu/requirements.txt` for the peers.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import cases as data
import peers as others
from machine import describe_machine

# The table is of what everybody gets, not of what this user has tuned.
os.environ.setdefault("FOVEA_TUNING_DB", "none")

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Result:
    """What the rounds measured of one case."""

    def __init__(self):
        self.seconds, self.shares, self.ceilings = [], [], []
        self.vectors = []  # percent of what vectors multiply at best
        self.memory = []  # percent of the read rate
        self.gflop = self.visible = 0.0
        self.bound = ""
        self.peers = {}  # name -> seconds by round

    def best_peer(self):
        """(name, seconds by round) of the fastest, or None."""
        named = [(name, times) for name, times in self.peers.items() if times]
        return min(named, key=lambda one: statistics.median(one[1]),
                   default=None)


def repeats_of(case, options):
    """What is over in microseconds is repeated until it is warm."""
    return max(options.repeats, 200) if case.group == "small" else options.repeats


def run_ours(case, result, folder, options):
    path = folder / "program.mlir"
    path.write_text(case.program())
    process = subprocess.run(
        [options.build / "bin" / "fovea-run", path, "--no-cache", "--random",
         case.shapes(),
         "--threads", str(options.threads), "--bench",
         str(repeats_of(case, options))],
        capture_output=True, text=True)
    if process.returncode != 0:
        raise SystemExit(f"{case.name}: {process.stderr}")
    text = process.stdout
    result.seconds.append(
        float(re.search(r"median ([\d.e+]+) ms", text).group(1)) / 1e3)
    products = re.search(r"products: ([\d.e+-]+) GFLOP, .*?([\d.]+)% of "
                         r"([\d.]+) \((.*?)\)", text)
    result.gflop = float(products.group(1))
    result.shares.append(float(products.group(2)))
    result.ceilings.append(float(products.group(3)))
    vectors = re.search(r"in vectors: .*?([\d.]+)% of", text) or products
    result.vectors.append(float(vectors.group(1 if vectors is not products
                                              else 2)))
    result.memory.append(
        float(re.search(r"arguments: .*?([\d.]+)% of", text).group(1)))
    result.bound = products.group(4)


def run_peer(run, result, name, repeats):
    times = []
    run()  # warms up, and compiles
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    result.peers.setdefault(name, []).append(statistics.median(times))


def start_up(options, folder):
    """Seconds from a file to the first result of a small problem."""
    case = data.Case("start", s=64, pattern="causal")
    path = folder / "program.mlir"
    path.write_text(case.program())
    command = [options.build / "bin" / "fovea-run", path, "--no-cache",
               "--random", case.shapes()]
    times = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def ratio_of(bar, results):
    """What a bar asks for; None if this run lacks one of its cases."""
    found = [results.get(case) for case in bar.cases]
    if any(one is None or not one.seconds for one in found):
        return None
    first, last = found[0], found[-1]
    median = statistics.median
    if bar.kind == "share":
        return median(first.vectors) / 100
    if bar.kind == "memory":
        return median(first.memory) / 100
    if bar.kind == "rate":
        return median(a / b for a, b in zip(first.shares, last.shares))
    if bar.kind == "best":
        best = first.best_peer()
        return best and median(p / o for p, o in zip(best[1], first.seconds))
    scale = last.gflop / first.gflop if bar.kind == "pair" else 1
    return scale * median(a / b for a, b in zip(first.seconds, last.seconds))


def tables(results, bars, options, rounds, seconds):
    lines = [f"Machine: {describe_machine()}; {options.threads} threads; medians of "
             f"{rounds} interleaved rounds.", "",
             "| case | ours ms | GFLOP/s | share of ceiling | of reading memory "
             "| peers, ms | ours is faster than the best by |",
             "|---|---|---|---|---|---|---|"]
    for case, result in results.items():
        ours = statistics.median(result.seconds)
        row = [case.name, f"{ours * 1e3:.3g}", f"{result.gflop / ours:.0f}",
               f"{statistics.median(result.shares):.0f} % of "
               f"{statistics.median(result.ceilings):.0f} ({result.bound})",
               f"{statistics.median(result.memory):.0f} %"]
        row.append(", ".join(
            f"{name} {statistics.median(times) * 1e3:.3g}"
            for name, times in result.peers.items() if times))
        best = result.best_peer()
        row.append("" if best is None else "%.2fx" % statistics.median(
            p / o for p, o in zip(best[1], result.seconds)))
        lines.append("| " + " | ".join(row) + " |")
    lines += ["", "| bar | wanted | got | |", "|---|---|---|---|"]
    for bar in bars:
        got = ratio_of(bar, results)
        if got is None:
            continue
        met = got <= bar.bound if bar.is_most else got >= bar.bound
        sign = "<=" if bar.is_most else ">="
        lines.append(f"| {bar.text} | {sign} {bar.bound:.2f} | {got:.3f} | "
                     f"{'met' if met else 'not met'} |")
    lines.append("")
    lines.append("From a file to the first result, process start included: "
                 f"{seconds * 1e3:.0f} ms.")
    return "\n".join(lines)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/ci")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose name has this")
    parser.add_argument("--group", default="", help="cases of this group")
    parser.add_argument("--longest", type=int, default=1 << 30,
                        help="cases of at most so many keys")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--write", type=pathlib.Path)
    return parser, parser.parse_args()


def main():
    parser, options = parse_arguments()
    all_cases, bars = data.everything()
    selected = [c for c in all_cases if options.only in c.name and
                c.s <= options.longest and options.group in ("", c.group)]
    if not selected:
        parser.error("no case is selected")
    loaded = {} if options.no_peers else others.load(options.threads)
    results = {case: Result() for case in selected}
    prepared = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        seconds = start_up(options, folder)
        for i in range(options.rounds):
            for case in selected:
                print(f"round {i + 1}/{options.rounds}: {case.name}", flush=True)
                run_ours(case, results[case], folder, options)
                for peer, make in loaded.items() if case.peers else ():
                    if (case, peer) not in prepared:
                        prepared[case, peer] = make(case)
                    if prepared[case, peer]:
                        run_peer(prepared[case, peer], results[case], peer,
                                 repeats_of(case, options))
            # A table that a later round would only better is there already.
            text = tables(results, bars, options, i + 1, seconds)
            if options.write:
                options.write.write_text(f"# Attention on the CPU\n\n{text}\n")
    print(text)


if __name__ == "__main__":
    main()
