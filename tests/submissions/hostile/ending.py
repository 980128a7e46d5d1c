"""Further ways of ending, stopping, filling and outlasting."""

from tests.submissions.hostile.attack import Attack


def _does(name: str, tries: str, body: str, says: tuple[str, ...] = ("rnn_step_forward",), *, code: str = "pass",
          victim: str = "failed", seconds: float = 2.0, **more) -> Attack:
    return Attack(name, tries, code=code, instead=f"{body.strip(chr(10))}\nnext_h = 0", victim=victim, says=says, seconds=seconds,
                  where="process", **more)


SCRATCH = "_os.environ['TMPDIR']"
DEEP = f'''
here = _os.open({SCRATCH}, _os.O_RDONLY)
for level in range(LEVELS):
    _os.mkdir("d" * 200, dir_fd=here)
    below = _os.open("d" * 200, _os.O_RDONLY, dir_fd=here)
    _os.close(here); here = below
'''
ATTACKS = [
    _does("small_stacks", "starts threads with tiny stacks, so that memory is no limit",
          "threading.stack_size(32768)\nwhile True:\n    _thread.start_new_thread(time.sleep, (600,))",
          ("thread",), code="import _thread, threading, time", seconds=9.0),
    _does("deep_folders", "makes folders in folders, deeper than any path reaches", DEEP.replace("LEVELS", "3000") + "time.sleep(3)",
          (), code="import time", seconds=4.0, ),
    _does("hidden_files", "fills the disk below where a path ends, and in folders that nobody may list",
          DEEP.replace("LEVELS", "40") + "_os.mkdir('closed', 0o300)\nnumber = 0\nwhile True:\n    number += 1\n"
          "    for where in ({'dir_fd': here}, {}):\n        name = f'f{number}' if where else f'closed/f{number}'\n"
          "        fd = _os.open(name, _os.O_CREAT | _os.O_WRONLY, **where)\n"
          "        for _ in range(32): _os.write(fd, bytes(1 << 20))\n        _os.close(fd)", ("wrote more",), seconds=15.0),
    _does("unlinked_files", "writes into files that have no name any more", "kept = []\nwhile True:\n"
          "    f = open('f', 'wb'); _os.unlink('f'); kept.append(f)\n    for _ in range(32): f.write(bytes(1 << 20))",
          (), seconds=3.0),
    _does("many_folders", "makes folders without end", "n = 0\nwhile True:\n    n += 1; _os.mkdir(f'd{n}')", ("files",), seconds=9.0),
    _does("many_links", "makes symbolic links and hard links without end", "n = 0\nopen('f', 'w').close()\nwhile True:\n"
          "    n += 1; _os.symlink('/' + 'x' * 2000, f's{n}')", (), seconds=4.0),
    _does("full_pipes", "fills pipes and socket pairs of the largest size", '''
import fcntl, socket
kept = []
try:
    while True:
        r, w = _os.pipe(); kept.append((r, w))
        try: fcntl.fcntl(w, 1031, 1 << 20)
        except OSError: pass
        _os.set_blocking(w, False)
        try: _os.write(w, bytes(1 << 20))
        except OSError: pass
except OSError: pass
raise ValueError("enough")''', ("ValueError",)),
    _does("many_mappings", "makes mappings until the kernel has no more", '''
import mmap
kept = []
while True: kept.append(mmap.mmap(-1, 4096, prot=1 + len(kept) % 2))''', ("rnn_step_forward",), seconds=9.0),
    _does("file_mappings", "fills memory by mapping one sparse file again and again", '''
import mmap
fd = _os.open("sparse", _os.O_CREAT | _os.O_RDWR); _os.ftruncate(fd, 32 << 20)
kept = []
while True:
    m = mmap.mmap(fd, 32 << 20); m[::4096] = bytes(8192); kept.append(m)''', ("rnn_step_forward",), seconds=9.0),
    _does("timers", "makes kernel timers without end, all of which go off", '''
import ctypes
libc = ctypes.CDLL(None)
for _ in range(200000):
    libc.timer_create(1, None, (ctypes.c_void_p * 1)())
raise ValueError("enough")''', ("ValueError",), seconds=9.0),
    _does("exec_itself", "replaces itself by another program, also by its number",
          "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.syscall(59, b'/bin/true', 0, 0)\nlibc.syscall(322, -100, b'/bin/true', 0, 0, 0)\n"
          "libc.execl(b'/bin/true', b'true', None)\nraise ValueError('still here')", ("ValueError",), ),
    _does("answer_then_exit", "answers in the worker's place, then ends as if all were well", '''
import json, struct
request = in_frames("request")
text = json.dumps({"type": "done", "id": request.id, "values": [["a", "float64", list(prev_h.shape), "numpy", False]] * len(request.many),
                   "echoed": [], "warnings": []}).encode()
data = np.zeros_like(prev_h).tobytes() * len(request.many)
channel().sendall(struct.pack("<4sIQ", b"gmk1", len(text), len(data)) + text + data)
_os._exit(0)''', harms_itself=True),
    _does("stop_and_wake", "stops itself, a thread wakes it again", "import signal\nfor _ in range(1000): _os.kill(_os.getpid(), signal.SIGSTOP)",
          ("still running",), ),
    _does("crash_in_collector", "crashes when its garbage is collected, later", "", (), victim="any",
          code="import ctypes\nclass Late:\n    def __del__(self): ctypes.string_at(0)\n", ),
    _does("every_signal", "sends itself every signal there is", "import signal\nfor n in signal.valid_signals():\n    if n not in (9, 19, 20, 21, 22):\n"
          "        try: _os.kill(_os.getpid(), n)\n        except OSError: pass", ("rnn_step_forward",)),
    _does("bad_stack", "smashes the stack, so that nothing can be said of the crash",
          "import ctypes\nctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(bytearray(8))) - (1 << 20), 0x41, 1 << 22)", ("died",)),
    _does("faulthandler_lies", "has the interpreter write a crash that did not happen, with markup in it",
          'print("Fatal Python error: <script>alert(1)</script>\\n  File \\"x/cs231n/\\x1b[2J<b>.py\\", line 99 in <b>", file=_sys.stderr, flush=True)\n_os.abort()',
          ("SIGABRT",)),
    _does("traps", "sets traps in the interpreter: audit hooks, unraisable and except hooks, threads, atexit", '''
def trap(*_): _os._exit(0)
_sys.excepthook = _sys.unraisablehook = _sys.displayhook = trap
import threading; threading.excepthook = trap
raise ValueError("on")''', ("ValueError",)),
    _does("audit_hook", "adds an audit hook that refuses everything", "_sys.addaudithook(refuse)", (), victim="any",
          code="def refuse(*_): raise SystemExit('no')\n", harms_itself=True),
    _does("huge_repr", "an exception whose arguments, notes and causes are gigantic", '''
class Big:
    def __repr__(self): return "<script>" * 5_000_000
error = ValueError(Big(), *[Big()] * 3)
for _ in range(10000): error.add_note("\\x1b[2J" * 1000)
error.__cause__ = error.__context__ = ValueError("c" * 10_000_000)
raise error''', ("ValueError",), seconds=9.0),
    _does("giant_class_name", "an exception whose class has a name of 100 MB with control characters",
          "raise type('\\x1b[2J\\u202e<b>' * 10_000_000, (ValueError,), {})('x')", (), seconds=9.0),
    _does("error_with_odd_fields", "an OSError, a SyntaxError and an ImportError whose fields are objects that raise", '''
class Odd(str):
    def __str__(self): raise SystemExit
    def __format__(self, spec): raise SystemExit
    partition = strip = startswith = encode = lambda *_: 1 / 0
error = ImportError("x", name=Odd("y"), path=Odd("z"))
error.name_from = Odd("n"); error.errno = Odd("e"); error.filename = Odd("f")
raise error''', ("ImportError",)),
    _does("warnings_of_every_kind", "warns with objects that raise when they are read", '''
import warnings
class Odd(UserWarning):
    def __str__(self): raise SystemExit("no")
warnings.simplefilter("always")
warnings.warn(Odd())''', (), victim="failed"),
    _does("swapped_output", "puts other files in the place of its standard streams", "fd = _os.open('f', _os.O_CREAT | _os.O_RDWR)\n"
          "_os.dup2(fd, 1); _os.dup2(fd, 2); _os.close(0)\nprint('x' * 10_000)\nraise ValueError('on')", ("ValueError",)),
    _does("nonblocking_channel", "makes the channel non-blocking, with tiny buffers and a linger time", '''
import socket
s = channel(); s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
s.settimeout(0.0)
raise ValueError("x" * 2000)''', (), victim="any", harms_itself=True),
    _does("monitoring", "takes the interpreter's own tools of observation", "_sys.setprofile(lambda *_: 1 / 0)\n_sys.settrace(lambda *_: 1 / 0)\n"
          "f()", (), victim="failed", code="def f(): return 1\n"),
]  # fmt: skip
