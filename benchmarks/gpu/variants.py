"""The programs of this benchmark, and the problems that are put to them."""
from dataclasses import dataclass

TEXT = """
func.func @attention(%q: {query}, %kv: {kv}) -> {query} {{
  %o = attn.attend %q, %kv{pattern} : ({query}, {kv}) -> {query}
  return %o : {query}
}}
"""
WINDOW = 1024
PAGE = 16
# Heads times width: a model of 2048 columns, whatever the width of a head.
COLUMNS = 2048


@dataclass(frozen=True)
class Program:
    """One compiled program: NAME.fovea of the folder."""

    element: str  # bf16 or f16
    width: int  # of a head, keys and values alike
    variant: str  # full, causal, window or paged

    @property
    def name(self):
        return f"{self.element}-d{self.width}-{self.variant}"

    @staticmethod
    def parse(name):
        """The program whose `name` this is."""
        element, width, variant = name.split("-")
        return Program(element, int(width[1:]), variant)

    @property
    def pattern(self):
        """In the words of attn.attend; decode is causal as a server asks it."""
        window = f"causal and window<{WINDOW}>"
        return {"full": "all", "window": window}.get(self.variant, "causal")

    @property
    def text(self):
        """The source for foveac."""
        layout = f"paged<{PAGE}>" if self.variant == "paged" else "dense"
        kv = f"!attn.kv<{layout}, key = {self.width}, value = {self.width}, {self.element}>"
        query = f"tensor<?x?x?x{self.width}x{self.element}>"
        return TEXT.format(query=query, kv=kv, pattern=f" pattern<{self.pattern}>")


def programs():
    """All of them, in the order of the tables."""
    for element in ("bf16", "f16"):
        for width in (64, 128):
            for variant in ("full", "causal", "window", "paged"):
                yield Program(element, width, variant)


@dataclass(frozen=True)
class Problem:
    """One call of a program. Queries are the last `rows` of `keys` positions."""

    program: Program
    batch: int
    heads: int
    groups: int  # heads of K and V
    rows: int
    keys: int

    @property
    def decodes(self):
        return self.program.variant == "paged"

    @property
    def name(self):
        words = [self.program.name, f"B{self.batch}", f"H{self.heads}"]
        words += [f"G{self.groups}"] * (self.groups != self.heads)
        return " ".join(words + [f"S{self.keys}"])

    @property
    def shape(self):
        """Of Q and of the output."""
        return self.batch, self.heads, self.rows, self.program.width

    @property
    def cache_shape(self):
        """Of K and of V, without pages."""
        return self.batch, self.groups, self.keys, self.program.width

    def sees(self, i, j):
        """Whether position i sees key j; arrays of NumPy or PyTorch, or
        numbers. The tables count with it, and the definition masks with it."""
        if self.program.variant == "full":
            return j == j
        seen = j <= i
        return seen & (i - j < WINDOW) if self.program.variant == "window" else seen

    def pairs(self):
        """How many pairs of a query and a key are visible, for one head."""
        first = self.keys - self.rows
        if self.program.variant == "full":
            return self.rows * self.keys
        limit = WINDOW if self.program.variant == "window" else self.keys
        return sum(min(i + 1, limit) for i in range(first, self.keys))

    def flops(self):
        """Multiplications and additions of the two products, visible pairs only."""
        return 4 * self.batch * self.heads * self.pairs() * self.program.width

    def cache_bytes(self):
        """K and V, read once."""
        return 2 * 2 * self.batch * self.groups * self.keys * self.program.width


PREFILL = (512, 1024, 2048, 4096, 8192, 16384)
DECODE = ((1, 8192), (1, 131072), (8, 4096), (64, 4096), (16, 32768))  # batch, keys


def problems(program, longest=None):
    """What a GPU is asked: 16384 tokens in sequences of one length, or one
    query for each sequence of a batch, 32 heads on 8."""
    if program.variant == "paged":
        for batch, keys in DECODE:
            if longest is None or keys <= longest:
                yield Problem(program, batch, 32, 8, 1, keys)
        return
    heads = COLUMNS // program.width
    for keys in PREFILL:
        if longest is None or keys <= longest:
            yield Problem(program, PREFILL[-1] // keys, heads, heads, keys, keys)


def small_problems(program):
    """What an emulated device does in a second or two: lengths that fill
    neither tiles nor pages."""
    if program.variant == "paged":
        yield Problem(program, 2, 4, 1, 1, 75)
        return
    yield Problem(program, 1, 2, 2, 70, 70)
    if program.variant == "window":
        yield Problem(program, 1, 1, 1, 3, WINDOW + 30)
