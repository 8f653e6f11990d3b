"""Attention from its definition, in NumPy and in double precision.

What tests, demo and benchmarks compare kernels with. It knows the words of
dialects/Attn (patterns, normalisers, layouts) but never looks at IR, so it
shares no code and no mistake with the compiler.

    visible = pattern("causal and (window<256> or sink<4>)")
    result = attend(q, keys, values, visible)      # lists: one entry a sequence
    result.check(kernel_output, "bf16")            # None, or what is wrong
"""
import re

import numpy as np


# --- Patterns ----------------------------------------------------------------

TOKEN = re.compile(r"\s*(?:([a-z]+)(?:<(\d+)>)?|([()]))")
NUMBERED = {
    "window": lambda n, q, k: np.abs(q - k) < n,
    "sink": lambda n, q, k: k < n,
    "prefix": lambda n, q, k: k < n,
    "block": lambda n, q, k: q // n == k // n,  # // is floor, also below 0
    "stride": lambda n, q, k: (q - k) % n == 0,
}


def pattern(text, documents=None):
    """The predicate (b, h, i, j) -> bool that the text of a pattern stands for.

    i and j are arrays of positions that broadcast. documents: [B, Sk].
    """
    words = [m.groups() for m in TOKEN.finditer(text)]
    place = 0

    def take():
        nonlocal place
        place += 1
        return words[place - 1]

    def at(word):
        return place < len(words) and words[place][0] == word

    def atom():
        name, number, bracket = take()
        if bracket == "(":
            inside = any_of()
            take()
            return inside
        if name == "not":
            inside = atom()
            return lambda b, i, j: ~inside(b, i, j)
        if name == "all":
            return lambda b, i, j: np.ones(np.broadcast(i, j).shape, bool)
        if name == "causal":
            return lambda b, i, j: j <= i
        if name == "document":
            def same(b, i, j):
                ids = np.asarray(documents)[b]
                return (ids[np.clip(i, 0, len(ids) - 1)] == ids[j]) & (i >= 0)
            return same
        return lambda b, i, j, f=NUMBERED[name], n=int(number): f(n, i, j)

    def all_of():
        left = atom()
        while at("and"):
            take()
            left = (lambda x, y: lambda b, i, j: x(b, i, j) & y(b, i, j))(left, atom())
        return left

    def any_of():
        left = all_of()
        while at("or"):
            take()
            left = (lambda x, y: lambda b, i, j: x(b, i, j) | y(b, i, j))(left, all_of())
        return left

    whole = any_of()
    assert place == len(words), text
    return lambda b, h, i, j: np.broadcast_to(whole(b, i, j), np.broadcast(i, j).shape)


# --- Element types -----------------------------------------------------------


def round_to(array, element):
    """`array` as float32, rounded to what `element` can hold (ties to even)."""
    array = np.asarray(array, np.float32)
    if element == "f16":
        return array.astype(np.float16).astype(np.float32)
    if element == "bf16":
        bits = array.view(np.uint32).astype(np.uint64)
        bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
        rounded = bits.astype(np.uint32).view(np.float32)
        return np.where(np.isfinite(array), rounded, array)
    assert element == "f32", element
    return array


# --- Encodings ---------------------------------------------------------------

NIBBLES = 32  # channels that share bytes, and a scale


def f8_values():
    """The finite values of f8E4M3FN that are not negative, by their bits."""
    bits = np.arange(0x7F)
    fraction, exponent = bits % 8, bits // 8
    return np.where(exponent == 0, fraction * 2.0**-9, (8 + fraction) * 2.0 ** (exponent - 10.0))


def round_to_f8(array):
    """`array` rounded to f8E4M3FN (ties to even bits), at most 448; a NaN stays one."""
    values = f8_values()
    middles = (values[1:] + values[:-1]) / 2
    size = np.abs(np.asarray(array, np.float64))
    low, high = np.searchsorted(middles, size, "left"), np.searchsorted(middles, size, "right")
    # On a tie both neighbours are there: the one of even bits.
    at = np.where(low == high, low, np.where(low % 2 == 0, low, high))
    return np.where(np.isnan(size), size, np.copysign(values[at], array)).astype(np.float32)


def pack_nibbles(channels):
    """Integers of -8 to 7 as bytes: of each 32 channels, the low nibble of byte
    j holds channel j and the high one channel j + 16."""
    shape = channels.shape[:-1]
    groups = channels.reshape(*shape, channels.shape[-1] // NIBBLES, 2, NIBBLES // 2).astype(np.int64)
    both = (groups[..., 0, :] & 15) | ((groups[..., 1, :] & 15) << 4)
    return both.astype(np.uint8).view(np.int8).reshape(*shape, channels.shape[-1] // 2)


def random_encoded(rng, stored, scale, element, shape):
    """A random part of a cache, [.., row, channel]: (what it stands for, as
    float64; its components in the order of `!attn.kv`). `stored` and `scale`
    are the words of the type; scales of groups are "group<32>"."""
    if stored == "i4":
        channels = rng.integers(-7, 8, shape)
        scales = np.exp2(rng.uniform(-4, -1, (*shape[:-1], shape[-1] // NIBBLES))).astype(np.float16)
        value = channels * np.repeat(scales.astype(np.float64), NIBBLES, axis=-1)
        return round_to(value, element).astype(np.float64), [pack_nibbles(channels), scales]
    if stored == "i8":
        kept = rng.integers(-127, 128, shape).astype(np.int8)
    elif stored == "f16":
        kept = rng.standard_normal(shape).astype(np.float16)
    else:
        kept = round_to_f8(rng.standard_normal(shape) * (64 if scale else 1))
    value = round_to(kept, element).astype(np.float64)
    if not scale:
        return value, [kept]
    scales = np.exp2(rng.uniform(-8, -5, shape[:-1])).astype(np.float32)
    return value * scales[..., None], [kept, scales]


# Half a unit in the last place, relative.
UNIT = {"f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8 / 2}


# --- The definition ----------------------------------------------------------


class Result:
    """out [B, H, rows, Dv], lse [B, H, rows], and how far a kernel may be off.

    Two things move a weight w_j away from its value, each by a part of it:

    * its score is rounded in float32, in steps that depend on how large the
      products q_d k_jd are. Scores of similar keys err alike, so the parts
      may add up to r * sum_j w_j |V_jd|.
    * for bfloat16, and for float16 where `rounds` (matrix units take weights
      of the values' type), it is itself rounded before the second product.
      That is as often up as down, so the sum has a standard deviation of
      r * sqrt(sum_j (w_j V_jd)^2), and `check` allows eight of those.

    A score region that rounds, too, makes a step of what was a small error of
    a score. `slack` bounds what that changes (docs/numerics.md); it is 0 unless
    `attend` is told that the region `jumps`.

    With wide rows all are far below the output itself, so that a key too
    many or too few shows (test/integration/cpu/sharpness.py).
    """

    def __init__(self, shape, width):
        self.out = np.zeros(shape + (width,))
        self.lse = np.full(shape, -np.inf)
        self.reach = np.zeros(shape + (width,))  # sum_j w_j |V_jd|
        self.spread = np.zeros(shape + (width,))  # sqrt(sum_j (w_j V_jd)^2)
        # The largest |score| a row sees, and |q| |k| before it cancels.
        self.largest = np.zeros(shape)
        self.slack = np.zeros(shape + (width,))
        self.lse_slack = np.zeros(shape)
        self.rounds = False

    def tolerance(self, element):
        score = 2.0**-22 * (8 + self.largest[..., None])
        rounded = element == "bf16" or (element == "f16" and self.rounds)
        weight = UNIT[element] if rounded else 0.0
        return score * self.reach + 8 * weight * self.spread + 1.01 * UNIT[element] * np.abs(self.out) + self.slack + 1e-7

    def error(self, out):
        """Largest absolute difference; infinite where NaN or infinity differ."""
        with np.errstate(invalid="ignore"):
            gap = np.abs(np.asarray(out, np.float64) - self.out)
        alike = (np.isnan(out) & np.isnan(self.out)) | (out == self.out)
        gap = np.where(alike, 0, np.where(np.isnan(gap), np.inf, gap))
        return gap

    def check(self, out, element, lse=None):
        """None, or one sentence about the worst element."""
        if out.shape != self.out.shape:
            return f"expected an output of shape {self.out.shape}, got {out.shape}"
        gap = self.error(out)
        with np.errstate(invalid="ignore"):
            bad = ~(gap <= self.tolerance(element)) & (gap != 0)
        if bad.any():
            at = np.unravel_index(np.argmax(np.where(bad, gap, -1)), gap.shape)
            at = tuple(int(x) for x in at)
            return (
                f"{int(bad.sum())} of {bad.size} elements are off, the worst at {at}: expected "
                f"{self.out[at]:.9g} within {self.tolerance(element)[at]:.3g}, got {out[at]:.9g}"
            )
        if lse is None:
            return None
        if lse.shape != self.lse.shape:
            return f"expected an lse of shape {self.lse.shape}, got {lse.shape}"
        same = (lse == self.lse) | (np.isnan(lse) & np.isnan(self.lse))
        with np.errstate(invalid="ignore"):
            bad = ~same & ~(np.abs(lse - self.lse) <= 2.0**-20 * (8 + self.largest) + self.lse_slack)
        if bad.any():
            at = tuple(int(x[0]) for x in np.nonzero(bad))
            return f"{int(bad.sum())} values of lse are off, the first at {at}: expected {self.lse[at]:.9g}, got {lse[at]:.9g}"
        return None


def weigh(s, seen, normalizer, weight, logit):
    """Weights of one block of rows, and its lse; s is -inf where not seen."""
    if normalizer == "softmax":
        top = s.max(axis=1, initial=-np.inf)
        if logit is not None:
            top = np.maximum(top, logit)
        safe = np.where(top == -np.inf, 0, top)[:, None]
        w = np.exp(s - safe)
        total = w.sum(axis=1) + (0 if logit is None else np.exp(logit - safe[:, 0]))
        lse = np.log(total) + safe[:, 0]
        return np.where(seen & (total != 0)[:, None], w / total[:, None], 0), lse
    if normalizer == "sigmoid":
        w = 1 / (1 + np.exp(-s))
    elif normalizer == "relu":
        w = np.maximum(s, 0)
    else:
        w = np.where(seen, weight(np.where(seen, s, 0)), 0)
        total = w.sum(axis=1, keepdims=True)
        w = np.where(total == 0, 0, w / np.where(total == 0, 1, total))
    return np.where(seen, w, 0), np.full(len(s), -np.inf)


def mix(w, seen, v):
    """w @ v, but a key that is not seen gives nothing even if it is no number."""
    strange = ~np.isfinite(v).all(axis=1)
    out = w @ np.where(strange[:, None], 0, v)
    for j in np.nonzero(strange)[0]:
        out += np.where(seen[:, j : j + 1], w[:, j : j + 1] * v[j], 0)
    return out


def norm(rows):
    return np.sqrt(np.where(np.isfinite(rows), rows, 0).astype(np.float64) ** 2 @ np.ones(rows.shape[-1]))


def find_slack(s, reach, score, seen, v, normalizer, sink, out):
    """What steps of `score` may change of rows `out` and of their lse: each
    product s, of magnitudes that add up to reach, may be off by a little."""
    middle = score(s)
    error = 2.0**-22 * (np.abs(s) + reach + np.abs(middle))
    scores = [np.where(seen, x, -np.inf) for x in (middle, score(s - error), score(s + error))]
    if normalizer == "softmax":
        top = np.maximum(scores[0].max(axis=1, initial=-np.inf), sink)
        top = np.where(top == -np.inf, 0, top)[:, None]
        weights = [np.exp(x - top) for x in scores]
    else:
        weights = [weigh(x, seen, normalizer, None, None)[0] for x in scores]
    low, high = np.minimum.reduce(weights), np.maximum.reduce(weights)
    move = np.maximum(high - weights[0], weights[0] - low)
    if normalizer != "softmax":
        return move @ np.abs(v), 0
    total, low, high = (w.sum(axis=1) + np.exp(sink - top[:, 0]) for w in (weights[0], low, high))
    gap = np.abs(v[None] - out[:, None])  # row, key, channel
    slack = np.einsum("ij,ije->ie", move, gap) / np.where(low == 0, 1, low)[:, None]
    return slack, np.where(total == 0, 0, np.log(np.where(total == 0, 1, high / low)))


def attend(q, keys, values, visible, *, scale=None, score=None, normalizer="softmax",
           weight=None, sink=None, rows=None, block=512, jumps=False):
    """O and LSE of every query, or of the listed rows only.

    q [B, H, Sq, D]; keys[b] [G, Sk_b, D], values[b] [G, Sk_b, Dv];
    visible(b, h, i, j) and score(s, b, h, i, j) see positions; sink [H].
    jumps: `score` rounds (not with l1).
    """  # fmt: skip
    batch, heads, length, width = q.shape
    rows = np.arange(length) if rows is None else np.asarray(rows)
    scale = 1 / np.sqrt(width) if scale is None else scale
    result = Result((batch, heads, len(rows)), values[0].shape[-1])
    with np.errstate(all="ignore"):
        for b in range(batch):
            groups, count, _ = keys[b].shape
            k, v = keys[b].astype(np.float64), values[b].astype(np.float64)
            j = np.arange(count)[None, :]
            for h in range(heads):
                g = h // (heads // groups)
                logit = None if sink is None else float(sink[h])
                for start in range(0, len(rows), block):
                    part = rows[start : start + block]
                    i = (part + count - length)[:, None]
                    s = product = scale * (q[b, h, part].astype(np.float64) @ k[g].T)
                    if score is not None:
                        s = score(s, b, h, i, j)
                    seen = visible(b, h, i, j)
                    s = np.where(seen, s, -np.inf)
                    w, lse = weigh(s, seen, normalizer, weight, logit)
                    at = (b, h, slice(start, start + len(part)))
                    result.out[at] = mix(w, seen, v[g])
                    # What a relative error of a score may move a weight by;
                    # relu's weight is the score and has an absolute one.
                    move = w + seen if normalizer == "relu" else w
                    move, size = (np.where(np.isfinite(x), x, 0) for x in (move, v[g]))
                    result.reach[at] = move @ np.abs(size)
                    result.spread[at] = np.sqrt(move**2 @ size**2)
                    result.largest[at] = np.abs(np.where(seen & np.isfinite(s), s, 0)).max(axis=1, initial=0)
                    result.largest[at] += scale * norm(q[b, h, part]) * norm(k[g]).max(initial=0)
                    result.lse[at] = lse
                    if jumps:
                        result.slack[at], result.lse_slack[at[:3]] = find_slack(
                            product, scale * (np.abs(q[b, h, part]).astype(np.float64) @ np.abs(k[g]).T),
                            lambda x: score(x, b, h, i, j), seen, v[g], normalizer,
                            -np.inf if logit is None else logit, result.out[at],
                        )  # fmt: skip
    return result


# --- Layouts -----------------------------------------------------------------


def to_pages(rng, sequences, page):
    """([pages, G, page, D], table [B, max]) with shuffled pages, and rubbish
    (a large number) wherever no row lies; without D where a sequence [G, S] has
    none. Call again with a generator in the same state for further pages that
    fit the same table."""
    groups, *width = sequences[0].shape[0:1] + sequences[0].shape[2:]
    counts = [-(-s.shape[1] // page) for s in sequences]
    order = rng.permutation(sum(counts) + 2)
    kind = sequences[0].dtype
    rubbish = 99 if kind == np.int8 else 6e4 if kind == np.float16 else 1e6
    pages = np.full((len(order), groups, page, *width), rubbish, kind)
    table = np.full((len(sequences), max(counts) + 1), -1, np.int32)
    for b, s in enumerate(sequences):
        for p in range(counts[b]):
            rows = s[:, p * page : (p + 1) * page]
            table[b, p], order = order[0], order[1:]
            pages[table[b, p], :, : rows.shape[1]] = rows
    return pages, table
