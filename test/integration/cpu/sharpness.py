"""The comparison itself: it must notice one key too many or too few.

A tolerance that lets wrong kernels pass makes every other test here worthless.
So results of neighbouring programs, computed by definition, must be told apart
at every element type, also where a row sees a thousand keys.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import programs  # noqa: E402
from programs import oracle  # noqa: E402

# What is meant, and what a wrong kernel might compute instead.
NEIGHBOURS = [
    ("causal and window<1000>", "causal and window<999>"),
    ("causal and window<1000>", "causal and window<1001>"),
    ("causal", "causal or window<2>"),
    ("causal and (window<64> or sink<4>)", "causal and (window<64> or sink<3>)"),
    ("block<48>", "block<49>"),
    ("not document", "not document or sink<1>"),
]


def main():
    missed = compared = 0
    for element, stored in (("f32", "none"), ("f16", "none"), ("bf16", "none"), ("bf16", "i8/token"), ("f16", "i4/group<32>")):
        for right, wrong in NEIGHBOURS:
            case = programs.Case(rows=1040, keys=1050, heads=(1, 1), pattern=right, element=element, stored=stored)
            inputs = programs.Inputs(case)
            expected = programs.define(case, inputs)
            other = oracle.attend(inputs.q, inputs.keys, inputs.values, oracle.pattern(wrong, inputs.ids))
            compared += 1
            if expected.check(oracle.round_to(expected.out, element), element) is not None:
                print(f"FAIL: {element} {stored}: the right result is refused")
                missed += 1
            elif expected.check(oracle.round_to(other.out, element), element) is None:
                print(f"FAIL: {element} {stored}: '{wrong}' passes for '{right}'")
                missed += 1
    print(f"{compared} comparisons, {missed} failures")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
