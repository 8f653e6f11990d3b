#!/usr/bin/env python3
"""Writes docs/resources.md, what the kernels of GPUs take, or checks it.

    tools/docs/resources.py [--foveac foveac]                      write
    tools/docs/resources.py --check [--chip NAME...]               exit 1 on a difference

A check also fails if a kernel spills, uses the stack or has bank conflicts,
unless docs/resources.md lists it among the known ones, and if one that is
listed no longer does. Registers of NVIDIA depend on the assembler: where its
version is another than the page's, their rows are held to that rule only.
"""
import argparse
import concurrent.futures
import difflib
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "resources.md")
NVIDIA = ["sm_80", "sm_90"]
AMD = ["gfx942", "gfx950", "gfx1100", "gfx1201"]
WIDTHS = [64, 128]
PATTERNS = ["all", "causal", "window<1024>"]
# Of a step's instructions, the first kind that an instruction is of.
KINDS = {
    "matrix": r"mma\.sync|wgmma\.mma_async|v_mfma|v_smfmac|v_wmma",
    "near": r"ldmatrix|(ld|st)\.shared|ds_(read|write|load|store)",
    "lanes": r"shfl|ds_bpermute|ds_swizzle|_dpp",
    "exponentials": r"ex2|v_exp",
    "moves": r"mov\.|v_(dual_)?mov_|v_accvgpr",
    "waits": r"s_wait|s_nop|s_delay|s_barrier|cp\.async\.wait|bar\.sync",
}
KIND = re.compile("|".join(f"(?P<{name}>{words})" for name, words in KINDS.items()))
NONE = (0,) * (1 + len(KINDS))
LINE = re.compile(
    r"(\w+): (\d+) threads, (\d+) registers, (\d+) bytes spilled, (\d+) bytes of stack, (\d+) bytes near; "
    r"(\d+) blocks per multiprocessor, (\d+) of (\d+) threads \(([\d.]+)%\), bound by ([\w ]+)"
)
CONFLICTS = re.compile(r"func\.func @(\w+)\(.*tile\.bank_conflicts = (\d+)")

HEAD = """# What the kernels of GPUs take

<!-- Written by tools/docs/resources.py; mend with: ninja fovea-resources -->

Attention in bf16 over dense keys and values of width D, compiled for each chip
with the schedule that its target chooses. The kernel is the one that folds the
keys; the small one that merges partial results is compiled too, and held to the
same rules. Of a thread: registers, and bytes spilled. Of a block: bytes of near
memory. Occupancy: blocks that a multiprocessor holds, their share of the
threads that it can hold, and what binds. Step: matrix instructions among all of
a full step, which is the shortest way through the innermost loop that has
matrix instructions, hence without a mask and without the copies of a block that
follows; counted in PTX, before its assembler, and in the assembly of AMD.
"""

STEPS = """
## Full steps by kind of instruction

Pattern `all`. Near: reads and writes of near memory; lanes: exchanges between
lanes; moves: of registers. Of the others most are arithmetic that the step asks
for: sums scaled to a new maximum (one for each register of a sum), scores
scaled, their maximum and their sum; on chips without an instruction for it also
the rounding to bf16 (five instructions each) and a maximum that keeps NaN
(three). Products take 16 by 16 by 16 multiply-adds on RDNA and 16 by 8 by 16 on
NVIDIA, so that shares of families say little about each other.
"""


def program(width, pattern):
    query, kv = f"tensor<?x?x?x{width}xbf16>", f"!attn.kv<dense, key = {width}, value = {width}, bf16>"
    return f"""func.func @attention(%q: {query}, %kv: {kv}) -> {query} {{
  %o = attn.attend %q, %kv pattern<{pattern}> : ({query}, {kv}) -> {query}
  return %o : {query}
}}
"""


def read_blocks(lines):
    """Basic blocks of one kernel's assembly: instructions, then those of each
    kind; and successors by number."""
    blocks, names, jumps = [list(NONE)], {}, [[]]
    falls = [True]

    def open_block():
        if blocks[-1][0] or not falls[-1]:
            blocks.append(list(NONE))
            jumps.append([])
            falls.append(True)

    for line in lines:
        line = line.split("//")[0].split(";;")[0].strip()
        label = re.match(r"(\.LBB\w+|\$L__BB\w+):", line)
        if label:
            open_block()
            names[label.group(1)] = len(blocks) - 1
            continue
        # PTX writes an operation over several lines: each ends with ";".
        if not line or line[0] in ".;/{}" or line.endswith(":"):
            continue
        blocks[-1][0] += 1
        kind = KIND.match(re.sub(r"^@\S+\s+", "", line))
        if kind:
            blocks[-1][1 + list(KINDS).index(kind.lastgroup)] += 1
        jump = re.match(r"(@\S+\s+)?(bra(?:\.uni)?|s_cbranch_\w+|s_branch)\s+(\S+?);?$", line)
        if jump:
            jumps[-1].append(jump.group(3))
            falls[-1] = bool(jump.group(1)) or "cbranch" in jump.group(2)
            open_block()
        elif re.match(r"(ret|exit|s_endpgm)\b", line):
            falls[-1] = False
            open_block()
    follow = []
    for n, targets in enumerate(jumps):
        following = [names[target] for target in targets]
        if falls[n] and n + 1 < len(blocks):
            following.append(n + 1)
        follow.append(following)
    return [tuple(block) for block in blocks], follow


def reach(follow, start):
    seen, left = {start}, [start]
    while left:
        for n in follow[left.pop()]:
            if n not in seen:
                seen.add(n)
                left.append(n)
    return seen


def shortest(blocks, follow, start, goal):
    """The fewest instructions, and those of each kind, from the start of one block
    to the start of another, by at least one edge."""
    best = {}
    left = [(NONE, start)]
    while left:
        cost, n = min(left)
        left.remove((cost, n))
        if n == goal and n in best or n == goal and cost[0]:
            return cost
        if best.get(n, (1 << 60,))[0] <= cost[0]:
            continue
        best[n] = cost
        step = tuple(a + b for a, b in zip(cost, blocks[n]))
        left += [(step, m) for m in follow[n]]
    return None


def count_step(lines):
    """Instructions, and those of each kind, of a full step: of the shortest cycle
    through a block with matrix instructions. None without one.

    A step that masks is the same and more, so it is the longer cycle."""
    blocks, follow = read_blocks(lines)
    cycles = []
    for n, block in enumerate(blocks):
        if block[1] and n in set().union(*(reach(follow, m) for m in follow[n])):
            cycles.append(shortest(blocks, follow, n, n))
    return min(cycles) if cycles else None


def split_kernels(text):
    """Name and lines of each kernel in PTX or AMD's assembly."""
    kernels, name = {}, None
    for line in text.splitlines():
        begin = re.match(r"\s*\.visible \.entry (\w+)|(\w+):", line)
        if begin:
            name = begin.group(1) or begin.group(2)
            kernels[name] = []
        elif re.match(r"\s*\.section|\.Lfunc_end|\.set", line):
            name = None
        elif name:
            kernels[name].append(line)
    return kernels


def measure(foveac, chip, width, pattern):
    """Rows of the table, as dictionaries, one for each kernel; none where the
    family has no assembler here."""
    with tempfile.TemporaryDirectory() as folder:
        source, assembly = os.path.join(folder, "attention.mlir"), os.path.join(folder, "attention.s")
        with open(source, "w", encoding="utf-8") as file:
            file.write(program(width, pattern))
        options = ["--target", chip, "--emit", "asm", "-o", assembly, "--print-after", "vector", "--resources"]
        result = subprocess.run([foveac, source, *options], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            sys.exit(f"resources: foveac for {chip}, D {width}, {pattern}:\n{result.stderr}")
        with open(assembly, encoding="utf-8") as file:
            bodies = split_kernels(file.read())
    if "registers unknown" in result.stdout:
        return []
    conflicts = dict(CONFLICTS.findall(result.stdout))
    rows = []
    for words in LINE.findall(result.stdout):
        name, threads, registers, spilled, stack, near, blocks, _, _, share, bound = words
        rows.append({
            "chip": chip, "width": width, "pattern": pattern, "kernel": name, "threads": threads,
            "registers": registers, "spilled": int(spilled), "stack": int(stack), "near": near, "blocks": blocks,
            "share": share, "bound": bound, "conflicts": int(conflicts[name]), "step": count_step(bodies[name]),
        })  # fmt: skip
    if not any(row["step"] for row in rows):
        sys.exit(f"resources: no loop with matrix instructions for {chip}, D {width}, {pattern}")
    return rows


def is_good(row):
    return row["spilled"] == row["stack"] == row["conflicts"] == 0


def table_line(row):
    instructions, matrix = row["step"][:2]
    step = f"{matrix} of {instructions} ({100 * matrix / instructions:.0f}%)"
    cells = [
        row["chip"], row["width"], row["pattern"], row["threads"], row["registers"], row["spilled"], row["near"],
        row["blocks"], f"{row['share']}%", row["bound"], row["conflicts"], step,
    ]  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def kinds_line(row):
    cells = [row["chip"], row["width"], *row["step"][1:], row["step"][0] - sum(row["step"][1:])]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def known_line(row):
    return (
        f"* {row['chip']}, D = {row['width']}, {row['pattern']}, {row['kernel']}: {row['spilled']} bytes spilled, "
        f"{row['stack']} bytes of stack, {row['conflicts']} cycles of bank conflicts"
    )


def find_ptxas_version():
    ptxas = os.environ.get("FOVEA_PTXAS", "ptxas")
    try:
        text = subprocess.run([ptxas, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return "none"
    return (re.findall(r"V([\d.]+)", text) or ["none"])[0]


def write_page(rows):
    lines = [HEAD]
    lines.append(f"PTX was assembled by ptxas {find_ptxas_version()}.\n")
    lines.append("| chip | D | pattern | threads | registers | spilled | near | blocks | occupancy | bound by "
                 "| bank conflicts | step |")  # fmt: skip
    lines.append("|---|--:|---|--:|--:|--:|--:|--:|--:|---|--:|--:|")
    lines += [table_line(row) for row in rows if row["step"]]
    lines.append(STEPS)
    lines.append(f"| chip | D | {' | '.join(KINDS)} | other |")
    lines.append("|---" + "|--:" * (len(KINDS) + 2) + "|")
    lines += [kinds_line(row) for row in rows if row["step"] and row["pattern"] == "all"]
    lines.append("\n## Known spills, stack and bank conflicts\n")
    lines += [known_line(row) for row in rows if not is_good(row)] or ["None."]
    return "\n".join(lines) + "\n"


def pick(lines, chips):
    """Lines of a page that speak of one of these chips."""
    return [line for line in lines if re.match(rf"(\| |\* )({'|'.join(chips)})[ ,]", line)]


def check(rows, chips):
    """Compares the page's lines of these chips; returns what differs."""
    with open(PAGE, encoding="utf-8") as file:
        old = file.read()
    new = write_page(rows)
    if set(NVIDIA) & set(chips) and f"ptxas {find_ptxas_version()}." not in old:
        print("another ptxas than the page's: of NVIDIA only spills, stack and bank conflicts are compared")
        old, new = (re.sub(rf"^\| ({'|'.join(NVIDIA)}) .*\n", "", text, flags=re.M) for text in (old, new))
    lines = [pick(text.splitlines(), chips) for text in (old, new)]
    return list(difflib.unified_diff(*lines, "docs/resources.md", "now", lineterm="", n=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--chip", choices=NVIDIA + AMD, action="append", help="check the lines of these")
    parser.add_argument("--foveac", default="foveac")
    options = parser.parse_args()
    chips = options.check and options.chip or NVIDIA + AMD
    jobs = [
        (options.foveac, chip, width, pattern) for chip in chips for width in WIDTHS for pattern in PATTERNS
    ]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        made = list(pool.map(lambda job: measure(*job), jobs))
    if not all(made):
        sys.exit("resources: no ptxas: set FOVEA_PTXAS or CUDA_HOME")
    rows = [row for group in made for row in group]
    if not options.check:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(write_page(rows))
        return
    different = check(rows, chips)
    if different:
        print("\n".join(different))
        sys.exit("docs/resources.md differs; run tools/docs/resources.py")
    print(f"{len(rows)} kernels as docs/resources.md says")


if __name__ == "__main__":
    main()
