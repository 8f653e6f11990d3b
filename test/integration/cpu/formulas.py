"""Random predicates for `where` regions, as MLIR and as NumPy from one tree.

A predicate joins comparisons of integer terms over b, h, i, j and the tables
%limits [H] and %marks [B, Sk]. Division and remainder round towards zero, as
arith.divsi and arith.remsi do; i is negative for the first rows when there are
more queries than keys.
"""
import random

import numpy as np


def remainder(x, n):
    return np.fmod(x, n)


def divide(x, n):
    return np.sign(x) * (np.abs(x) // n)


BINARY = {
    "add": ("arith.addi {}, {} : index", np.add),
    "sub": ("arith.subi {}, {} : index", np.subtract),
    "mul": ("arith.muli {}, {} : index", np.multiply),
    "rem": ("arith.remsi {}, {} : index", remainder),
    "div": ("arith.divsi {}, {} : index", divide),
    "min": ("arith.minsi {}, {} : index", np.minimum),
    "max": ("arith.maxsi {}, {} : index", np.maximum),
    "lt": ("arith.cmpi slt, {}, {} : index", np.less),
    "ge": ("arith.cmpi sge, {}, {} : index", np.greater_equal),
    "eq": ("arith.cmpi eq, {}, {} : index", np.equal),
    "ne": ("arith.cmpi ne, {}, {} : index", np.not_equal),
    "and": ("arith.andi {}, {} : i1", np.logical_and),
    "or": ("arith.ori {}, {} : i1", np.logical_or),
    "xor": ("arith.xori {}, {} : i1", np.logical_xor),
}


class Formula:
    """A tree of tuples: (operation, tree, tree), a name, or a number."""

    def __init__(self, tree):
        self.tree = tree

    def names(self):
        def walk(tree):
            if isinstance(tree, tuple):
                return walk(tree[1]) | walk(tree[2])
            return {tree} if isinstance(tree, str) else set()

        return walk(self.tree)

    def evaluate(self, values):
        def walk(tree):
            if isinstance(tree, tuple):
                return BINARY[tree[0]][1](walk(tree[1]), walk(tree[2]))
            return values[tree] if isinstance(tree, str) else np.int64(tree)

        return walk(self.tree)

    def region(self):
        lines = []

        def emit(text):
            lines.append(f"        %x{len(lines)} = {text}")
            return f"%x{len(lines) - 1}"

        def walk(tree):
            if isinstance(tree, tuple):
                left, right = walk(tree[1]), walk(tree[2])
                return emit(BINARY[tree[0]][0].format(left, right))
            if tree == "limit":
                mark = emit("tensor.extract %limits[%h] : tensor<?xi32>")
                return emit(f"arith.index_cast {mark} : i32 to index")
            if tree == "mark":
                mark = emit("tensor.extract %marks[%b, %j] : tensor<?x?xi32>")
                return emit(f"arith.index_cast {mark} : i32 to index")
            return f"%{tree}" if isinstance(tree, str) else emit(f"arith.constant {tree} : index")

        result = walk(self.tree)
        lines.append(f"        attn.yield {result} : i1")
        head = "      where (%b: index, %h: index, %i: index, %j: index) {\n"
        return head + "\n".join(lines) + "\n      }\n"


def random_formula(seed, tables):
    """`tables`: some of the terms are looked up."""
    pick = random.Random(seed)

    def term():
        leaf = pick.choice(["i", "j", "gap", "mix"])
        if leaf == "gap":
            return ("sub", "j", ("add", "i", ("mul", "h", pick.randint(-3, 3))))
        if leaf == "mix":
            left = ("mul", "i", pick.randint(-3, 5))
            return ("add", ("add", left, ("mul", "j", pick.randint(1, 5))), pick.choice(["b", "h"]))
        return leaf

    def comparison():
        kind = pick.choice(["congruence", "bound", "block"])
        if kind == "congruence":
            n = pick.randint(2, 9)
            return (pick.choice(["lt", "ge"]), ("rem", term(), n), pick.randint(1, n - 1))
        if kind == "block":
            n, m = pick.randint(3, 70), pick.randint(2, 5)
            return (pick.choice(["eq", "ne"]), ("rem", ("div", term(), n), m), pick.randint(0, m - 1))
        bound = (pick.choice(["min", "max"]), term(), pick.randint(-50, 500))
        return (pick.choice(["lt", "ge"]), bound, ("add", term(), pick.randint(-40, 200)))

    def lookup():
        return pick.choice([
            ("lt", ("sub", "j", "i"), ("sub", "limit", pick.randint(0, 60))),
            ("ge", ("max", "j", 3), "limit"),
            ("ne", ("rem", "mark", 3), pick.randint(0, 2)),
            ("lt", "mark", ("add", ("rem", "j", 4), pick.randint(1, 4))),
        ])  # fmt: skip

    def join(left, right):
        return (pick.choice(["and", "or", "or", "xor"]), left, right)

    tree = join(lookup() if tables else comparison(), comparison())
    if pick.random() < 0.5:
        tree = join(tree, lookup() if tables else comparison())
    return Formula(tree)
