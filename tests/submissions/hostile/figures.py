"""Results of odd makes: types, layouts and containers that a careless reader would trip over."""

from tests.submissions.hostile.attack import Attack


def _gives(name: str, tries: str, returns: str, says: tuple[str, ...] = ("next_h",), *, code: str = "pass", **more) -> Attack:
    return Attack(name, tries, code=code, returns=returns, victim=more.pop("victim", "failed"), says=says, where="process", **more)


def _right(name: str, tries: str, returns: str, code: str = "pass") -> Attack:
    """Right numbers in an odd make: they pass, and nothing breaks."""
    return _gives(name, tries, returns, (), code=code, victim="passed")


WRONG = "np.zeros_like(next_h)"
ATTACKS = [
    _right("big_endian", "big-endian numbers", "return next_h.astype('>f8'), cache"),
    _right("negative_strides", "a view that runs backwards", "return np.ascontiguousarray(next_h[::-1, ::-1])[::-1, ::-1], cache"),
    _right("read_only", "an array that can't be written", "next_h.flags.writeable = False\nreturn next_h, cache"),
    _right("memory_mapped", "an array that lies in a file, which is removed", "import tempfile\n"
           "with tempfile.NamedTemporaryFile(dir=_os.environ['TMPDIR']) as f:\n"
           "    m = np.memmap(f.name, next_h.dtype, 'w+', shape=next_h.shape); m[...] = next_h\nreturn m, cache"),
    _right("wide_rows", "rows that lie a page apart", "wide = np.zeros((*next_h.shape[:1], 4096)); w = wide[:, :next_h.shape[1]]\n"
           "w[...] = next_h\nreturn w, cache"),
    _gives("truncated_file", "an array in a file that shrinks before it is read", "import tempfile\n"
           "f = tempfile.NamedTemporaryFile(dir=_os.environ['TMPDIR'])\n"
           "m = np.memmap(f.name, next_h.dtype, 'w+', shape=(4096, *next_h.shape[1:]))\n_os.truncate(f.name, 0)\nreturn m, cache", ("rnn_step_forward",)),
    _gives("long_double", "80-bit numbers", "return np.zeros(next_h.shape, np.longdouble), cache"),
    _gives("complex_numbers", "complex numbers with the right real part", "return next_h + 5j, cache"),
    _gives("structured", "fields that overlap", "return np.zeros(next_h.shape, np.dtype({'names': ['a', 'b'], 'formats': ['f8', 'f4'],"
           " 'offsets': [0, 2]})), cache"),
    _gives("time_spans", "time spans", "return np.zeros(next_h.shape, 'm8[ns]'), cache"),
    _gives("void_bytes", "raw bytes of the right size", "return next_h.view('V8'), cache"),
    _gives("unsigned", "integers near the end of 64 bits", "return np.full(next_h.shape, 2 ** 64 - 1, np.uint64), cache"),
    _gives("booleans", "truth values made of the byte 255", "return np.full(next_h.shape, 255, np.uint8).view(bool), cache"),
    _gives("nan_payloads", "NaNs that carry a message", "a = np.full(next_h.shape, 0x7FF8DEADBEEF0001, np.uint64).view(float)\nreturn a, cache", ("NaN",)),
    _gives("signalling_nan", "signalling NaNs, negative ones among them", "a = np.full(next_h.shape, 0xFFF0000000000001, np.uint64).view(float)\n"
           "return a, cache", ("NaN",)),
    _gives("one_nan", "a single NaN among right numbers", "next_h[0, 0] = np.nan\nreturn next_h, cache", ("NaN",)),
    _gives("nan_and_infinity", "infinities of both signs, whose sum is no number", "next_h[0, :2] = np.inf, -np.inf\nreturn next_h, cache", ("infinite",)),
    _gives("half_floats", "the largest half floats", "return np.full(next_h.shape, 65504, np.float16), cache"),
    _gives("zero_strides", "one number that claims a petabyte", "return np.lib.stride_tricks.as_strided(next_h, (1 << 24, 1 << 23), (0, 0)), cache"),
    _gives("zero_size_huge", "an empty array with a huge dimension", "return np.empty((0, 1 << 50)), cache", ("shape",)),
    _gives("array_interface", "an object whose __array_interface__ names memory that is not its own", "return Foreign(), cache", code='''
        class Foreign:
            __array_interface__ = {"shape": (3, 4), "typestr": "<f8", "data": (4096, False), "version": 3}
        '''),
    _gives("array_struct", "an object with a broken __array_struct__ and __dlpack__", "return Foreign(), cache", code='''
        class Foreign:
            __array_struct__ = 5
            def __dlpack__(self, *_, **__): raise SystemExit
            def __dlpack_device__(self): return (99, -1)
            def __buffer__(self, flags): raise SystemExit
        '''),
    _gives("subclass_that_lies", "a subclass of ndarray whose bytes, strides and type are others", "return np.zeros_like(next_h).view(Sly), cache", code='''
        class Sly(np.ndarray):
            strides = property(lambda self: (1 << 40,))
            dtype = property(lambda self: np.dtype("O"))
            size = ndim = property(lambda self: -1)
            __len__ = lambda self: -1
            def __array__(self, *_, **__): raise SystemExit
            def __array_wrap__(self, *_): raise SystemExit
            def __buffer__(self, flags): raise SystemExit
            def __del__(self): print("gone")
        '''),
    _gives("named_tuple", "a named tuple with items that change at each look", "return Pair(next_h * 0, cache)", ("rnn_step_forward",), code='''
        import collections
        class Pair(collections.namedtuple("Pair", "h cache")):
            def __getitem__(self, key): raise SystemExit
            def __iter__(self):
                while True: yield np.ones((3, 4))
        '''),
    _gives("lazy_list", "a list that says something else at each look", "return [Lazy([0.0] * 3)] * 3, cache", code='''
        class Lazy(list):
            def __len__(self):
                self.append(1.0)
                return list.__len__(self)
            def __getitem__(self, key): return 0.0
        '''),
    _gives("dict_of_arrays", "a dict that is changed while it is read", "return Changing(a=next_h, b=next_h), cache", ("rnn_step_forward",), code='''
        class Changing(dict):
            def items(self):
                while True: yield ("x", 0)
            def keys(self): raise SystemExit
        '''),
    _gives("loops_of_dicts", "dicts and lists that contain each other", "a, b = {}, []\na['b'] = b; b.append(a); b.append((a, b))\nreturn a, cache"),
    _gives("wide_nest", "lists that share their items, a billion when written out", "a = [0.0]\nfor _ in range(30): a = [a, a]\nreturn a, cache"),
    _gives("string_subclass", "a string that lies about its length", "return Text('x' * 10), cache", code='''
        class Text(str):
            def __len__(self): return 1 << 60
            def encode(self, *_): raise SystemExit
        '''),
    _gives("numpy_scalar", "one number in place of an array", "return next_h.sum(), cache"),
    _gives("random_object", "generators, modules, types, code and frames", "return [_sys, type, _sys._getframe(), (i for i in [1]), print, ...], cache"),
    _gives("quantized_tensor", "a quantized tensor", "import torch\nreturn torch.quantize_per_tensor(torch.zeros(next_h.shape), 0.1, 0, torch.qint8), cache"),
    _gives("half_tensors", "tensors of types that numpy has not", "import torch\nreturn torch.zeros(next_h.shape, dtype=torch.float8_e4m3fn), cache"),
    _gives("conjugate_tensor", "a tensor that is to be conjugated and negated when it is read",
           "import torch\nreturn torch.zeros(next_h.shape, dtype=torch.complex64).conj().imag, cache", ("rnn_step_forward",)),
    _gives("expanded_tensor", "an expanded tensor that claims an exabyte", "import torch\nreturn torch.zeros(1, 1).expand(1 << 30, 1 << 27), cache"),
    _gives("tensor_beyond", "a tensor whose storage is smaller than it says", "import torch\n"
           "t = torch.zeros(4)\nreturn torch.as_strided(t, (2, 2), (1, 1)).set_(t.untyped_storage(), 0, (1 << 20,), (1,)), cache", ("rnn_step_forward",), ),
    _gives("graph_tensor", "a tensor in whose graph a hook ends the process", "import torch\n"
           "t = torch.zeros(next_h.shape, requires_grad=True) * 1; t.register_hook(lambda g: _os._exit(0))\nreturn t, cache"),
    _gives("sparse_csr", "a compressed sparse tensor", "import torch\nreturn torch.zeros(next_h.shape).to_sparse_csr(), cache"),
    _gives("fake_tensor", "a tensor of torch's own make-believe", "from torch._subclasses import FakeTensorMode\n"
           "with FakeTensorMode() as m:\n    import torch\n    t = torch.empty(next_h.shape)\nreturn t, cache", ("rnn_step_forward",)),
    _gives("parameter_subclass", "a parameter with a data attribute of its own", "import torch\n"
           "p = torch.nn.Parameter(torch.zeros(next_h.shape)); p.extra = print\nreturn p, cache"),
]  # fmt: skip
