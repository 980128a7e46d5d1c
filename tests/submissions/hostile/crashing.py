"""Ending the process, breaking the interpreter, exceptions that bite whoever looks at them, files that don't load."""

from tests.submissions.hostile.attack import Attack


def _raises(name: str, tries: str, body: str, says: tuple[str, ...], *, code: str = "pass", victim: str = "failed") -> Attack:
    return Attack(name, tries, code=code, instead=f"{body}\nnext_h = 0", victim=victim, says=says, where="process")


def _file(name: str, tries: str, source: bytes, says: tuple[str, ...], victim: str = "blocked", **more) -> Attack:
    """A file that can't be loaded: its functions are not judged, other files are."""
    return Attack(name, tries, source=source, victim=victim, says=says, beside="simclr_loss_naive",
                  where="process", **more)


ATTACKS = [
    _raises("exit_quietly", "ends the process as if all were well", "_os._exit(0)", ("os._exit", "exit status 0")),
    _raises("exit_like_lost_channel", "ends with the status that the worker itself uses", "_os._exit(86)", ("rnn_step",)),
    _raises("system_exit", "leaves by sys.exit(0)", "_sys.exit(0)", ("SystemExit",)),
    _raises("abort", "aborts", "_os.abort()", ("SIGABRT",)),
    _raises("kill_itself", "kills itself", "_os.kill(_os.getpid(), 9)", ("died in rnn_step_forward",)),
    _raises("segfault", "reads address 0", "import ctypes; ctypes.string_at(0)", ("SIGSEGV",)),
    _raises("corrupt_memory", "overwrites objects of the interpreter",
            "import ctypes; ctypes.memset(id(type), 255, 400); ctypes.memset(id(dict), 255, 400); print({})", ("died in",)),
    _raises("fake_cpu_limit", "claims to have met the kernel's limit", "import signal; _os.kill(_os.getpid(), signal.SIGXCPU)\n"
            "import time; time.sleep(5)", ("computing time",)),
    _raises("keyboard_interrupt", "raises KeyboardInterrupt", "raise KeyboardInterrupt", ("KeyboardInterrupt",)),
    _raises("generator_exit", "raises GeneratorExit", "raise GeneratorExit('x')", ("GeneratorExit",)),
    _raises("stop_iteration", "raises StopIteration", "raise StopIteration(3)", ("StopIteration",)),
    _raises("fake_memory_error", "raises MemoryError without need", "raise MemoryError('lots')", ("memory",)),
    _raises("fake_not_implemented", "claims not to be implemented, though it was written",
            "raise NotImplementedError('later')", ("not implemented",), victim="not_attempted"),
    _raises("exception_text_raises", "an exception whose text raises", "raise Bad()", ("raised Bad",), code='''
        class Bad(Exception):
            def __str__(self): raise SystemExit
            __repr__ = __str__
        '''),
    _raises("exception_text_endless", "an exception whose text never ends", "raise Bad()", ("rnn_step_forward",), code='''
        class Bad(Exception):
            def __str__(self): return "<b>" * 100_000_000
        '''),
    _raises("exception_that_lies", "an exception that claims another class and meddles with its traceback", "raise Bad()",
            ("rnn_step_forward",), code='''
        class Meta(type):
            def __instancecheck__(cls, other): raise RuntimeError("no")
            def __subclasscheck__(cls, other): raise RuntimeError("no")
            @property
            def __name__(cls): raise RuntimeError("no name")
        class Bad(BaseException, metaclass=Meta):
            @property
            def __class__(self): raise RuntimeError("no class")
            @property
            def __traceback__(self): raise RuntimeError("no traceback")
            @property
            def args(self): raise RuntimeError("no args")
            def __str__(self): raise self
            def __getattribute__(self, name): raise RuntimeError(name)
        '''),
    _raises("exception_text_of_other_type", "an exception whose text is a string that lies about its length",
            "raise Bad()", ("raised Bad",), code='''
        class Text(str):
            def __len__(self): return 0
            def __getitem__(self, key): return self
            def encode(self, *_): return self
            def decode(self, *_): return 10 ** 9
        class Bad(Exception):
            def __str__(self): return Text("x" * 100)
        '''),
    _raises("exception_group", "an exception group with a loop of causes", '''
        a, b = ValueError("a"), ValueError("b")
        a.__cause__, b.__cause__ = b, a
        raise ExceptionGroup("many", [a] * 1000)'''.replace("\n        ", "\n"), ("ExceptionGroup",)),
    _raises("syntax_error_lies", "raises a SyntaxError about a file of the grader",
            "raise SyntaxError('x', ('/etc/passwd', 10 ** 30, -5, 'x' * 10 ** 6))", ("SyntaxError",)),
    _raises("deep_traceback", "an exception from a thousand frames, each of another file", '''
        scope = {}
        text = "def f(n, f):\\n    return f[0](n - 1, f[1:]) if n else 1 / 0"
        fs = []
        for i in range(900):
            exec(compile(text, HERE + "/" + "y" * 2000 + str(i), "exec"), scope); fs.append(scope["f"])
        fs[0](899, fs[1:])'''.replace("\n        ", "\n"), ("ZeroDivisionError",)),
    _raises("destructor", "an object whose destructor raises, prints and never ends", '''
        kept = Bomb(); loop = [kept]; loop.append(loop); del kept, loop
        import gc; gc.collect(); raise ValueError("after")'''.replace("\n        ", "\n"), ("ValueError",), code='''
        class Bomb:
            def __del__(self): print("bang"); raise SystemExit
        '''),
    Attack("destructor_of_result", "an object in the cache whose destructor ends the process", code='''
        class Bomb:
            def __del__(self): _os._exit(0)
        ''', returns="return next_h, Bomb()", victim="any", where="process"),
    Attack("at_exit", "registers functions for its end that hang and print", code='''
        import atexit, time, threading
        atexit.register(lambda: time.sleep(3600))
        threading._register_atexit(lambda: time.sleep(3600))
        ''', where="process"),
    Attack("broken_streams", "replaces, closes and breaks the standard streams", code='''
        class Bad:
            def __getattr__(self, name): raise SystemExit(name)
            def flush(self): raise SystemExit("flush")
            def write(self, text): raise SystemExit("write")
        ''', body="_sys.stdout = _sys.stderr = _sys.stdin = Bad()", victim="any", where="process"),
    Attack("close_everything", "closes every descriptor", code="pass", instead="_os.closerange(0, 256)\nnext_h = np.tanh(x)",
           victim="failed", says=("channel",), where="process"),
    Attack("swap_descriptors", "puts the output in place of the channel, and the channel in place of the output",
           code="pass", instead="keep = _os.dup(3); _os.dup2(1, 3); _os.dup2(keep, 1); _os.dup2(keep, 2)\n"
           "print('hello', flush=True); next_h = np.tanh(x)", victim="failed", says=("rnn_step_forward",), seconds=2.0,
           where="process"),
    Attack("replaced_builtins", "replaces builtins that everything uses", code='''
        import builtins
        def broken(*_, **__): raise SystemExit("broken builtin")
        ''', body="if first():\n    for name in ('isinstance', 'len', 'str', 'getattr', 'max', 'sum', 'list', 'dict', 'type',"
        " 'open', 'print', 'zip', 'sorted', 'repr', 'tuple', 'int', 'bool'): setattr(builtins, name, broken)",
           victim="any", says=(), where="process"),
    Attack("tracing", "traces every line of the process, profiles it, and watches every call of others", code='''
        import threading
        def trace(frame, event, value):
            if not frame.f_code.co_filename.startswith(HERE):
                for name in list(frame.f_locals):
                    frame.f_locals[name] = None
            return trace
        ''', body="_sys.settrace(trace); _sys.setprofile(trace); threading.settrace(trace)", victim="any",
           where="process", seconds=9.0),
    Attack("no_garbage_collection", "meddles with the collector, the hash seed, the recursion limit and switch interval",
           body="import gc\ngc.disable(); gc.set_threshold(1, 1, 1); gc.callbacks.append(lambda *_: 1 / 0)\n"
                "_sys.setswitchinterval(100); _sys.setrecursionlimit(60)", code="pass", victim="any", where="process"),
    Attack("warnings_as_errors", "turns every warning and floating-point event into an error, for later checks too",
           body="import warnings\nwarnings.simplefilter('error'); np.seterr(all='raise')", code="pass", where="process"),
    _file("parser_bomb", "parentheses too deep for the parser", b"import numpy as np\nx = " + b"(" * 200000, ("rnn_layers",),
          victim="any"),
    _file("compiler_bomb", "an expression that is too deep for the compiler",
          b"import numpy as np\nx = " + b"-" * 90000 + b"1\n", ("rnn_layers",), victim="any"),
    _file("attribute_bomb", "a chain of attributes too long for the compiler",
          b"import numpy as np\nx = np" + b".a" * 90000 + b"\n", ("rnn_layers",), victim="any"),
    _file("constant_bomb", "a constant that takes years to fold", b"x = ((1 << 60) ** 60) ** 60\n" + b"y = 'a' * 10 ** 4\n" * 99
          + b"z = 9 ** 9 ** 9\n", ("still running",), victim="failed", seconds=1.0),
    _file("many_functions", "a file with a hundred thousand functions", b"".join(
        b"def f%d(): pass\n" % i for i in range(60000)), ("rnn",), victim="any"),
    _file("zero_bytes", "zero bytes in the source", b"import numpy as np\n\0\0\0", ("zero bytes",)),
    _file("codec_bomb", "names an encoding that decodes to something else", b"# coding: unicode_escape\n\\x78 = 1\n", ("rnn_step",),
          victim="failed"),
    _file("codec_unknown", "names an encoding that does not exist", b"# -*- coding: <b>evil\x1b[31m -*-\nx = 1\n", ("rnn_layers",),
          victim="any"),
    _file("codec_rot", "names an encoding that is no text", b"# coding: zlib\nx = 1\n", ("rnn_layers",)),
    _file("utf16", "UTF-16 text", "import numpy as np\n".encode("utf-16"), ("UTF-16",)),
    _file("exit_at_import", "ends the process when it is imported", b"import os; os._exit(0)\n", ("exit status 0",), victim="failed"),
    _file("system_exit_at_import", "leaves by SystemExit when it is imported", b"raise SystemExit(0)\n", ("ends the program",)),
    _file("crash_at_import", "reads address 0 when it is imported", b"import ctypes; ctypes.string_at(0)\n", ("SIGSEGV",),
          victim="failed"),
    _file("not_a_module", "replaces itself in sys.modules by an object that raises", b"""
import sys
class Evil:
    def __getattr__(self, name): raise KeyboardInterrupt(name)
    def __dir__(self): raise SystemExit
sys.modules[__name__] = Evil()
""", ("KeyboardInterrupt",), victim="failed"),
    _file("too_large", "a source file of 6 MB", b"#" + b"x" * (6 << 20), ("not implemented",), victim="not_attempted",
          problem="larger than 5 MB"),
]
