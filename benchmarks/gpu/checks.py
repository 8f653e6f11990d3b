"""Random inputs of a problem, its result by definition, and how far ours is off.

Twice, with one interface: `TorchSide` makes and checks tensors where they lie,
in double precision of PyTorch; `NumpySide` does so with fovea_oracle.py and
needs NumPy alone. What is allowed is in docs/numerics.md: the table for all
tools, and the sharper comparison for which the weights must be known.
"""
import math
import random
from dataclasses import dataclass

from variants import PAGE

# Half a unit in the last place, relative; what weights and outputs round by.
HALF_UNIT = {"f16": 2.0**-11, "bf16": 2.0**-9}
# The table of docs/numerics.md: what inputs or outputs of a type allow.
TABLE = {"f16": 2.0**-11, "bf16": 2.0**-8}
# Lies in cache slots that hold no key.
RUBBISH = 1e6
MOST_ROWS = 1024  # of each head, that are compared
MOST_SCORES = 1 << 25  # held at once in double precision


@dataclass
class Arrays:
    """q [B, H, rows, D], k and v [B, G, keys, D], and what ours is called with."""

    q: object
    k: object
    v: object
    inputs: list


@dataclass
class Verdict:
    """One comparison. `error` counts relative to the largest magnitude of the
    output, `sharp` is the largest share of what the sharper comparison allows."""

    rows: int
    error: float
    allowed: float
    sharp: float

    @property
    def good(self):
        # Written so that NaN is not good.
        return self.error <= self.allowed and self.sharp <= 1

    @property
    def cells(self):
        return [str(self.rows), f"{self.error:.2e}", f"{self.allowed:.2e}", f"{self.sharp:.2f}"]


def allowed_error(problem):
    """The table of docs/numerics.md for inputs and output of one type."""
    longest = max(*problem.shape, *problem.cache_shape)
    return 6e-6 + 4 * 2.0**-24 * math.sqrt(longest) + 2 * TABLE[problem.program.element]


def choose_rows(problem):
    """All rows, or the first, the last, and some between."""
    if problem.rows <= MOST_ROWS:
        return list(range(problem.rows))
    edge = MOST_ROWS // 8
    between = random.Random(problem.rows).sample(range(edge, problem.rows - edge), MOST_ROWS - 2 * edge)
    return sorted([*range(edge), *between, *range(problem.rows - edge, problem.rows)])


class NumpySide:
    """Arrays of NumPy and python/fovea_oracle.py."""

    name = "fovea_oracle.py"

    def __init__(self):
        import numpy

        import fovea_oracle
        import fovea_runtime

        self.np, self.oracle, self.runtime = numpy, fovea_oracle, fovea_runtime

    def _store(self, array, element):
        if element == "bf16":
            return self.runtime.BFloat16.round(array)
        with self.np.errstate(over="ignore"):
            return array.astype(self.np.float16)

    def make(self, problem, seed):
        np, element = self.np, problem.program.element
        rng = np.random.default_rng(seed)
        q, k, v = (self.oracle.round_to(rng.standard_normal(shape), element)
                   for shape in (problem.shape, problem.cache_shape, problem.cache_shape))
        inputs = [k, v]
        if problem.decodes:
            inputs, table = [], None
            for cache in (k, v):
                pages, table = self.oracle.to_pages(np.random.default_rng(seed), list(cache), PAGE)
                inputs.append(pages)
        inputs = [self._store(array, element) for array in (q, *inputs)]
        if problem.decodes:
            inputs += [table, np.full(problem.batch, problem.keys, np.int32)]
        return Arrays(q, k, v, inputs)

    def check(self, problem, arrays, out):
        np = self.np
        rows = choose_rows(problem)
        out = out.float32() if hasattr(out, "float32") else out.astype(np.float32)
        want = self.oracle.attend(arrays.q, list(arrays.k), list(arrays.v),
                                  lambda b, h, i, j: problem.sees(i, j), rows=rows)
        want.rounds = True
        gap = want.error(out[:, :, rows])
        return Verdict(len(rows), float(gap.max() / np.abs(want.out).max()), allowed_error(problem),
                       float((gap / want.tolerance(problem.program.element)).max()))


class TorchSide:
    """Tensors of PyTorch on `device`."""

    def __init__(self, device):
        import torch

        self.torch, self.device = torch, torch.device(device)
        self.types = {"f16": torch.float16, "bf16": torch.bfloat16}
        self.name = f"torch {torch.__version__} in float64"

    def make(self, problem, seed):
        torch = self.torch
        generator = torch.Generator(self.device).manual_seed(seed)
        dtype = self.types[problem.program.element]
        q, k, v = (torch.randn(shape, generator=generator, device=self.device).to(dtype)
                   for shape in (problem.shape, problem.cache_shape, problem.cache_shape))
        inputs = self._to_pages(problem, k, v, generator) if problem.decodes else [k, v]
        return Arrays(q, k, v, [q, *inputs])

    def _to_pages(self, problem, k, v, generator):
        """Pages of K and of V in one shuffled order, their table, and lengths."""
        torch = self.torch
        batch, groups, keys, width = k.shape
        count = -(-keys // PAGE)
        order = torch.randperm(batch * count + 2, generator=generator, device=self.device)[: batch * count]
        result = []
        for cache in (k, v):
            padded = torch.nn.functional.pad(cache, (0, 0, 0, count * PAGE - keys), value=RUBBISH)
            pages = torch.full((batch * count + 2, groups, PAGE, width), RUBBISH,
                               dtype=k.dtype, device=self.device)
            parts = padded.view(batch, groups, count, PAGE, width).transpose(1, 2)
            pages[order] = parts.reshape(-1, groups, PAGE, width)
            result.append(pages)
        lengths = torch.full((batch,), keys, dtype=torch.int32, device=self.device)
        return [*result, order.view(batch, count).to(torch.int32), lengths]

    def check(self, problem, arrays, out):
        """As fovea_oracle's Result does, a block of rows of one sequence at a time."""
        torch = self.torch
        rows = torch.tensor(choose_rows(problem), device=self.device)
        step = max(1, MOST_SCORES // (problem.heads * problem.keys))
        largest, worst, sharp = 0.0, 0.0, 0.0
        for b in range(problem.batch):
            k, v = arrays.k[b].double(), arrays.v[b].double()
            for part in rows.split(step):
                want, tolerance = self._define(problem, arrays.q[b][:, part].double(), k, v, part)
                gap = (out[b][:, part].double() - want).abs()
                gap = torch.where(gap.isnan(), math.inf, gap)
                largest = max(largest, want.abs().max().item())
                worst = max(worst, gap.max().item())
                sharp = max(sharp, (gap / tolerance).max().item())
        return Verdict(len(rows), worst / largest, allowed_error(problem), sharp)

    def _define(self, problem, q, k, v, rows):
        """Output and tolerance, [H, rows, D], for q of the same shape and k, v
        [G, keys, D], all in double. Heads that share keys lie side by side."""
        torch = self.torch
        groups, keys, width = k.shape
        packed = q.reshape(groups, -1, width)  # G x (heads of a group, rows) x D
        scale = 1 / math.sqrt(width)
        scores = scale * (packed @ k.transpose(1, 2))
        i = (rows + problem.keys - problem.rows)[:, None]
        seen = problem.sees(i, torch.arange(keys, device=q.device)[None, :])
        seen = seen.expand(len(rows), keys).repeat(problem.heads // groups, 1)
        scores = torch.where(seen, scores, -math.inf)
        weights = scores.softmax(-1)
        size = torch.where(seen, scores, 0.0).abs().amax(-1, keepdim=True)
        size += scale * packed.norm(dim=-1, keepdim=True) * k.norm(dim=-1).amax(-1)[:, None, None]
        want = weights @ v
        half = HALF_UNIT[problem.program.element]
        tolerance = 2.0**-22 * (8 + size) * (weights @ v.abs())
        tolerance += 8 * half * (weights**2 @ v**2).sqrt() + 1.01 * half * want.abs() + 1e-7
        return want.view_as(q), tolerance.view_as(q)
