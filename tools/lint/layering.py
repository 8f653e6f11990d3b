#!/usr/bin/env python3
"""Target knowledge stays under lib/Target.

Fails if code elsewhere names a chip or an instruction set, in an identifier, a
string, a comment or an #include, or includes the header of one target. Folders
that may do so are listed, each with its reason, in layering-allow.txt.
"""
import os
import re

from common import Seed, Violation, list_files, main, read_lines

SUFFIXES = (".cpp", ".h", ".c", ".td", "CMakeLists.txt")

# Words, as they stand in identifiers of any style: isCudaDevice, NVVMDialect,
# use_avx. Digits end a word, so AVX512 and avx2 are found as well.
WORDS = {
    "amdgpu", "amx", "avx", "cubin", "cuda", "gfx", "hip", "hsaco", "ldmatrix", "mfma", "neon",
    "nvgpu", "nvptx", "nvvm", "ptx", "rocdl", "rocm", "sse", "sve", "tcgen", "vnni", "wgmma", "wmma",
}  # fmt: skip
WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
# Names that are only recognisable with their digits.
NAME = re.compile(r"\bsm_?\d{2,3}[a-z]?\b|x86_?vector", re.IGNORECASE)
TARGET_INCLUDE = re.compile(r'#\s*include\s*["<]fovea/Target/(X86|AArch64|NVPTX|AMDGPU)\b')

ALLOW = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layering-allow.txt")


def read_allowed():
    """Path prefixes from layering-allow.txt, whose lines read `prefix: reason`."""
    with open(ALLOW, encoding="utf-8") as file:
        for line in file:
            line = line.strip()
            if line and not line.startswith("#"):
                prefix, _, reason = line.partition(":")
                assert reason.strip(), f"layering-allow.txt: no reason for {prefix}"
                yield prefix


def is_in_own_target(path, target):
    return path.startswith((f"lib/Target/{target}/", f"include/fovea/Target/{target}", "lib/Target/CMakeLists"))


def check_line(path, line, may_name):
    include = TARGET_INCLUDE.search(line)
    if include and not is_in_own_target(path, include.group(1)) and (not may_name or path.startswith("lib/Target/")):
        return f"includes the header of target {include.group(1)}; only lib/Target/{include.group(1)} may"
    if may_name:
        return None
    name = NAME.search(line)
    found = name.group(0) if name else next((w for w in WORD.findall(line) if w.lower() in WORDS), None)
    return found and f"names '{found}'; chips and instruction sets are named only under lib/Target"


def check(root):
    allowed = tuple(read_allowed())
    for path in list_files(root):
        if not path.endswith(SUFFIXES):
            continue
        for number, line in read_lines(root, path):
            message = check_line(path, line, path.startswith(allowed))
            if message:
                yield Violation(path, number, message)


SEEDS = [
    Seed({"passes/Tile/A.cpp": "int x;\n// Wait for sm_90a here.\n"}, "A.cpp:2: names 'sm_90a'"),
    Seed({"dialects/Tile/A.td": "def HasAVX512;"}, "names 'AVX'"),
    Seed({"lib/Analysis/A.h": "bool isCudaDevice();"}, "names 'Cuda'"),
    Seed({"lib/Driver/A.cpp": '#include "mlir/Dialect/LLVMIR/NVVMDialect.h"'}, "names 'NVVM'"),
    Seed({"tools/fovea-opt/CMakeLists.txt": "link(FoveaTargetNVPTX)"}, "names 'NVPTX'"),
    Seed({"lib/Driver/A.cpp": '#include "mlir/Dialect/X86Vector/X86VectorDialect.h"'}, "names 'X86Vector'"),
    Seed({"passes/Tile/A.cpp": '#include "fovea/Target/X86/Schedule.h"'}, "header of target X86"),
    Seed({"lib/Target/NVPTX/A.cpp": '#include "fovea/Target/X86/Schedule.h"'}, "header of target X86"),
    Seed({"lib/Target/X86/A.cpp": '#include "fovea/Target/X86/Schedule.h"\nint avx2;'}, None),
    Seed({"runtime/cuda/Driver.cpp": "int cuda;"}, None),
    Seed({"README.md": "Runs on sm_90 and AVX2."}, None),
    # Words inside words, and words that only look alike.
    Seed({"passes/A.cpp": "int ship, relationship, assess, pseudo, small_80, gasm_80x, hipster;"}, None),
]

if __name__ == "__main__":
    main(__doc__, check, SEEDS)
