"""Results that are not what they seem: subclasses, hooks, lies about shape and bytes, wrong numbers in disguise."""

from tests.submissions.hostile.attack import Attack


def _gives(name: str, tries: str, returns: str, says: tuple[str, ...] = ("next_h",), *, code: str = "pass", **more) -> Attack:
    """A step that returns something else than its right result, and must not pass by it."""
    return Attack(name, tries, code=code, returns=returns, victim=more.pop("victim", "failed"), says=says,
                  where="process", **more)


EQUAL = '''
class Equal{base}:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __sub__(self, other): return self
    __rsub__ = __abs__ = __neg__ = lambda self, *_: self
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __bool__ = lambda self, *_: True
    def all(self, *_, **__): return True
    def any(self, *_, **__): return False
    def __float__(self): return 0.0
'''

ATTACKS = [
    _gives("always_equal", "an object that equals everything", "return Equal(), cache", code=EQUAL.format(base="")),
    _gives("always_equal_array", "zeros in a subclass of ndarray that equals everything",
           "return np.zeros_like(next_h).view(Equal), cache", code=EQUAL.format(base="(np.ndarray)")),
    _gives("always_equal_float", "a float that equals everything", "return Equal(0.0), cache", code=EQUAL.format(base="(float)")),
    _gives("array_hook", "an object whose __array__ is asked at the wrong time", "return Lazy(), cache", code='''
        class Lazy:
            shape, dtype, ndim = (3, 5), np.dtype(float), 2
            def __array__(self, *_, **__): raise SystemExit
            def __array_interface__(self): raise SystemExit
            def __len__(self): return 3
            def __iter__(self): return iter([[0.0]])
        '''),
    _gives("array_functions", "a subclass of ndarray that answers for numpy", "return np.zeros_like(next_h).view(Sly), cache", code='''
        class Sly(np.ndarray):
            def __array_ufunc__(self, ufunc, method, *args, **kwargs): return np.zeros(self.shape)
            def __array_function__(self, func, types, args, kwargs): return True
            def __array_finalize__(self, other): pass
            def reshape(self, *_): raise SystemExit
            def tobytes(self, *_): raise SystemExit
            @property
            def shape(self): raise SystemExit
            @property
            def nbytes(self): return -1
        '''),
    _gives("tensor_functions", "a subclass of Tensor that answers for torch", "import torch\n"
           "return torch.zeros(next_h.shape).as_subclass(sly()), cache", ("rnn_step_forward",), code='''
        def sly():
            import torch
            class Sly(torch.Tensor):
                @classmethod
                def __torch_function__(cls, func, types, args=(), kwargs=None): raise SystemExit
                @property
                def requires_grad(self): raise SystemExit
            return Sly
        '''),
    _gives("liar_about_class", "an object that claims to be an ndarray", "return Liar(), cache", ("rnn_step_forward",), code='''
        class Liar:
            __class__ = np.ndarray
            def __getattr__(self, name): raise SystemExit(name)
        '''),
    _gives("liar_about_float", "a class of number that claims to be a plain one", "return Liar(), cache", code='''
        class Liar(complex):
            __class__ = float
            def __abs__(self): raise SystemExit
        '''),
    _gives("masked_array", "everything masked away", "return np.ma.masked_all_like(next_h), cache"),
    _gives("matrix", "np.matrix, whose products and shapes are others", "return np.matrix(next_h).T, cache"),
    _gives("object_array", "an array of objects that equal everything", "return np.full(next_h.shape, Equal(), object), cache",
           code=EQUAL.format(base="")),
    _gives("structured_array", "an array of records", "return np.zeros(next_h.shape, [('a', float), ('b', object)]), cache"),
    _gives("text_array", "an array of text", "return np.full(next_h.shape, '<script>alert(1)</script>'), cache"),
    _gives("date_array", "an array of dates", "return np.zeros(next_h.shape, 'M8[s]'), cache"),
    _gives("nan_everywhere", "NaN, which compares false with everything", "return np.full_like(next_h, np.nan), cache", ("NaN",)),
    _gives("infinity", "infinity, which a relative tolerance swallows", "return np.full_like(next_h, np.inf), cache", ("infinite",)),
    _gives("huge_numbers", "numbers whose differences overflow", "return np.full_like(next_h, -1.7e308), cache"),
    _gives("half_precision", "numbers with too few bits, in disguise", "return next_h.astype(np.float16).astype(float), cache", ("next_h",)),
    _gives("denormal", "denormal numbers and negative zeros", "return np.copysign(5e-324, -next_h) * 0, cache"),
    _gives("empty", "an empty array, over which every claim holds", "return np.empty((0, 4)), cache", ("shape",)),
    _gives("no_columns", "an array of shape (3, 0)", "return next_h[:, :0], cache", ("shape",)),
    _gives("broadcasts", "one number, which broadcasts to everything", "return next_h[:1, :1], cache", ("shape",)),
    _gives("claims_10_gb", "a view that claims 10 GB", "return np.broadcast_to(next_h[0, 0], (10, 1 << 27)), cache", ("next_h",)),
    _gives("claims_no_end", "a view of 8 exabytes", "return np.lib.stride_tricks.as_strided(next_h, (1 << 30, 1 << 30), (0, 0)), cache", ("rnn_step_forward",)),
    _gives("outside_memory", "a view of memory that is not there",
           "return np.lib.stride_tricks.as_strided(next_h, next_h.shape, (1 << 40, 1 << 40)), cache", ("SIGSEGV",)),
    _gives("many_dimensions", "an array of 30 dimensions", "return next_h.reshape(next_h.shape + (1,) * 28), cache"),
    _gives("nested_lists", "lists in lists, 10,000 deep", "deep = []\nfor _ in range(10000): deep = [deep]\nreturn deep, cache"),
    _gives("list_of_itself", "a list that contains itself", "loop = []\nloop.append(loop)\nreturn loop, cache"),
    _gives("million_items", "a list of a million numbers", "return [0.0] * 1_000_000, cache"),
    _gives("million_results", "a tuple of a million results", "return (next_h,) * 1_000_000", ("rnn_step_forward",)),
    _gives("endless_list", "a list whose iterator never ends", "return Endless(next_h), cache", code='''
        class Endless(list):
            def __iter__(self):
                while True: yield 0.0
            def __len__(self): return 2
        '''),
    _gives("negative_length", "a tuple that claims a negative length", "return Long((next_h, cache))", ("rnn_step_forward",), code='''
        class Long(tuple):
            def __len__(self): return -5
        '''),
    _gives("generator", "a generator that never ends", "import itertools\nreturn itertools.count()", ("rnn_step_forward",)),
    _gives("huge_integer", "an integer of a million digits", "return 10 ** 1_000_000, cache"),
    _gives("huge_text", "text of 100 MB with terminal codes", "return '\\x1b[31m<b>' * 10_000_000, cache"),
    _gives("surrogates", "text that no encoding can hold", "return '\\ud800' * 100, cache"),
    _gives("dict_keys", "a dict whose keys raise", "return {Key(): next_h}, cache", code='''
        class Key:
            def __str__(self): raise SystemExit
            __repr__ = __str__
        '''),
    _gives("class_name", "an object whose class is called like markup", "return type('<img src=x onerror=alert(1)>\\x1b[2J', (), {})(), cache"),
    _gives("class_name_lies", "an object whose class has a name that is no text", "return Evil(), cache", ("rnn_step_forward",), code='''
        class Meta(type):
            @property
            def __name__(cls): raise SystemExit
        class Evil(metaclass=Meta): pass
        '''),
    _gives("pickle_gadget", "an object that runs code when it is unpickled", "return Gadget(), cache", code='''
        class Gadget:
            def __reduce__(self): return (_os.system, ("touch /tmp/gradmark-breach-pickle",))
        '''),
    _gives("sparse_tensor", "a sparse tensor", "import torch\nreturn torch.zeros(next_h.shape).to_sparse(), cache"),
    _gives("meta_tensor", "a tensor without data", "import torch\nreturn torch.empty(next_h.shape, device='meta'), cache"),
    _gives("nested_tensor", "a nested tensor", "import torch\nreturn torch.nested.nested_tensor([torch.zeros(2)]), cache", ("rnn_step_forward",)),
    _gives("freed_tensor", "a tensor whose storage was taken away", "import torch\nt = torch.from_numpy(next_h * 0)\n"
           "t.untyped_storage().resize_(0) if t.untyped_storage().resizable() else None\nreturn t, cache"),
    Attack("late_writer", "a thread that makes the returned array right after it was returned", code='''
        import threading, time
        def later(array, right):
            time.sleep(0.001)
            array[...] = right
        ''', returns="late = np.zeros_like(next_h)\nthreading.Thread(target=later, args=(late, next_h)).start()\nreturn late, cache",
           victim="failed", says=("next_h",), where="process"),
    Attack("endless_writer", "a thread that keeps writing to every returned array", code='''
        import threading
        kept = []
        def write():
            while True:
                for array in kept: array += 1e-300
        ''', returns="kept.append(next_h)\nif first(): threading.Thread(target=write, daemon=True).start()\nreturn next_h, cache",
           victim="any", where="process"),
    Attack("returns_inputs", "returns its input where the shapes agree", returns="return prev_h, cache", victim="failed",
           says=("next_h",), where="process"),
    Attack("memorised", "knows the answers of the handout by heart and nothing else", returns='''
        known = {(3, 10): np.linspace(-1, 1, 12).reshape(3, 4)}
        return np.tanh(np.zeros_like(next_h)) if x.shape not in known else next_h, cache
        ''', victim="failed", says=("next_h",), where="process"),
    Attack("right_once", "right at the first call, wrong afterwards",
           returns="return (next_h if first() else next_h + 1), cache", code="pass", victim="failed", says=("next_h",), where="process"),
    Attack("replay", "returns its first result again", code="kept = []",
           returns="kept.append(next_h)\nreturn kept[0], cache", victim="failed", says=("next_h",), where="process"),
    Attack("wrong_when_graded", "right for everyone but the grader", code="pass",
           returns="graded = any('sandbox' in f.f_code.co_filename for f in frames())\nreturn next_h + graded, cache",
           victim="failed", says=("next_h",), where="process"),
    Attack("guess_from_seed", "guesses the grader's generator from its own seed",
           returns="rng = np.random.default_rng(1)\nreturn rng.standard_normal(next_h.shape), cache", victim="failed",
           says=("next_h",), where="process"),
]
