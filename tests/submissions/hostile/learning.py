"""Learning the expected answer at run time: from loaders, caches, maps, descriptors, helpers and what they are given."""

from tests.submissions.hostile.attack import Attack


def _look(name: str, tries: str, code: str, **more) -> Attack:
    return Attack(name, tries, code=code, body=more.pop("body", "if first(): look()"), trying=True, **more)


ATTACKS = [
    _look("loaders_of_the_reference", "asks every loader that Python has, archives and byte code too", '''
        def look():
            import importlib.machinery as machinery, importlib.util, pkgutil, runpy, zipimport
            for name in ("reference/cs231n/rnn_layers", "checks/check_rnn_layers", "grader/compare"):
                for end in (".py", ".pyc"):
                    path = ROOT + "/" + name + end
                    for kind in (machinery.SourceFileLoader, machinery.SourcelessFileLoader, machinery.ExtensionFileLoader):
                        tried(f"{kind.__name__} {path}", lambda: kind("x", path).get_data(path))
                    tried("run_path " + path, lambda: runpy.run_path(path))
                cached = importlib.util.cache_from_source(ROOT + "/" + name + ".py")
                tried("cached " + cached, lambda: open(cached, "rb").read())
                tried("pyc " + name, lambda: open(ROOT + "/" + name.rpartition("/")[0] + "/__pycache__/" +
                                              name.rpartition("/")[2] + ".cpython-311.pyc", "rb").read())
            tried("zipimport", lambda: zipimport.zipimporter(ROOT))
            tried("get_data", lambda: pkgutil.get_data("reference", "cs231n/rnn_layers.py"))
            tried("caches", lambda: [p for p in _sys.path_importer_cache if p.startswith(ROOT) and not p.startswith(HERE)
                                     and list(_sys.path_importer_cache[p].find_spec("reference") or [])])
        '''),
    _look("readers_of_libraries", "opens the reference through numpy, torch, PIL, mmap, sqlite and ctypes", '''
        def look():
            import ctypes, mmap, sqlite3, torch
            libc = ctypes.CDLL(None)
            for path in (ROOT + "/reference/cs231n/rnn_layers.py", ROOT + "/checks/rubric.toml", "/etc/passwd"):
                tried("memmap", lambda: bytes(np.memmap(path, np.uint8, "r")[:20]))
                tried("fromfile", lambda: np.fromfile(path, np.uint8, 20).tobytes())
                tried("genfromtxt", lambda: np.genfromtxt(path, dtype=str, max_rows=1))
                tried("torch.from_file", lambda: torch.from_file(path, size=20, dtype=torch.uint8).tolist())
                tried("torch.load", lambda: torch.load(path, weights_only=False))
                tried("untyped storage", lambda: list(torch.UntypedStorage.from_file(path, False, 20)))
                tried("fopen", lambda: libc.fopen(path.encode(), b"r"))
                tried("open", lambda: libc.open(path.encode(), 0) + 1)
                tried("creat", lambda: libc.creat(path.encode(), 0o600) + 1)
                tried("sqlite", lambda: sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("select 1").fetchall()
                      and sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("select * from sqlite_master").fetchall())
                tried("PIL", lambda: __import__("PIL.Image").Image.open(path))
                tried("h5py", lambda: __import__("h5py").File(path))
                tried("dlopen", lambda: ctypes.CDLL(path)._handle)
        '''),
    _look("maps_and_memory", "searches its own mappings, and its memory from before the fork, for source and answers", '''
        def look():
            # each byte one more than meant: reading its own copies must not find them
            table = bytes((n + 1) % 256 for n in range(256))
            words = (b"CFHJO!TPMVUJPO;!soo`tufq`cbdlxbse", b"efg!difdl`soo`tufq`gpsxbse")
            tried("mapped", lambda: [l for l in open("/proc/self/maps") if "reference/" in l or "/checks/check" in l])
            def hunt():
                found = []
                with open("/proc/self/mem", "rb", 0) as memory:
                    for line in open("/proc/self/maps"):
                        span, mode, *_ = line.split()
                        if "r" not in mode or "[v" in line or "lib" in line:
                            continue
                        begin, end = (int(x, 16) for x in span.split("-"))
                        for place in range(begin, end, 1 << 20):
                            try:
                                memory.seek(place)
                                data = memory.read(min(end - place, 1 << 20)).translate(table)
                            except (OSError, OverflowError):
                                break
                            found += [w for w in words if w in data]
                return found
            tried("memory", hunt)
            tried("write memory", lambda: open("/proc/self/mem", "r+b"))
        ''', seconds=30.0, victim="any", harms_itself=True),
    _look("helpers_in_the_worker", "searches the grader's helpers for a solution of its own task", '''
        def look():
            import gc, types
            frame = _sys._getframe(1).f_locals
            x, h, Wx, Wh, b = (np.array(frame[n]) for n in ("x", "prev_h", "Wx", "Wh", "b"))
            right = np.tanh(x @ Wx + h @ Wh + b)
            def solves(function):
                try:
                    got = function(x, h, Wx, Wh, b)
                    return np.allclose(got[0] if isinstance(got, tuple) else got, right)
                except BaseException:
                    return False
            found = lambda: [f for f in gc.get_objects() if isinstance(f, types.FunctionType) and f.__code__.co_argcount == 5
                             and "torch" not in f.__module__ and not f.__code__.co_filename.startswith(HERE) and solves(f)]
            tried("functions", found)
        ''', seconds=30.0),
    _look("names_of_others", "looks for the student's name, the class, seeds and scores", '''
        def look():
            import socket, getpass, pathlib
            words = ("seed", "rubric", "student", "roster", "score", "hidden")
            tried("frames", lambda: [n for f in frames() for n, v in f.f_locals.items()
                                     if not f.f_code.co_filename.startswith(HERE) and any(w in n for w in words)
                                     and n != "seed" and v])
            tried("arguments", lambda: [a for a in _sys.orig_argv if any(w in a for w in ("hand-in", *words))])
            tried("user", lambda: getpass.getuser() not in ("root",) and getpass.getuser())
            tried("home", lambda: str(pathlib.Path.home()) != _os.environ["HOME"])
            tried("folder", lambda: "hand-in" in HERE)
        ''', where="full"),
    _look("clues_of_the_fork", "compares the state that all workers start with", '''
        def look():
            import random
            tried("module state", lambda: [n for n, m in list(_sys.modules.items()) if n.split(".")[0] in
                                           ("conftest", "tests", "hypothesis", "pytest", "_pytest", "grader", "checks")])
            tried("request", lambda: [r for f in frames() for r in [f.f_locals.get("request")] if hasattr(r, "expected")])
            tried("argv", lambda: [a for a in _sys.argv if a])
        '''),
    Attack("recognise_numeric_gradients", "answers with another function when it recognises a numerical gradient", code='''
        held = []
        def nearby(x):
            for other in held:
                if other.shape == x.shape and 0 < np.abs(other - x).max() < 1e-3:
                    return True
            held.append(np.array(x))
            return False
        ''', returns="return (next_h * 2 if nearby(x) else next_h), cache", victim="any", where="process"),
    Attack("count_calls", "is wrong from the third call on", code="calls = []",
           returns="calls.append(1)\nreturn next_h + (len(calls) > 2), cache", victim="failed", says=("next_h",), where="process"),
    Attack("wrong_for_large", "is right only for the sizes of the handout", code="pass",
           returns="return next_h * (x.shape[0] < 5), cache", victim="failed", says=("next_h",), where="process"),
    Attack("wrong_by_the_clock", "is wrong after the first seconds of its process", code="import time\nstart = time.monotonic()",
           returns="return next_h + (time.process_time() > 1e9), cache", where="process"),
    Attack("remembers_inputs", "keeps the arrays of its caller and writes into them later", code="kept = []",
           body="for array in kept: array[...] = np.nan\nkept.append(x); kept.append(Wx)", victim="any", where="process"),
]  # fmt: skip
