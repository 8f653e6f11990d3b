#!/usr/bin/env python3
"""Writes what the tools print into the pages of docs/, or checks that it is there.

    tools/docs/refresh.py [--opt fovea-opt] [--tblgen mlir-tblgen]    write
    tools/docs/refresh.py --check                                   exit 1 on a difference

Two kinds of text are produced:

* Listings. In any docs/*.md, the text between a line

      <!-- listing {"program": "levels.mlir", "passes": ["-cse"], ...} -->

  and the next `<!-- end -->` is what fovea-opt prints for docs/PROGRAM with
  these passes. "from" and "to" (regular expressions) cut the first and the last
  line; "keep" drops lines that do not match it. "window": N drops a line that is
  one of the N kept before it but for numbers and names of values: of a row of
  eight loads one is shown. Dropped lines become `...`; "cut" (a regular
  expression) is removed from what is left.

* Reference pages in docs/generated: the operations, attributes and types of
  each dialect, and the passes of each group, by mlir-tblgen.
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCS = os.path.join(ROOT, "docs")
BEGIN = re.compile(r"^<!-- listing (\{.*\}) -->$")
END = "<!-- end -->"


def run(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"refresh: {' '.join(command)}\n{result.stderr}")
    return result.stdout


def excerpt(lines, options):
    first, last = 0, len(lines)
    if "from" in options:
        first = next(i for i, line in enumerate(lines) if re.search(options["from"], line))
    if "to" in options:
        last = next(i for i, line in enumerate(lines) if i > first and re.search(options["to"], line)) + 1
    keep = re.compile(options.get("keep", ""))
    kept = []
    dropping = False
    forms = [None] * options.get("window", 0)
    for line in lines[first:last]:
        dropped = not keep.search(line)
        form = re.sub(r"%[\w#]+|\d+", "", line)
        dropped = dropped or form in forms
        if not dropped:
            kept.append(line)
            forms = [*forms[1:], form] if forms else forms
        elif not dropping:
            kept.append(" " * (len(line) - len(line.lstrip())) + "...")
        dropping = dropped
    if "cut" in options:
        kept = [re.sub(options["cut"], "", line) for line in kept]
    margin = min((len(line) - len(line.lstrip()) for line in kept if line.strip()), default=0)
    return [line[margin:].rstrip() for line in kept]


def listing(opt, options):
    program = os.path.join(DOCS, options["program"])
    text = run([opt, program, *options["passes"]])
    lines = [line for line in text.splitlines() if line.strip()]
    return ["```mlir", *excerpt(lines, options), "```"]


def refresh_listings(path, opt):
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    out = []
    position = 0
    while position < len(lines):
        out.append(lines[position])
        begin = BEGIN.match(lines[position])
        position += 1
        if begin:
            try:
                position = lines.index(END, position)
            except ValueError:
                sys.exit(f"refresh: {path}: a listing without {END}")
            out += listing(opt, json.loads(begin.group(1)))
    return "\n".join(out) + "\n"


def reference_pages(tblgen, include):
    """Yields (path, contents) of every page in docs/generated."""
    common = ["-I", ROOT, "-I", include]
    for ops in sorted(glob.glob(os.path.join(ROOT, "dialects", "*", "*Ops.td"))):
        name = os.path.basename(ops)[: -len("Ops.td")]
        text = run([tblgen, "-gen-dialect-doc", f"-dialect={name.lower()}", *common, ops])
        yield os.path.join(DOCS, "generated", f"{name}Dialect.md"), text
    groups = [glob.glob(os.path.join(ROOT, *folder, "*", "Passes.td")) for folder in (["passes"], ["lib"], ["lib", "Target"])]
    for passes in sorted(sum(groups, [])):
        group = os.path.basename(os.path.dirname(passes))
        text = run([tblgen, "-gen-pass-doc", *common, passes])
        yield os.path.join(DOCS, "generated", f"{group}Passes.md"), text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page differs")
    parser.add_argument("--opt", default="fovea-opt")
    parser.add_argument("--tblgen", default="mlir-tblgen")
    parser.add_argument("--include", help="folder of mlir/; by default that of mlir-tblgen's installation")
    arguments = parser.parse_args()
    tblgen = shutil.which(arguments.tblgen)
    if not tblgen:
        sys.exit(f"refresh: no {arguments.tblgen}")
    include = arguments.include or os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(tblgen))), "include")

    pages = list(reference_pages(tblgen, include))
    for path in sorted(glob.glob(os.path.join(DOCS, "*.md"))):
        pages.append((path, refresh_listings(path, arguments.opt)))
    known = {path for path, _ in pages}
    stale = [p for p in glob.glob(os.path.join(DOCS, "generated", "*.md")) if p not in known]

    different = list(stale)
    for path, contents in pages:
        contents = "\n".join(line.rstrip() for line in contents.splitlines()).rstrip("\n") + "\n"
        old = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                old = file.read()
        if old == contents:
            continue
        different.append(path)
        if not arguments.check:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(contents)
    if not arguments.check:
        for path in stale:
            os.remove(path)
    for path in different:
        print(f"{os.path.relpath(path, ROOT)}: {'differs; run tools/docs/refresh.py' if arguments.check else 'written'}")
    sys.exit(1 if arguments.check and different else 0)


if __name__ == "__main__":
    main()
