"""The contestants that are not ours, each called the way its users call it.

A peer that refuses a problem raises; `why` makes one line of that.
"""
import warnings

from variants import WINDOW

BACKENDS = ("FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION", "MATH")
# What a user of PyTorch may name; MATH is no rival, but what all fall back to.
FLEX = "FlexAttention"


def names(problem):
    """Which peers there are for a problem. In decode the heads that share keys
    may also be folded into rows, which some backends do faster."""
    yield from BACKENDS
    if problem.decodes:
        yield from (f"{name} folded" for name in BACKENDS)
    yield FLEX


def make(torch, name, problem, arrays):
    """A function without arguments that returns the output [B, H, rows, D]."""
    if name == FLEX:
        return _make_flex(torch, problem, arrays)
    return _make_sdpa(torch, name, problem, arrays)


def _make_sdpa(torch, name, problem, arrays):
    from torch.nn.attention import SDPBackend, sdpa_kernel

    backend, _, folded = name.partition(" ")
    if not hasattr(SDPBackend, backend):
        raise NotImplementedError(f"torch {torch.__version__} has no {backend}")
    chosen = [getattr(SDPBackend, backend)]
    attend = torch.nn.functional.scaled_dot_product_attention
    q, k, v = arrays.q, arrays.k, arrays.v
    if folded:
        q = q.view(problem.batch, problem.groups, -1, problem.program.width)
    options = {}
    if q.shape[1] != k.shape[1]:
        options["enable_gqa"] = True
    if problem.program.variant == "causal":
        options["is_causal"] = True
    if problem.program.variant == "window":
        i = torch.arange(problem.keys, device=q.device)
        options["attn_mask"] = problem.sees(i[:, None], i[None, :])

    def call():
        with sdpa_kernel(chosen):
            return attend(q, k, v, **options).view(problem.shape)

    return call


# Plain functions, because they are traced.
def _causal(b, h, i, j):
    return j <= i


def _window(b, h, i, j):
    return (j <= i) & (i - j < WINDOW)


def _make_flex(torch, problem, arrays):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention

    torch._dynamo.reset()  # else shapes add up and it gives up compiling
    compiled = torch.compile(flex_attention, dynamic=False)
    mask = {"causal": _causal, "window": _window}.get(problem.program.variant)
    options = {}
    if mask:
        options["block_mask"] = create_block_mask(
            mask, None, None, problem.rows, problem.keys, device=arrays.q.device)
    if problem.heads != problem.groups:
        options["enable_gqa"] = True
    return lambda: compiled(arrays.q, arrays.k, arrays.v, **options)


def try_call(call):
    """(output, None), or (None, why not in one line)."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            return call(), None
        except Exception as error:  # whatever a peer may raise is its answer
            return None, why(error, [str(warning.message) for warning in heard])


def why(error, heard):
    """One line: the exception, or for a backend that only says that it cannot,
    the reasons that PyTorch warned of."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    if "No available kernel" not in text and "No viable backend" not in text:
        return f"{type(error).__name__}: {text}"[:200]
    reasons = [line.split(" (Triggered internally")[0] for line in heard if "because" not in line]
    return "; ".join(dict.fromkeys(reasons))[:300] or text
