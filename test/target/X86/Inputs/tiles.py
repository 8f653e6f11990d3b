"""Machine code for AMX, disassembled: what is there, and that no tile is spilled.

usage: tiles.py FILE.mlir FOLDER

A spilled tile would be a tilestored or tileloadd that the LLVM IR does not have.
"""
import re
import subprocess
import sys


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


program, folder = sys.argv[1:]
compiler = ["foveac", program, "--target", "cpu:sapphirerapids"]
ir = run(*compiler, "--emit", "llvm", "-o", "-")
run(*compiler, "--emit", "object", "-o", f"{folder}/tiles.o")
code = run("llvm-objdump", "-d", "--no-show-raw-insn", f"{folder}/tiles.o")
wrong = False
for instruction, intrinsic in (
    ("tdpbf16ps", "tdpbf16ps.internal"),
    ("tileloadd", "tileloadd64.internal"),
    ("tilestored", "tilestored64.internal"),
):
    found = len(re.findall(rf"\t{instruction}\s", code))
    wanted = len(re.findall(rf"call .*@llvm\.x86\.{re.escape(intrinsic)}\(", ir))
    print(f"{instruction}: {found}, {wanted} in LLVM IR")
    wrong |= found != wanted or found == 0
configurations = len(re.findall(r"\tldtilecfg\s", code))
print(f"ldtilecfg: {configurations}; fovea_rt_use_tiles: {'fovea_rt_use_tiles' in run('llvm-nm', f'{folder}/tiles.o')}")
sys.exit(wrong or configurations == 0)
