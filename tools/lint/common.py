"""What the lints share: finding files, reporting, and testing themselves.

A lint is a script with a function check(root) that yields Violation, and a
list of Seeds: small trees with and without a violation. main() gives it the
command line:

    tools/lint/<name>.py              check this repository
    tools/lint/<name>.py --root DIR   check another tree
    tools/lint/<name>.py --self-test  prove on the seeds that it finds what it
                                      should and nothing else
"""
import argparse
import os
import subprocess
import sys
import tempfile
from typing import Callable, Dict, Iterable, Iterator, NamedTuple, Optional

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Violation(NamedTuple):
    path: str  # relative to the root
    line: int  # from 1; 0 for the file as a whole
    message: str  # the rule that is broken, and how


class Seed(NamedTuple):
    files: Dict[str, str]  # path to contents
    expected: Optional[str]  # part of the one violation's text; None for none


def list_files(root: str) -> Iterator[str]:
    """Files that are or would be committed, relative to root, sorted."""
    git = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
    )
    if git.returncode == 0:
        paths = set(git.stdout.decode().split("\0")) - {""}
    else:  # no repository: the tree of a self-test, or an unpacked archive
        paths = {
            os.path.relpath(os.path.join(folder, name), root)
            for folder, _, names in os.walk(root)
            for name in names
        }
    # A deleted file stays listed until the deletion is staged.
    return iter(sorted(p for p in paths if os.path.isfile(os.path.join(root, p))))


def read_lines(root: str, path: str) -> Iterator[tuple]:
    """(number, text) for each line; nothing for a binary file."""
    with open(os.path.join(root, path), "rb") as file:
        contents = file.read()
    if b"\0" in contents[:8192]:
        return
    yield from enumerate(contents.decode(errors="replace").splitlines(), start=1)


def self_test(check: Callable[[str], Iterable[Violation]], seeds: Iterable[Seed]) -> bool:
    passed = True
    for number, seed in enumerate(seeds):
        with tempfile.TemporaryDirectory() as root:
            for path, contents in seed.files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(contents)
            found = [f"{v.path}:{v.line}: {v.message}" for v in check(root)]
        if seed.expected is None:
            good = not found
        else:
            good = len(found) == 1 and seed.expected in found[0]
        if not good:
            passed = False
            want = "no violation" if seed.expected is None else f"one with '{seed.expected}'"
            print(f"self-test {number}: expected {want}, got {found}")
    return passed


def main(description: str, check: Callable[[str], Iterable[Violation]], seeds: Iterable[Seed]) -> None:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", default=REPOSITORY, help="tree to check (default: this repository)")
    parser.add_argument("--self-test", action="store_true", help="check the lint itself on seeded violations")
    arguments = parser.parse_args()
    if arguments.self_test:
        sys.exit(0 if self_test(check, seeds) else 1)
    violations = list(check(arguments.root))
    for violation in violations:
        print(f"{violation.path}:{violation.line}: {violation.message}")
    sys.exit(1 if violations else 0)
