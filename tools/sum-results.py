#!/usr/bin/env python3
"""Adds up what tools/test ran.

usage: sum-results.py [--all] FOLDER

Reads lint.txt (last line "N passed, N failed"), ctest.xml (JUnit) and lit.json
from FOLDER and prints "N passed, N failed[, N skipped]" as its last line. A
runner that left no readable result counts as one failure: it crashed. With
--all so does a runner that found no test. Exits with 0 if nothing failed and
something ran.
"""
import json
import os
import re
import sys
import xml.etree.ElementTree
from collections import Counter

LIT_CODES = {
    "PASS": "passed", "FLAKYPASS": "passed", "XFAIL": "passed",
    "UNSUPPORTED": "skipped",
    "EXCLUDED": None, "SKIPPED": None,  # not asked for
}  # fmt: skip


def count_lints(path):
    with open(path, encoding="utf-8") as file:
        last = file.read().splitlines()[-1]
    passed, failed = re.fullmatch(r"(\d+) passed, (\d+) failed", last).groups()
    return Counter(passed=int(passed), failed=int(failed))


def count_ctest(path):
    counts = Counter()
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        status = case.get("status")
        skipped = case.find("skipped")
        if status == "run":
            counts["passed"] += 1
        elif skipped is not None and skipped.get("message", "").startswith("SKIP_"):
            counts["skipped"] += 1
        else:  # failed, or not run for want of its program
            counts["failed"] += 1
            if status != "fail":
                print(f"test: {case.get('name')} did not run")
    return counts


def count_lit(path):
    with open(path, encoding="utf-8") as file:
        tests = json.load(file)["tests"]
    kinds = (LIT_CODES.get(test["code"], "failed") for test in tests)
    return Counter(kind for kind in kinds if kind)


def main(folder, need_all):
    total = Counter()
    for count, name in ((count_lints, "lint.txt"), (count_ctest, "ctest.xml"), (count_lit, "lit.json")):
        try:
            counts = count(os.path.join(folder, name))
            if need_all and not counts:
                raise ValueError("it has no tests")
            total += counts
        except Exception as error:  # whatever is wrong with it, it is no result
            print(f"test: no usable result in {name}: {type(error).__name__}: {error}")
            total["failed"] += 1
    if not total:
        print("test: no test has such a name")
    line = f"{total['passed']} passed, {total['failed']} failed"
    if total["skipped"]:
        line += f", {total['skipped']} skipped"
    print(line)
    return 0 if total["passed"] and not total["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[-1], need_all="--all" in sys.argv[1:-1]))
