"""What a table of benchmarks says of the machine."""
import os
import pathlib
import re


def describe_machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info).group(1)
    flags = re.search(r"flags\s*: (.*)", info).group(1).split()
    wide = [f for f in flags if f.startswith("amx") or
            "512" in f and ("bf16" in f or f.endswith("f"))]
    return f"{model}, {os.cpu_count()} logical CPUs, {' '.join(sorted(wide))}"
