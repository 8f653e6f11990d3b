"""lit configuration: every .mlir file below test/ is a test."""
import glob
import os
import shutil

import lit.formats

config.name = "Fovea"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.fovea_build, "test")

config.environment["PATH"] = os.pathsep.join(
    [config.fovea_tools, config.llvm_tools, os.environ.get("PATH", "")]
)
# What this user has tuned must not decide what a test sees.
config.environment["FOVEA_TUNING_DB"] = "none"
# Tests of the compiler compile; those of the cache give it room.
config.environment["FOVEA_CACHE_DIR"] = os.path.join(config.test_exec_root, "cache")
config.environment["FOVEA_CACHE_SIZE"] = "0"
config.substitutions.append(("%python", config.python))
config.substitutions.append(("%source", config.fovea_source))
config.substitutions.append(("%tools", config.fovea_tools))
# Every way in which an emulated GPU may run a kernel.
MODES = ["late,fifo", "late,lifo", "early,fifo", "early,lifo", "race"]
config.substitutions.append(("%modes", " ".join(f"--device emulated:{mode}" for mode in MODES)))
config.substitutions.append(("%runtime", os.path.join(config.fovea_build, "runtime")))


def find_cpu_levels():
    """What this machine runs of x86-64, as features to REQUIRE."""
    needs = {
        "x86-64-v3": {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"},
        "bf16-pairs": {"avx512_bf16", "avx512vl"},
        "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    }
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = next((set(line.split()) for line in file if line.startswith("flags")), set())
    except OSError:
        flags = set()
    return [level for level, flags_needed in needs.items() if flags_needed <= flags]


def find_ptxas():
    """NVIDIA's assembler, looked for as the compiler does, then where
    tools/setup leaves it; or None."""
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    given = os.environ.get("FOVEA_PTXAS") or shutil.which("ptxas") or shutil.which("ptxas", path=os.path.join(home, "bin"))
    installed = glob.glob(os.path.join(config.fovea_source, "build/venv/lib/python3*/site-packages/nvidia/*/bin/ptxas"))
    return given or next(iter(installed), None)


config.available_features.update(find_cpu_levels())
ptxas = find_ptxas()
if ptxas:
    config.available_features.add("ptxas")
    config.environment["FOVEA_PTXAS"] = ptxas
else:
    lit_config.note("ptxas was not found: kernels for NVIDIA are run, but not assembled")
# For tests that run kernels for NVIDIA and assemble them where that is possible;
# assemble-nvidia.test, which is unsupported otherwise, makes its absence seen.
config.substitutions.append(("%assemble-nvidia", "--assemble" if ptxas else ""))
# Kernels for AArch64 are run where qemu and that C library are installed.
if all(map(shutil.which, ("qemu-aarch64", "clang++-22", "ninja"))) and os.path.exists("/usr/aarch64-linux-gnu/include/c++"):
    config.available_features.add("aarch64")
else:
    lit_config.note("qemu-user or libstdc++-12-dev-arm64-cross is missing: kernels for AArch64 are compiled, but not run")
if shutil.which("cc"):
    config.available_features.add("cc")
