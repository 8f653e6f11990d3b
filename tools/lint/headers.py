#!/usr/bin/env python3
"""Public headers are guarded and lie where their code lies.

Every header under include/fovea starts, after comments, with an include guard
(#ifndef X, #define X) or #pragma once, and its folder is one of the source
tree: include/fovea/dialects/Attn mirrors dialects/Attn, and what mirrors
nothing at the top mirrors lib/, as include/fovea/Support does lib/Support.
"""
import os
import re

from common import Seed, Violation, list_files, main

COMMENTS = re.compile(r"\s*(//[^\n]*\n|/\*.*?\*/)", re.DOTALL)
GUARD = re.compile(r"\s*(#\s*pragma\s+once\b|#\s*ifndef\s+(\w+)\s*\n\s*#\s*define\s+\2\b)")
PREFIX = "include/fovea/"
# The C API is named for its users, not for its folder.
ELSEWHERE = {"fovea-c": "lib/CAPI"}


def is_guarded(text):
    position = 0
    while comment := COMMENTS.match(text, position):
        position = comment.end()
    return GUARD.match(text, position) is not None


def check(root):
    for path in list_files(root):
        if not path.startswith(PREFIX) or not path.endswith(".h"):
            continue
        with open(os.path.join(root, path), encoding="utf-8") as file:
            if not is_guarded(file.read()):
                yield Violation(path, 1, "expected an include guard or #pragma once before anything else")
        folder = os.path.dirname(path)[len(PREFIX) :]
        mirrors = [ELSEWHERE[folder]] if folder in ELSEWHERE else [folder, os.path.join("lib", folder)]
        if folder and not any(os.path.isdir(os.path.join(root, m)) for m in mirrors):
            yield Violation(path, 0, f"expected its code in {' or '.join(mirrors)}, which does not exist")


GUARDED = "/* Why. */\n// More.\n\n#ifndef A_H\n#define A_H\n#endif\n"
SEEDS = [
    Seed({"include/fovea/A/A.h": "int a;\n", "lib/A/A.cpp": ""}, "include guard"),
    Seed({"include/fovea/A/A.h": "#ifndef A_H\n#define B_H\n#endif\n", "lib/A/A.cpp": ""}, "include guard"),
    Seed({"include/fovea/A/A.h": "#include <x>\n#pragma once\n", "lib/A/A.cpp": ""}, "include guard"),
    Seed({"include/fovea/A/A.h": GUARDED, "lib/B/B.cpp": ""}, "expected its code in A or lib/A"),
    Seed({"include/fovea/A/A.h": GUARDED, "lib/A/A.cpp": ""}, None),
    Seed({"include/fovea/dialects/A/A.h": "#pragma once\n", "dialects/A/A.cpp": "", "lib/x.h": "int x;"}, None),
]

if __name__ == "__main__":
    main(__doc__, check, SEEDS)
