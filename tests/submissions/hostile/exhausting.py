"""Using up time, memory, disk, descriptors, threads and the reader's patience."""

from tests.submissions.hostile.attack import Attack

TIME = "still running after 1 s"


def _hang(name: str, tries: str, body: str, *, code: str = "", says: tuple[str, ...] = (TIME,)) -> Attack:
    """A submission whose step never ends."""
    return Attack(name, tries, code=code, instead=f"{body}\nnext_h = 0", victim="failed", says=says, seconds=1.0,
                  where="process")


def _memory(name: str, tries: str, body: str, says: tuple[str, ...] = ("memory",), code: str = "") -> Attack:
    return Attack(name, tries, code=code, instead=f"{body}\nnext_h = 0", victim="failed", says=says, where="process")


ATTACKS = [
    _hang("endless_loop", "loops without end", "while True: pass"),
    _hang("sleep", "sleeps for an hour", "import time; time.sleep(3600)"),
    _hang("catch_everything", "loops and swallows every exception and signal", """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True:
    try:
        while True: pass
    except BaseException: pass
"""),
    _hang("c_loop", "stays in one call of C code", "import itertools; sum(itertools.repeat(0))"),
    _hang("c_regex", "an exponential regular expression", "import re; re.match(r'(a|a)*b', 'a' * 60)"),
    _hang("c_matmul", "one product of huge matrices", "a = np.ones((2500, 2500), np.float32)\nfor _ in range(99): a @ a"),
    _hang("big_integer", "a power that takes years", "10 ** 10 ** 10"),
    _hang("wait_for_input", "waits on standard input, a pipe and a lock",
          "import threading\n_sys.stdin.read()\nlock = threading.Lock(); lock.acquire(); lock.acquire()", code="pass"),
    _hang("stopped", "stops itself", "import signal\n_os.kill(_os.getpid(), signal.SIGSTOP)", code="pass"),
    Attack("endless_import", "never finishes its import", code="while True: pass", victim="failed",
           says=(TIME,), seconds=1.0, beside="simclr_loss_naive", where="process"),
    Attack("endless_flood_at_import", "prints without end when it is imported",
           code="while True: print('spam' * 1000)", victim="failed", says=("printed more than",), seconds=8.0,
           beside="simclr_loss_naive", where="process"),
    Attack("busy_threads", "leaves threads behind that keep both processors busy", code='''
        import threading
        def busy():
            while True: pass
        ''', body="if first():\n    for _ in range(4): threading.Thread(target=busy, daemon=True).start()",
           victim="any", where="process"),
    Attack("waiting_threads", "leaves threads that never end and are no daemons", code='''
        import threading, time
        ''', body="if first():\n    for _ in range(4): threading.Thread(target=time.sleep, args=(3600,)).start()",
           where="process"),
    Attack("thread_bomb", "starts threads until none can be started", code='''
        import threading, time
        ''', instead='''
        started = 0
        while True:
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
            started += 1
        ''', victim="failed", says=("rnn_step_forward",), seconds=3.0, where="process"),
    _memory("one_allocation", "asks for 100 GB at once", "np.ones(100 << 27)"),
    _memory("virtual_allocation", "asks for 8 TB that are never touched", "np.empty(1 << 40)"),
    _memory("slow_growth", "grows by one megabyte at a time", "kept = []\nwhile True: kept.append(b'x' * (1 << 20))"),
    _memory("torch_storage", "fills memory with tensors",
            "import torch\nkept = []\nwhile True: kept.append(torch.ones(1 << 22))"),
    _memory("shared_mapping", "fills a shared mapping, which is not counted as data",
            "import mmap\nkept = []\nwhile True:\n    m = mmap.mmap(-1, 1 << 26); m.write(b'x' * (1 << 26)); kept.append(m)",
            says=("rnn_step_forward",)),
    _memory("tiny_objects", "a list of tiny lists", "kept = []\nwhile True: kept.append([])"),
    Attack("memory_and_catch", "fills memory and swallows the error, again and again", instead='''
        kept = []
        while True:
            try: kept.append(bytearray(1 << 20))
            except MemoryError: pass
        next_h = 0
        ''', victim="failed", says=("rnn_step_forward",), seconds=1.5, where="process"),
    Attack("descriptors", "opens files until none can be opened, and goes on", body='''
        kept = []
        try:
            while True: kept.append(open("/dev/null"))
        except OSError: pass
        globals().setdefault("_kept", []).extend(kept)
        ''', code="pass", where="process"),
    Attack("fill_disk", "fills the disk with large files", code="import tempfile", instead='''
        number = 0
        while True:
            number += 1
            with open(_os.path.join(tempfile.gettempdir(), f"f{number}"), "wb") as file:
                for _ in range(32): file.write(bytes(1 << 20))
        ''', victim="failed", says=("wrote more",), seconds=9.0, where="process"),
    Attack("one_large_file", "writes one file of 100 GB", code="import tempfile", instead='''
        with open(_os.path.join(tempfile.gettempdir(), "f"), "wb") as file:
            while True: file.write(bytes(1 << 24))
        ''', victim="failed", says=("wrote a file of more than",), seconds=9.0, where="process"),
    Attack("many_files", "makes files until the folder has too many", code="import tempfile", instead='''
        number = 0
        while True:
            number += 1
            open(_os.path.join(tempfile.gettempdir(), f"f{number}"), "w").close()
        ''', victim="failed", says=("files",), seconds=9.0, where="process"),
    Attack("strange_files", "leaves deep folders, long and odd names, links and unreadable folders", code="import tempfile",
           body='''
        if first():
            place = tempfile.gettempdir()
            for _ in range(400):
                place = _os.path.join(place, "d" * 9)
                try: _os.mkdir(place)
                except OSError: break
            top = tempfile.gettempdir().encode()
            for name in (b"x" * 255, b"\\xff\\xfe", b"new\\nline", b"-rf *", b"\\x1b[31m"):
                open(_os.path.join(top, name), "w").close()
            _os.symlink("/", _os.path.join(top, b"root"))
            _os.symlink(b"loop", _os.path.join(top, b"loop"))
            _os.mkdir(_os.path.join(top, b"locked"), 0)
            deep = _os.getcwd()
            for _ in range(300):
                try: _os.mkdir("n" * 200); _os.chdir("n" * 200)
                except OSError: break
        ''', where="process"),
    Attack("flood_stdout", "prints 1 GB", instead="for _ in range(1000): print('x' * 1_000_000)\nnext_h = 0",
           victim="failed", says=("printed more than",), where="process"),
    Attack("flood_stderr", "writes 1 GB to standard error by its number",
           instead="import os\nfor _ in range(1000): os.write(2, b'x' * 1_000_000)\nnext_h = 0",
           victim="failed", says=("printed more than",), where="process"),
    Attack("flood_from_thread", "prints without end from a thread, between the calls too", code='''
        import threading
        def flood():
            while True: print("spam" * 200)
        ''', body="if first(): threading.Thread(target=flood, daemon=True).start()", victim="any", where="process"),
    Attack("endless_recursion", "calls itself without end", code="def down(n): return down(n + 1)",
           instead="next_h = down(0)", victim="failed", says=("RecursionError",), where="process"),
    Attack("native_recursion", "overflows the native stack", code='''
        def down(n): return sorted([n], key=down)
        ''', instead="_sys.setrecursionlimit(10 ** 9)\nnext_h = down(0)", victim="failed",
           says=("rnn_step_forward",), where="process"),
    Attack("million_warnings", "warns a million times, each time anew",
           body="import warnings\nif first():\n    warnings.simplefilter('always')\n"
                "    for i in range(20000): warnings.warn(f'{i} <b>' + 'x' * 9999)", code="pass", where="process"),
]
