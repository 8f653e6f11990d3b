#!/usr/bin/env python3
"""No source file has more than 1000 lines: split it by what its parts know."""
from common import Seed, Violation, list_files, main, read_lines

SUFFIXES = (".cpp", ".h", ".c", ".td", ".inc", ".py", ".cmake", "CMakeLists.txt")
MOST_LINES = 1000


def check(root):
    for path in list_files(root):
        if path.endswith(SUFFIXES):
            count = sum(1 for _ in read_lines(root, path))
            if count > MOST_LINES:
                yield Violation(path, count, f"expected at most {MOST_LINES} lines, got {count}; split the file")


SEEDS = [
    Seed({"a/A.cpp": "x\n" * 1001}, "at most 1000 lines, got 1001"),
    Seed({"a/A.td": "x\n" * 1001}, "at most 1000 lines"),
    Seed({"a/A.cpp": "x\n" * 1000, "a/long.md": "x\n" * 5000}, None),
]

if __name__ == "__main__":
    main(__doc__, check, SEEDS)
