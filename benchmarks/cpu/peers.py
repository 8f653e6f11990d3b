"""Others on the same problem, each called the way its users call it.

`load(threads)` returns {name: peer}; `peer(case)` returns a function that runs
the case once, or None if the peer has nothing for it. Packages that are missing
are named and left out.
"""
import collections
import os


def load(threads):
    loaded = {}
    for name, make in (("torch", load_torch), ("OpenVINO", load_openvino),
                       ("ONNX Runtime", load_onnxruntime)):
        try:
            loaded.update(make(threads))
        except ImportError as error:
            print(f"{name} is left out: {error} (see requirements.txt)")
    return loaded


def load_torch(threads):
    # Memory like ours and NumPy's; torch leaves it to its users by default.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    import torch

    torch.set_num_threads(threads)
    dtypes = {"f32": torch.float32, "bf16": torch.bfloat16,
              "f16": torch.float16}

    def inputs(case):
        def one(heads, rows, width):
            return torch.randn(case.batch, heads, rows, width).to(
                dtypes[case.t])
        return (one(case.heads, case.rows, case.d),
                one(case.groups, case.s, case.d),
                one(case.groups, case.s, case.values))

    def attend(case):
        q, k, v = inputs(case)
        return lambda: torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=case.pattern == "causal",
            enable_gqa=case.heads != case.groups)

    def flex(case):
        from torch.nn.attention.flex_attention import (create_block_mask,
                                                       flex_attention)
        q, k, v = inputs(case)
        mask = None
        if case.pattern == "causal":
            mask = create_block_mask(lambda b, h, i, j: i >= j, None, None,
                                     case.rows, case.s, device="cpu")
        compiled = torch.compile(flex_attention)
        return lambda: compiled(q, k, v, block_mask=mask,
                                enable_gqa=case.heads != case.groups)

    def decomposed(case):
        # The scores of all pairs, twice. Heads that share keys are rows.
        if case.rows * case.s > 2048 * 2048:
            return None
        q, k, v = inputs(case)
        if case.heads != case.groups:
            if case.pattern:
                return None
            q = q.reshape(case.batch, case.groups, -1, case.d)
        hidden = torch.triu(torch.ones(case.rows, case.s, dtype=torch.bool), 1)

        def run():
            scores = torch.matmul(q * case.d ** -0.5, k.transpose(-1, -2))
            if case.pattern == "causal":
                scores = scores.masked_fill(hidden, float("-inf"))
            return torch.matmul(torch.softmax(scores, -1), v)
        return run

    return {"torch SDPA": attend, "FlexAttention": flex,
            "matmul, softmax, matmul": decomposed}


def load_openvino(threads):
    import numpy as np
    import openvino
    import openvino.opset13 as ops

    core = openvino.Core()

    def attend(case):
        if case.heads != case.groups or case.t == "f16":
            return None
        shapes = [[case.batch, case.heads, rows, width]
                  for rows, width in ((case.rows, case.d), (case.s, case.d),
                                      (case.s, case.values))]
        parameters = [ops.parameter(shape, np.float32) for shape in shapes]
        node = ops.scaled_dot_product_attention(
            *parameters, causal=case.pattern == "causal")
        compiled = core.compile_model(
            openvino.Model([node], parameters), "CPU",
            {"INFERENCE_PRECISION_HINT": case.t,
             "INFERENCE_NUM_THREADS": threads})
        request = compiled.create_infer_request()
        arrays = [np.random.randn(*shape).astype(np.float32)
                  for shape in shapes]
        return lambda: request.infer(arrays)

    return {"OpenVINO": attend}


def load_onnxruntime(threads):
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    def attend(case):
        # MultiHeadAttention of com.microsoft: f32, [batch, rows, heads * d].
        if case.t != "f32" or case.pattern or case.heads != case.groups:
            return None
        widths = collections.OrderedDict(
            query=(case.rows, case.d), key=(case.s, case.d),
            value=(case.s, case.values))
        values = [helper.make_tensor_value_info(
            name, TensorProto.FLOAT, [case.batch, rows, case.heads * width])
            for name, (rows, width) in widths.items()]
        result = helper.make_tensor_value_info(
            "output", TensorProto.FLOAT,
            [case.batch, case.rows, case.heads * case.values])
        node = helper.make_node("MultiHeadAttention", list(widths), ["output"],
                                domain="com.microsoft", num_heads=case.heads)
        model = helper.make_model(
            helper.make_graph([node], "attention", values, [result]),
            opset_imports=[helper.make_opsetid("", 17),
                           helper.make_opsetid("com.microsoft", 1)])
        model.ir_version = 8
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options,
            providers=["CPUExecutionProvider"])
        feeds = {name: np.random.randn(case.batch, rows, case.heads * width)
                 .astype(np.float32) for name, (rows, width) in widths.items()}
        return lambda: session.run(None, feeds)

    return {"ONNX Runtime": attend}
