#!/usr/bin/env python3
"""Nothing committed depends on one machine: no paths of somebody's home or
workplace, no addresses of package registries (clients know their own).
"""
import re

from common import Seed, Violation, list_files, main, read_lines

# Put together from parts, so that this file passes its own check.
FOLDERS = ["work", "farm", "home", "root", "Users", "scratch", "mnt"]
# Not inside a longer path or address, unless behind an option such as -I.
PATH = re.compile(r"(?:(?<![\w./$}>-])|(?<=-[IL]))/(" + "|".join(FOLDERS) + r")/\w|/tmp/\w|/\." + "library")
HOST = re.compile("|".join(name.replace(" ", r"\.") for name in [
    "deb debian org", "security debian org", "archive ubuntu com", "apt llvm org", "pypi org",
    "files pythonhosted org", "registry npmjs org", "proxy golang org", "crates io",
]))  # fmt: skip
TOOL = re.compile("farm-" + "(studio|bench)")

RULES = [
    (PATH, "path of one machine"),
    (HOST, "address of a package registry"),
    (TOOL, "name of an internal tool"),
]


def check(root):
    for path in list_files(root):
        for number, line in read_lines(root, path):
            for rule, what in RULES:
                found = rule.search(line)
                if found:
                    yield Violation(path, number, f"'{found.group(0)}' is a {what}; the tree must hold none")


SEEDS = [
    Seed({"a.md": "see /" + "work/main/x"}, "path of one machine"),
    Seed({"CMakeLists.txt": "set(X\n  \"/" + "home/me/llvm\")"}, "CMakeLists.txt:2: '/"),
    Seed({"run.sh": "cd /" + "tmp/build"}, "path of one machine"),
    Seed({"run.sh": "cc -I/" + "home/me/include"}, "path of one machine"),
    Seed({"run.sh": "pip install -i https://pypi" + ".org/simple numpy"}, "package registry"),
    Seed({"a.md": "Found at /usr/lib/llvm-22/bin; `framework/x`, ${root}/" + "work/x, ../home/y, a/work/b."}, None),
]

if __name__ == "__main__":
    main(__doc__, check, SEEDS)
