"""Runs .fovea files from Python: no compiler, no LLVM, only libfovea_program.so.

On a GPU, with tensors of PyTorch that lie there:

    import torch, fovea_runtime
    program = fovea_runtime.Program("attention.fovea").load("cuda")
    o = program(q, k, v)                  # on PyTorch's current stream

On a CPU, or emulated, with arrays of NumPy:

    program = fovea_runtime.Program("attention.fovea").load("cpu")
    o = program(q, k, v)

NumPy has no bfloat16; `BFloat16.round(array)` is one, and its `float32()` the
way back. A call that is made often is described once:

    again = program.bind(q, k, v)         # or bind(q, k, v, outputs=[o])
    o = again()

The library is looked for in FOVEA_PROGRAM_LIBRARY, beside this file, in the
build folder of a checkout, and then where the system looks for libraries.
"""
import ctypes
import json
import os

MAX_RANK = 8
DTYPES = ("f32", "f16", "bf16", "i32", "i64", "i1", "i8", "f8E4M3FN")
# As NumPy and PyTorch call them.
DTYPE_OF_NAME = {
    "float32": 0, "float16": 1, "bfloat16": 2, "int32": 3, "int64": 4, "bool": 5,
    "int8": 6, "float8_e4m3fn": 7,
}  # fmt: skip
NAME_OF_DTYPE = {number: name for name, number in DTYPE_OF_NAME.items()}
ITEM_BYTES = (4, 2, 2, 4, 8, 1, 1, 1)


class Error(RuntimeError):
    """What fovea_rt_last_error says."""


class Tensor(ctypes.Structure):
    """fovea_tensor of fovea_runtime.h."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("dtype", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("sizes", ctypes.c_int64 * MAX_RANK),
        ("strides", ctypes.c_int64 * MAX_RANK),
    ]


class DeviceInfo(ctypes.Structure):
    """fovea_device_info of fovea_device.h."""

    _fields_ = [
        ("driver", ctypes.c_char * 16),
        ("name", ctypes.c_char * 128),
        ("chip", ctypes.c_char * 64),
        ("version", ctypes.c_char * 64),
        ("ordinal", ctypes.c_int32),
        ("multiprocessors", ctypes.c_int32),
        ("lanes", ctypes.c_int32),
        ("reserved", ctypes.c_int32),
        ("memory_bytes", ctypes.c_int64),
        ("near_bytes", ctypes.c_int64),
    ]


POINTER, TEXT, INT, LONG = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int64
TENSORS = ctypes.POINTER(Tensor)
FUNCTIONS = {
    "fovea_rt_last_error": (TEXT, []),
    "fovea_device_open": (POINTER, [TEXT]),
    "fovea_device_close": (None, [POINTER]),
    "fovea_device_get_info": (INT, [POINTER, ctypes.POINTER(DeviceInfo)]),
    "fovea_device_alloc": (POINTER, [POINTER, LONG]),
    "fovea_device_free": (None, [POINTER, POINTER]),
    "fovea_device_copy_in": (INT, [POINTER, POINTER, POINTER, LONG, POINTER]),
    "fovea_device_copy_out": (INT, [POINTER, POINTER, POINTER, LONG, POINTER]),
    "fovea_device_synchronize": (INT, [POINTER, POINTER]),
    "fovea_stream_wrap": (POINTER, [POINTER, POINTER]),
    "fovea_stream_close": (None, [POINTER]),
    "fovea_program_open": (POINTER, [TEXT]),
    "fovea_program_close": (None, [POINTER]),
    "fovea_program_manifest": (TEXT, [POINTER]),
    "fovea_program_describe": (TEXT, [POINTER]),
    "fovea_program_load": (INT, [POINTER, POINTER, TEXT]),
    "fovea_program_loaded": (TEXT, [POINTER]),
    "fovea_program_output_shape": (INT, [POINTER, TEXT, INT, TENSORS, INT, TENSORS]),
    "fovea_program_call": (INT, [POINTER, TEXT, POINTER, TENSORS, INT, INT]),
}


def _find_library():
    if os.environ.get("FOVEA_PROGRAM_LIBRARY"):
        return os.environ["FOVEA_PROGRAM_LIBRARY"]
    here = os.path.dirname(os.path.abspath(__file__))
    places = [here] + [os.path.join(here, "..", "build", preset, "runtime") for preset in ("release", "ci", "dev")]
    for place in places:
        path = os.path.join(place, "libfovea_program.so")
        if os.path.exists(path):
            return path
    return "libfovea_program.so"


_library = None


def library():
    """The library, opened at the first call."""
    global _library
    if _library is None:
        loaded = ctypes.CDLL(_find_library())
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
        _library = loaded
    return _library


def _fail():
    raise Error(library().fovea_rt_last_error().decode())


def _check(status):
    if status != 0:
        _fail()


class BFloat16:
    """An array of NumPy whose elements of 16 bits are bfloat16."""

    dtype = "bfloat16"
    itemsize = 2

    def __init__(self, bits):
        if str(bits.dtype) != "uint16":
            raise Error(f"expected the bits as uint16, got {bits.dtype}")
        self.bits = bits
        self.shape, self.strides = bits.shape, bits.strides
        self.__array_interface__ = bits.__array_interface__

    @staticmethod
    def round(array):
        """Numbers rounded to the nearest, ties to even; any NaN is a NaN."""
        import numpy

        array = numpy.ascontiguousarray(array, numpy.float32)
        bits = array.view(numpy.uint32)
        rounded = (bits.astype(numpy.uint64) + 0x7FFF + ((bits >> 16) & 1)) >> 16
        return BFloat16(numpy.where(numpy.isnan(array), 0x7FC0, rounded).astype(numpy.uint16))

    def float32(self):
        """The same numbers as an array of float32."""
        import numpy

        return (self.bits.astype(numpy.uint32) << 16).view(numpy.float32)


class Call:
    """A call with fixed arrays, described once: Program.bind makes it.

    The arrays' contents may change between calls, their places may not.
    """

    def __init__(self, program, name, stream, arguments, threads, arrays, outputs):
        self.fixed = (program.handle, name, stream, arguments, len(arguments), threads)
        self.function = library().fovea_program_call
        self.arrays = arrays  # kept alive
        self.outputs = outputs

    def __call__(self):
        _check(self.function(*self.fixed))
        return self.outputs[0] if len(self.outputs) == 1 else self.outputs


class Device:
    """A device by name: "cuda", "cuda:1", "hip", "emulated", "emulated:early,race"."""

    def __init__(self, name):
        self.handle = library().fovea_device_open(name.encode())
        self.streams = {}
        if not self.handle:
            _fail()

    @property
    def info(self):
        info = DeviceInfo()
        _check(library().fovea_device_get_info(self.handle, ctypes.byref(info)))
        return info

    def wrap(self, native):
        """A stream of the driver's, given as a number; None is the default."""
        if not native:
            return None
        if native not in self.streams:
            self.streams[native] = library().fovea_stream_wrap(self.handle, native)
        return self.streams[native]

    def synchronize(self, native_stream=None):
        """Waits, and raises what kernels found wrong."""
        _check(library().fovea_device_synchronize(self.handle, self.wrap(native_stream)))

    def close(self):
        for stream in self.streams.values():
            library().fovea_stream_close(stream)
        self.streams = {}
        library().fovea_device_close(self.handle)
        self.handle = None


def _describe(array):
    """The fovea_tensor of a PyTorch tensor or a NumPy array."""
    tensor = Tensor()
    name = str(array.dtype).rsplit(".", 1)[-1]
    if name not in DTYPE_OF_NAME:
        raise Error(f"expected elements of {', '.join(DTYPE_OF_NAME)}, got {array.dtype}")
    if len(array.shape) > MAX_RANK:
        raise Error(f"expected at most {MAX_RANK} dimensions, got {len(array.shape)}")
    tensor.dtype = DTYPE_OF_NAME[name]
    tensor.rank = len(array.shape)
    if hasattr(array, "data_ptr"):
        tensor.data = array.data_ptr()
        strides = array.stride()
    else:
        tensor.data = array.__array_interface__["data"][0]
        if any(stride % array.itemsize for stride in array.strides):
            raise Error("expected strides of whole elements")
        strides = [stride // array.itemsize for stride in array.strides]
    for axis, (size, stride) in enumerate(zip(array.shape, strides)):
        tensor.sizes[axis], tensor.strides[axis] = size, stride
    return tensor


def _is_on_gpu(array):
    return hasattr(array, "data_ptr") and array.device.type != "cpu"


class Program:
    """A .fovea file. Call it, once loaded, with its inputs; it returns its outputs."""

    def __init__(self, path):
        self.handle = library().fovea_program_open(os.fsencode(path))
        if not self.handle:
            _fail()
        self.manifest = json.loads(library().fovea_program_manifest(self.handle))
        self.entries = {entry["name"]: entry for entry in self.manifest["entries"]}
        self.device = None

    def describe(self):
        return library().fovea_program_describe(self.handle).decode()

    def load(self, device="cpu", target=None):
        """Makes it ready on a Device, a device's name, or "cpu"."""
        if isinstance(device, str):
            device = None if device == "cpu" else Device(device)
        wanted = target.encode() if target else None
        _check(library().fovea_program_load(self.handle, device.handle if device else None, wanted))
        self.device = device
        return self

    @property
    def target(self):
        name = library().fovea_program_loaded(self.handle)
        return name.decode() if name else None

    def output_shapes(self, inputs, entry=None):
        """(dtype name, shape) of each output for these inputs."""
        described = (Tensor * len(inputs))(*[_describe(array) for array in inputs])
        return [
            (NAME_OF_DTYPE[shape.dtype], tuple(shape.sizes[: shape.rank]))
            for shape in self._output_shapes(described, entry)
        ]

    def _output_shapes(self, described, entry):
        count = len(self._entry(entry)["outputs"])
        shapes = []
        for i in range(count):
            shape = Tensor()
            name = entry.encode() if entry else None
            _check(
                library().fovea_program_output_shape(
                    self.handle, name, i, described, len(described), ctypes.byref(shape)
                )
            )
            shapes.append(shape)
        return shapes

    def _entry(self, name):
        if name is None and len(self.entries) == 1:
            return next(iter(self.entries.values()))
        if name not in self.entries:
            raise Error(f"expected an entry among {', '.join(self.entries)}; got {name!r}")
        return self.entries[name]

    def __call__(self, *inputs, outputs=None, entry=None, threads=0):
        """One array or a tuple of them, new ones unless `outputs` are given.

        On a GPU the work is put into PyTorch's current stream; call
        program.device.synchronize() to learn of errors in it.
        """
        described, outputs = self._describe_call(inputs, outputs, entry)
        if self.device is not None and not any(_is_on_gpu(array) for array in inputs):
            self._call_through_copies(described, len(inputs), entry)
        else:
            self._call(described, entry, self._stream(inputs), threads)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _describe_call(self, inputs, outputs, entry):
        """Descriptions of inputs and outputs, and the outputs."""
        described = [_describe(array) for array in inputs]
        if outputs is None:
            shapes = self._output_shapes((Tensor * len(inputs))(*described), entry)
            outputs = [self._make(inputs, shape) for shape in shapes]
        return described + [_describe(array) for array in outputs], tuple(outputs)

    def bind(self, *inputs, outputs=None, entry=None, threads=0):
        """A Call: this call, with nothing left to do but to make it. On a GPU
        it goes into the stream that is PyTorch's current one now; arrays must
        lie where the program runs."""
        if self.device is not None and not any(_is_on_gpu(array) for array in inputs):
            raise Error("expected arrays that lie on the device, got arrays of the host")
        described, outputs = self._describe_call(inputs, outputs, entry)
        arguments = (Tensor * len(described))(*described)
        name = entry.encode() if entry else None
        return Call(self, name, self._stream(inputs), arguments, threads, inputs, outputs)

    def _stream(self, inputs):
        if self.device is None:
            return None
        import torch

        place = next(array.device for array in inputs if _is_on_gpu(array))
        return self.device.wrap(torch.cuda.current_stream(place).cuda_stream)

    def _call(self, described, entry, stream, threads):
        arguments = (Tensor * len(described))(*described)
        name = entry.encode() if entry else None
        _check(library().fovea_program_call(self.handle, name, stream, arguments, len(described), threads))

    def _make(self, inputs, shape):
        sizes = tuple(shape.sizes[: shape.rank])
        name = NAME_OF_DTYPE[shape.dtype]
        like = next((array for array in inputs if hasattr(array, "data_ptr")), None)
        if like is not None:
            import torch

            return torch.empty(sizes, dtype=getattr(torch, name), device=like.device)
        import numpy

        if name == BFloat16.dtype:
            return BFloat16(numpy.empty(sizes, dtype=numpy.uint16))
        return numpy.empty(sizes, dtype=name)

    def _call_through_copies(self, described, num_inputs, entry):
        """Arrays of the host on a device: there and back."""
        there = []
        try:
            for i, tensor in enumerate(described):
                copy = Tensor.from_buffer_copy(tensor)
                last = sum((size - 1) * stride for size, stride in zip(tensor.sizes[: tensor.rank], tensor.strides))
                empty = 0 in tensor.sizes[: tensor.rank]
                count = 0 if empty else (last + 1) * ITEM_BYTES[tensor.dtype]
                copy.data = library().fovea_device_alloc(self.device.handle, count)
                if not copy.data:
                    _fail()
                there.append((copy, count))
                _check(library().fovea_device_copy_in(self.device.handle, copy.data, tensor.data, count, None))
            self._call([copy for copy, _ in there], entry, None, 0)
            self.device.synchronize()
            for tensor, (copy, count) in list(zip(described, there))[num_inputs:]:
                _check(library().fovea_device_copy_out(self.device.handle, tensor.data, copy.data, count, None))
        finally:
            for copy, _ in there:
                library().fovea_device_free(self.device.handle, copy.data)

    def close(self):
        library().fovea_program_close(self.handle)
        self.handle = None
