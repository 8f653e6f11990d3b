#!/usr/bin/env python3
"""Attention on a GPU: ours, peers and ceilings in one run.

Usage: run.py FOLDER [--target NAME] [--only TEXT] [--longest N] [--rounds N] [--no-peers] [--write FILE.md]
       run.py FOLDER --device emulated [--target NAME] [--numpy]

FOLDER was made by make.py. First every problem is computed by ours and compared
with its definition in double precision; a result beyond docs/numerics.md ends
the run. Then all contestants are timed in interleaved rounds with GPU events,
after a warm-up, with the level-2 cache overwritten before every run, and the
tables hold medians. TFLOP/s count the two products of visible pairs only.

Peers are PyTorch's: scaled_dot_product_attention with each backend it has, and
FlexAttention, compiled. A peer that refuses a problem, or is wrong, is a
footnote. Ceilings, in the same rounds: a matrix product 8192 x 8192 x 8192 of
the type, and for decode a copy in memory.

Of the targets in a program the one that suits the device best is run; --target
takes another one, such as sm_80 on a GPU that sm_90 would suit.

--device emulated only checks, on small problems, on the CPU; with --numpy that
needs no PyTorch either.
"""
import argparse
import pathlib
import statistics
import sys
import time

import checks
import peers
import variants

SQUARE = 8192
FLUSH_BYTES = 512 << 20  # several level-2 caches, and longer than any call takes the host
WARM_UP = 3


# --- Checking ----------------------------------------------------------------


def check_all(side, programs, options, small):
    """Rows of the table of errors; ends the run at the first that is beyond."""
    rows = []
    for program, loaded in programs:
        made = variants.small_problems(program) if small else variants.problems(program, options.longest)
        for seed, problem in enumerate(made):
            arrays = side.make(problem, seed)
            out = loaded(*arrays.inputs)
            loaded.device.synchronize()
            verdict = side.check(problem, arrays, out)
            print(f"checked {problem.name} on {loaded.target}: error {verdict.error:.2e} of {verdict.allowed:.2e}, "
                  f"{verdict.sharp:.2f} of the sharper bound", flush=True)
            if not verdict.good:
                sys.exit(f"{problem.name} on {loaded.target}: beyond docs/numerics.md: expected an error of at "
                         f"most {verdict.allowed:.3g} and at most 1 of the sharper bound, got "
                         f"{verdict.error:.3g} and {verdict.sharp:.3g}")
            rows.append([problem.name, *verdict.cells])
    return rows


# --- Timing ------------------------------------------------------------------


class Timer:
    """Interleaved rounds of calls on one GPU."""

    def __init__(self, torch, device, rounds):
        self.torch, self.rounds = torch, rounds
        self.flush = torch.empty(FLUSH_BYTES, dtype=torch.uint8, device=device)
        self.squares = {}
        self.device = device

    def ceiling(self, problem):
        """(name, call): what ours is compared with, reading or multiplying."""
        torch, half = self.torch, FLUSH_BYTES // 2
        if problem.decodes:
            return "copy", lambda: self.flush[:half].copy_(self.flush[half:])
        dtype = {"bf16": torch.bfloat16, "f16": torch.float16}[problem.program.element]
        if dtype not in self.squares:
            self.squares = {dtype: [torch.randn(SQUARE, SQUARE, device=self.device).to(dtype) for _ in range(3)]}
        a, b, c = self.squares[dtype]
        return "product", lambda: torch.matmul(a, b, out=c)

    def measure(self, calls):
        """Median seconds on the GPU by name, and seconds on the host of one call."""
        event = self.torch.cuda.Event
        order, pairs, hosts = list(calls), {name: [] for name in calls}, {name: [] for name in calls}
        for name in order:
            for _ in range(WARM_UP):
                calls[name]()
        for _ in range(self.rounds):
            order = order[1:] + order[:1]
            for name in order:
                begin, end = event(enable_timing=True), event(enable_timing=True)
                self.flush.zero_()
                begin.record()
                start = time.perf_counter()
                calls[name]()
                hosts[name].append(time.perf_counter() - start)
                end.record()
                pairs[name].append((begin, end))
            self.torch.cuda.synchronize()
        seconds = {name: statistics.median(b.elapsed_time(e) for b, e in pairs[name]) / 1e3 for name in calls}
        return seconds, {name: statistics.median(hosts[name]) for name in calls}


class Times:
    """What was measured for one problem."""

    def __init__(self, problem, seconds, host, refusals):
        self.problem, self.seconds, self.host, self.refusals = problem, seconds, host, refusals


def judge(problem, ours, theirs):
    """None, or why a peer's output is not the problem's."""
    if tuple(theirs.shape) != problem.shape:
        return f"wrong: an output of shape {tuple(theirs.shape)}"
    gap = ((theirs.float() - ours.float()).abs().max() / ours.float().abs().max()).item()
    # Both may be off by what is allowed.
    return None if gap <= 2 * checks.allowed_error(problem) else f"wrong: differs by {gap:.2g} of the largest value"


def time_problem(timer, side, problem, loaded, with_peers):
    arrays = side.make(problem, seed=1)
    ours = loaded.bind(*arrays.inputs)
    ceiling, call = timer.ceiling(problem)
    calls, refusals = {"ours": ours, ceiling: call}, {}
    result = ours()
    for name in peers.names(problem) if with_peers else ():
        made, reason = peers.try_call(lambda: peers.make(side.torch, name, problem, arrays))
        out = None
        if reason is None:
            out, reason = peers.try_call(made)
        if reason is None:
            reason = judge(problem, result, out)
        if reason is None:
            calls[name] = made
        else:
            refusals[name] = reason
        del out
        side.torch.cuda.empty_cache()
    seconds, hosts = timer.measure(calls)
    loaded.device.synchronize()
    return Times(problem, seconds, hosts["ours"], refusals)


# --- Tables ------------------------------------------------------------------


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def rates(times):
    """The cells between a problem's name and its peers."""
    ours, problem = times.seconds["ours"], times.problem
    if problem.decodes:
        rate = problem.cache_bytes() / ours
        most = FLUSH_BYTES / times.seconds["copy"]  # half is read, half is written
        return [f"{ours * 1e3:.3f}", f"{rate / 1e9:.0f}", f"{100 * rate / most:.0f} % of {most / 1e9:.0f}"]
    rate = problem.flops() / ours
    most = 2 * SQUARE**3 / times.seconds["product"]
    return [f"{ours * 1e3:.3f}", f"{rate / 1e12:.1f}", f"{100 * rate / most:.0f} % of {most / 1e12:.0f}"]


def timing_table(all_times, footnotes):
    """One table: problems of one kind (prefill or decode) against all contestants."""
    if not all_times:
        return []
    names = [name for name in peers.names(all_times[0].problem)
             if any(name in t.seconds or name in t.refusals for t in all_times)]
    decodes = all_times[0].problem.decodes
    header = ["problem", "ours ms", "GB/s of K and V" if decodes else "TFLOP/s",
              "share of a copy" if decodes else "share of a matrix product"]
    rows = []
    for times in all_times:
        row = [times.problem.name, *rates(times)]
        for name in names:
            if name in times.seconds:
                theirs = times.seconds[name]
                row.append(f"{theirs * 1e3:.3f} ({theirs / times.seconds['ours']:.2f}x)")
            else:
                reason = f"{name}: {times.refusals[name]}".replace("|", "/")
                if reason not in footnotes:
                    footnotes.append(reason)
                row.append(f"no [{footnotes.index(reason) + 1}]")
        rows.append(row)
    header += [name.replace("_ATTENTION", "") for name in names]
    return ["## Decode" if decodes else "## Prefill", "", *markdown(header, rows), ""]


def report(about, all_times, errors, side_name):
    """The whole page."""
    footnotes = []
    lines = ["# Attention on a GPU", "", *[f"- {line}" for line in about]]
    if all_times:
        host = statistics.median(t.host for t in all_times)
        lines.append(f"- a call of ours takes the host {host * 1e6:.0f} µs")
    lines.append("- in brackets: how many times longer than ours")
    if any(t.problem.decodes for t in all_times):
        lines.append(f"- decode: ours reads a cache in shuffled pages of {variants.PAGE}; peers read one without pages")
    lines.append("")
    for decodes in (False, True):
        lines += timing_table([t for t in all_times if t.problem.decodes == decodes], footnotes)
    if footnotes:
        lines += ["Refusals:", "", *(f"{n}. {text}" for n, text in enumerate(footnotes, 1)), ""]
    lines += error_table(errors, side_name)
    return "\n".join(lines) + "\n"


def error_table(errors, side_name):
    header = ["problem", "rows of a head", "error", "allowed", "share of the sharper bound"]
    return ["## Errors", "", f"Against {side_name}; docs/numerics.md says what they mean.", "",
            *markdown(header, errors)]


def describe(torch, device, options, loaded):
    """What a reader must know of the machine."""
    properties = torch.cuda.get_device_properties(device)
    info = loaded.device.info
    version = pathlib.Path("/sys/module/nvidia/version")
    driver = version.read_text().strip() if version.exists() else "?"
    cache = getattr(properties, "L2_cache_size", 0)
    return [
        f"{properties.name}, {properties.multi_processor_count} multiprocessors, "
        f"{properties.total_memory / 2**30:.0f} GiB, level-2 cache of {cache / 2**20:.0f} MiB",
        f"driver {driver}, its interface {info.version.decode()}; torch {torch.__version__}",
        f"ours: the code for {loaded.target}, on {info.chip.decode()}",
        f"medians of {options.rounds} interleaved rounds, level-2 cache overwritten before every run",
        time.strftime("%Y-%m-%d", time.gmtime()),
    ]


# --- Command line ------------------------------------------------------------


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, hip, or emulated[:settings]")
    parser.add_argument("--target", metavar="NAME", help="code for this target (default: what suits the device best)")
    parser.add_argument("--numpy", action="store_true", help="with --device emulated: no PyTorch")
    parser.add_argument("--only", default="", help="programs whose name has this, as bf16-d64-causal")
    parser.add_argument("--longest", type=int, metavar="N", help="no more keys than this")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE.md")
    options = parser.parse_args()
    options.emulated = options.device.split(":")[0] == "emulated"
    if options.numpy and not options.emulated:
        parser.error("expected --device emulated with --numpy")
    if options.write and options.emulated:
        parser.error("expected a GPU for --write: an emulated device has no times")
    if options.rounds < 1:
        parser.error(f"expected at least one round, got {options.rounds}")
    return options


def import_torch(options):
    """PyTorch, or the end of the run with what to do."""
    try:
        import torch
    except ImportError:
        sys.exit("expected PyTorch, which is not installed here"
                 + ("; --numpy does without" if options.emulated else ""))
    if not options.emulated and not torch.cuda.is_available():
        sys.exit(f"expected a GPU that PyTorch can use, got none (torch {torch.__version__}); "
                 "--device emulated checks on the CPU")
    return torch


def load_programs(options):
    """[(Program, loaded)] of the folder, on one device."""
    sys.path.append(str(options.folder))
    try:
        import fovea_runtime
    except ImportError:
        sys.exit(f"expected fovea_runtime.py in {options.folder}; make.py makes such folders")
    found = [p for p in variants.programs()
             if options.only in p.name and (options.folder / f"{p.name}.fovea").exists()]
    if not found:
        sys.exit(f"expected programs in {options.folder} whose names have '{options.only}', got none")
    try:
        device = fovea_runtime.Device(options.device)
        return [(p, fovea_runtime.Program(options.folder / f"{p.name}.fovea").load(device, options.target))
                for p in found]
    except fovea_runtime.Error as error:
        sys.exit(str(error))


def main():
    options = parse()
    torch = None if options.numpy else import_torch(options)
    programs = load_programs(options)
    place = "cpu" if options.emulated else options.device.replace("hip", "cuda")
    if not options.emulated:
        torch.cuda.set_device(torch.device(place if ":" in place else place + ":0"))
    side = checks.NumpySide() if options.numpy else checks.TorchSide(place)
    errors = check_all(side, programs, options, small=options.emulated)
    if options.emulated:
        print("\n".join(error_table(errors, side.name)))
        return
    about = describe(torch, side.device, options, programs[0][1])
    timer, all_times = Timer(torch, side.device, options.rounds), []
    for program, loaded in programs:
        for problem in variants.problems(program, options.longest):
            all_times.append(time_problem(timer, side, problem, loaded, not options.no_peers))
            print(f"timed {problem.name}: " + ", ".join(
                f"{name} {seconds * 1e3:.3f} ms" for name, seconds in all_times[-1].seconds.items()), flush=True)
            if options.write:  # after each, so that a run cut off leaves what it has
                options.write.write_text(report(about, all_times, errors, side.name), encoding="utf-8")
    print(report(about, all_times, errors, side.name))


if __name__ == "__main__":
    main()
