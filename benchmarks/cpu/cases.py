"""What benchmarks/cpu/run.py runs, and which ratios it judges: data only.

A case is one program and one set of shapes. A bar compares cases of one run.
"""
import dataclasses

SCORES = {
    "": ("", ""),
    "alibi": (", %slopes: tensor<?xf32>", """
      score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
        %slope = tensor.extract %slopes[%h] : tensor<?xf32>
        %gap = arith.subi %j, %i : index
        %steps = arith.index_cast %gap : index to i32
        %distance = arith.sitofp %steps : i32 to f32
        %bias = arith.mulf %slope, %distance : f32
        %t = arith.addf %s, %bias : f32
        attn.yield %t : f32
      }"""),
    # A bias by distance, from a table of 65536 entries.
    "table": (", %bias: tensor<?xf32>", """
      score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
        %half = arith.constant 32768 : index
        %gap = arith.subi %j, %i : index
        %at = arith.addi %gap, %half : index
        %bias_of = tensor.extract %bias[%at] : tensor<?xf32>
        %t = arith.addf %s, %bias_of : f32
        attn.yield %t : f32
      }"""),
    "softcap": ("", """
      score (%s: f32, %b: index, %h: index, %i: index, %j: index) {
        %cap = arith.constant 50.0 : f32
        %inverse = arith.constant 0.02 : f32
        %small = arith.mulf %s, %inverse : f32
        %bounded = math.tanh %small : f32
        %t = arith.mulf %bounded, %cap : f32
        attn.yield %t : f32
      }"""),
}

# What keys and values are stored as, and the extents of their scales for a row
# of a width.
STORED = {
    "": ("", None),
    "i8": (", stored = i8, scale = token", lambda width: ""),
    "i4": (", stored = i4, scale = group<32>", lambda width: f"x{width // 32}"),
}

PROGRAM = """
func.func @attention(%q: tensor<?x?x?x{d}x{t}>, %kv: {kv}{arguments})
    -> tensor<?x?x?x{dv}x{t}> {{
  %o = attn.attend %q, %kv {documents}{pattern}{score}
     : (tensor<?x?x?x{d}x{t}>, {kv}{types}) -> tensor<?x?x?x{dv}x{t}>
  return %o : tensor<?x?x?x{dv}x{t}>
}}
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """One problem. `sq` rows see `s` keys; `heads` query heads share `groups`
    key heads; `page` 0 is a dense cache; `score` is a key of SCORES; `document`
    is the length of packed documents; `stored` is a key of STORED."""

    group: str
    t: str = "f32"
    d: int = 64
    dv: int = 0  # 0: d
    s: int = 2048
    sq: int = 0  # 0: s
    batch: int = 1
    heads: int = 8
    groups: int = 8
    pattern: str = ""
    document: int = 0
    page: int = 0
    stored: str = ""
    score: str = ""
    peers: bool = False

    @property
    def name(self):
        parts = [self.t, f"D{self.d}" + (f"/{self.dv}" if self.dv else ""),
                 f"S{self.s}"]
        if self.sq:
            parts.append(f"Sq{self.sq}")
        if self.batch > 1:
            parts.append(f"B{self.batch}")
        if (self.heads, self.groups) != (8, 8):
            parts.append(f"H{self.heads} G{self.groups}")
        parts.append(self.pattern or "full")
        if self.document:
            parts.append(f"documents of {self.document}")
        if self.page:
            parts.append(f"paged {self.page}")
        if self.stored:
            parts.append(f"stored as {self.stored}")
        if self.score:
            parts.append(self.score)
        return " ".join(parts)

    @property
    def rows(self):
        return self.sq or self.s

    @property
    def values(self):
        return self.dv or self.d

    def program(self):
        layout = f"paged<{self.page}>" if self.page else "dense"
        kv = (f"!attn.kv<{layout}, key = {self.d}, value = {self.values}, "
              f"{self.t}{STORED[self.stored][0]}>")
        arguments, score = SCORES[self.score]
        documents = types = ""
        if self.document:
            arguments += ", %ids: tensor<?x?xi32>"
            documents, types = "documents(%ids) ", ", tensor<?x?xi32>"
        pattern = f"pattern<{self.pattern}>" if self.pattern else ""
        return PROGRAM.format(t=self.t, d=self.d, dv=self.values, kv=kv,
                              arguments=arguments, documents=documents,
                              types=types, pattern=pattern, score=score)

    def shapes(self):
        """The arguments as fovea-run --random wants them."""
        result = [f"{self.batch}x{self.heads}x{self.rows}x{self.d}"]
        rows = f"{self.batch}x{self.groups}x{self.s}"
        pages = -(-self.s // self.page) if self.page else 0
        if self.page:
            rows = f"{self.batch * pages}x{self.groups}x{self.page}"
        scales = STORED[self.stored][1]
        for width in (self.d, self.values):
            result.append(f"{rows}x{width // 2 if self.stored == 'i4' else width}")
            if scales:
                result.append(rows + scales(width))
        if self.page:
            result += [f"{self.batch}x{pages}=shuffle", f"{self.batch}={self.s}"]
        if self.score == "alibi":
            result.append(str(self.heads))
        if self.score == "table":
            result.append("65536")
        if self.document:
            result.append(f"{self.batch}x{self.s}=every:{self.document}")
        return ",".join(result)


@dataclasses.dataclass(frozen=True)
class Bar:
    """`kind` of a ratio of cases: "share" of what vectors multiply (cases[0]);
    "memory", of the read rate; "time" of cases[0] over cases[1]; "pair", the
    same per visible pair; "rate", shares of cases[0] over cases[1]; "best", the fastest
    peer's time over ours (cases[0])."""

    text: str
    kind: str
    bound: float  # at least; at most for "time" and "pair"
    cases: tuple

    @property
    def is_most(self):
        return self.kind in ("time", "pair")


def prefill():
    """(cases, bars) of whole sequences."""
    cases, bars = [], []

    def case(**fields):
        cases.append(Case(**fields))
        return cases[-1]

    share = {("f32", 64): 0.86, ("f32", 128): 0.89,
             ("bf16", 64): 0.80, ("bf16", 128): 0.85}
    best = {("f32", ""): 1.1, ("f32", "causal"): 2.0,
            ("bf16", ""): 1.4, ("bf16", "causal"): 2.5}
    full = {}
    for t in ("f32", "bf16", "f16"):
        for d in (64, 128):
            for s in (512, 2048, 8192, 16384):
                peers = t != "f16" and s <= 8192
                for pattern in ("", "causal"):
                    one = case(group="prefill", t=t, d=d, s=s, pattern=pattern,
                               peers=peers)
                    if pattern == "":
                        full[t, d, s] = one
                        if (t, d) in share:
                            bars.append(Bar(f"{one.name}, of vectors", "share",
                                            share[t, d],
                                            (one,)))
                    elif s >= 2048:
                        bars.append(Bar(f"{one.name} over full, time", "time",
                                        0.53, (one, full[t, d, s])))
                    if peers:
                        bars.append(Bar(f"{one.name} against the best peer",
                                        "best", best[t, pattern], (one,)))
                if t == "f16":
                    bars.append(Bar(
                        f"f16 D{d} S{s} full over f32, time", "time",
                        1 / 0.95, (full[t, d, s], full["f32", d, s])))
    for d, power in ((40, 64), (80, 128), (96, 128), (192, 256), (256, 256)):
        for t in ("f32", "bf16"):
            one = case(group="widths", t=t, d=d)
            other = full.get((t, power, 2048)) or Case(group="widths", t=t,
                                                       d=power)
            if d != power:
                bars.append(Bar(f"{t} D{d} over D{power}, share", "rate", 0.9,
                                (one, other)))
    one = case(group="widths", d=128, dv=64)
    bars.append(Bar("f32 D128, Dv 64 over D128, share", "rate", 0.9,
                    (one, full["f32", 128, 2048])))
    one = case(group="widths", s=2047)
    bars.append(Bar("f32 D64 S2047 over S2048, share", "rate", 0.9,
                    (one, full["f32", 64, 2048])))
    for t in ("f32", "bf16"):
        one = case(group="paged", t=t, page=16)
        bars.append(Bar(f"{t} D64 S2048 paged 16 over dense, time", "time", 1.05,
                        (one, full[t, 64, 2048])))
        for score, bound in (("alibi", 1.15), ("table", 1.15),
                             ("softcap", 1.3)):
            one = case(group="scores", t=t, score=score)
            bars.append(Bar(f"{t} D64 S2048 {score} over plain, time", "time",
                            bound, (one, full[t, 64, 2048])))
    dense = case(group="patterns", s=8192, heads=2, groups=2)
    for fields in ({"pattern": "causal and window<1024>"},
                   {"pattern": "causal and document", "document": 2048}):
        one = case(group="patterns", s=32768, heads=2, groups=2, **fields)
        bars.append(Bar(f"{one.name} over full, time per visible pair", "pair",
                        1.15, (one, dense)))
    return cases, bars


def decode():
    """(cases, bars) of one query, or a few, beside a long cache."""
    cases, bars = [], []
    common = {"group": "decode", "t": "bf16", "d": 128, "heads": 32,
              "groups": 8}

    def case(**fields):
        cases.append(Case(**common, **{"sq": 1, **fields}))
        return cases[-1]

    dense = {}
    for batch, s in ((1, 4096), (1, 32768), (1, 131072), (8, 4096), (8, 32768)):
        one = dense[batch, s] = case(batch=batch, s=s, peers=True)
        if s >= 32768:
            bars.append(Bar(f"{one.name}, of reading memory", "memory", 0.85,
                            (one,)))
        bars.append(Bar(f"{one.name} against the best peer", "best", 1.7, (one,)))
    for s in (32768, 131072):
        for stored, bound in (("i8", 1 / 1.65), ("i4", 1 / 2.8)):
            one = case(s=s, stored=stored)
            bars.append(Bar(f"S{s} stored as {stored} over bf16, time", "time",
                            bound, (one, dense[1, s])))
        for page, bound in ((16, 1.3), (128, 1.1)):
            one = case(s=s, page=page)
            bars.append(Bar(f"S{s} paged {page} over dense, time", "time", bound,
                            (one, dense[1, s])))
    for sq, bound in ((2, 1.15), (4, 1.4), (8, 2.2)):
        one = case(s=32768, sq=sq)
        bars.append(Bar(f"S32768 Sq{sq} over Sq1, time", "time", bound,
                        (one, dense[1, 32768])))
    return cases, bars


def small():
    """(cases, bars) of problems that are over soon."""
    cases, bars = [], []
    for t in ("f32", "bf16"):
        for fields in ({"s": 128, "batch": 64}, {"s": 16}):
            one = Case(group="small", t=t, peers=True, **fields)
            cases.append(one)
            bars.append(Bar(f"{one.name} against the best peer", "best", 1.0,
                            (one,)))
    return cases, bars


def everything():
    """All cases and bars of benchmarks/cpu."""
    parts = [prefill(), decode(), small()]
    return [sum(lists, []) for lists in zip(*parts)]
