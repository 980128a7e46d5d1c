"""Looking for what must not be seen: the reference, the checks, other submissions, other processes, secrets."""

from tests.submissions.hostile.attack import Attack


def _look(name: str, tries: str, code: str, *, real: bool = False) -> Attack:
    """A submission that runs `look()` once, in its first call, and is correct otherwise."""
    return Attack(name, tries, code=code, body="if first(): look()", trying=True, real=real)


ATTACKS = [
    _look("read_reference", "opens the reference solution and the checks by path", '''
        def look():
            for name in ("reference/cs231n/rnn_layers.py", "checks/check_rnn_layers.py", "checks/rubric.toml",
                         "grader/compare.py", "tests/conftest.py", "student_template/cs231n/rnn_layers.py"):
                tried(name, lambda: open(_os.path.join(ROOT, name)).read(20))
                tried(name + " by fd", lambda: _os.read(_os.open(_os.path.join(ROOT, name), _os.O_RDONLY), 20))
        ''', real=True),
    _look("list_gradmark", "lists the grader's folders", '''
        def look():
            for name in ("", "reference", "checks", "reports"):
                tried(name, lambda: _os.listdir(_os.path.join(ROOT, name)))
        ''', real=True),
    _look("walk_for_reference", "walks the disk for other copies of the assignment", '''
        def look():
            def walk():
                found, seen = [], 0
                for top in ["/", "/home", "/root", "/tmp", "/srv", "/opt", "/var/tmp", ROOT, _os.path.dirname(ROOT),
                            *_sys.path]:
                    for place, folders, names in _os.walk(top):
                        seen += 1
                        if place.count("/") - top.count("/") > 1 or place.startswith(("/proc", "/sys", HERE)):
                            folders.clear()
                        if not place.startswith(HERE) and {"rnn_layers.py", "rubric.toml"} & set(names):
                            found.append(place)
                        if seen > 4000:
                            return found
                return found
            tried("walk", walk)
        ''', real=True),
    _look("import_reference", "imports the reference, the grader and the checks, its refusing finder removed", '''
        def look():
            import importlib, importlib.util, importlib.machinery
            _sys.meta_path[:] = [f for f in _sys.meta_path if type(f).__name__ != "Refuse"]
            _sys.path_hooks[:] = [importlib.machinery.FileFinder.path_hook(
                (importlib.machinery.SourceFileLoader, [".py"]))]
            _sys.path_importer_cache.clear()
            _sys.path.append(ROOT)
            for name in ("reference.cs231n.rnn_layers", "grader.compare", "checks.standard", "tests.conftest"):
                tried(name, lambda: importlib.import_module(name).__file__)
                tried("spec of " + name, lambda: importlib.util.find_spec(name.partition(".")[0]).loader)
        ''', real=True),
    _look("editable_finder", "follows the .pth file of an editable installation", '''
        def look():
            import glob
            def follow():
                for place in _sys.path:
                    for pth in glob.glob(_os.path.join(place, "*gradmark*.pth")):
                        for line in open(pth):
                            return open(_os.path.join(line.strip(), "reference/cs231n/rnn_layers.py")).read(9)
            tried("pth", follow)
            tried("site-packages", lambda: __import__("importlib.metadata").metadata.distribution(
                "gradmark").locate_file("reference/__init__.py").read_text())
            tried("site", lambda: __import__("site").addsitedir(ROOT) or open(ROOT + "/reference/__init__.py"))
        '''),
    _look("hunt_for_answers", "searches every object in memory for the right result", '''
        def look():
            import gc
            rng = np.random.default_rng(0)
            def hunt():
                for thing in gc.get_objects():
                    if isinstance(thing, dict):
                        for key, value in list(thing.items()):
                            if isinstance(key, str) and key.lower() in ("expected", "answers", "rubric", "reference"):
                                if isinstance(value, (np.ndarray, list, dict)) and len(value):
                                    return key, type(value)
            tried("gc", hunt)
            tried("modules", lambda: [n for n in _sys.modules if n.split(".")[0] in
                                      ("grader", "checks", "reference", "reports", "pytest", "_pytest")])
            tried("frames", lambda: [n for f in frames() for n in f.f_locals if n in ("expected", "reference", "rng")
                                     and not f.f_code.co_filename.startswith(HERE)])
            tried("threads", lambda: [1 for f in _sys._current_frames().values() if "judge" in f.f_code.co_filename])
        '''),
    _look("hunt_for_result", "compares every array in memory with its own right result", '''
        def look():
            import gc
            frame = _sys._getframe(1).f_locals
            right = np.tanh(frame["x"] @ frame["Wx"] + frame["prev_h"] @ frame["Wh"] + frame["b"])
            def hunt():
                same = []
                for thing in gc.get_objects():
                    for item in (thing if isinstance(thing, (list, tuple)) else [thing]):
                        if isinstance(item, np.ndarray) and item.shape == right.shape and item is not right:
                            if np.allclose(item, right, 1e-3):
                                same.append(item)
                return same
            tried("arrays", hunt)
        '''),
    _look("source_of_probes", "asks inspect for the source of what called it", '''
        def look():
            import inspect, linecache
            def code(thing):
                return inspect.getsource(thing)
            tried("server", lambda: code(type(server())))
            tried("frames", lambda: [code(f.f_code) for f in frames() if ROOT in f.f_code.co_filename])
            for name, probe in server()._probes.items():
                tried(name, lambda: code(probe))
                tried("loader of " + name, lambda: probe.__loader__.get_source(probe.__name__))
                tried("cached " + name, lambda: linecache.getlines(probe.__file__))
        '''),
    _look("other_processes", "reads the command lines, environments, maps and memory of other processes", '''
        def look():
            parents = {_os.getppid(), 1, in_frames("parent") or 1} - {0}
            for pid in parents:
                for what in ("environ", "cmdline", "maps", "mem", "status", "fd", "cwd", "root", "stat"):
                    path = f"/proc/{pid}/{what}"
                    tried(path, lambda: open(path, "rb").read(20))
                    tried("list " + path, lambda: _os.listdir(path))
                    tried("link " + path, lambda: _os.readlink(path))
            tried("/proc", lambda: [p for p in _os.listdir("/proc") if p.isdigit() and int(p) != _os.getpid()])
        ''', real=True),
    _look("environment", "looks for secrets in the environment, its own and that of its exec", '''
        def look():
            def at_start():
                return dict(line.split("=", 1) for line in open("/proc/self/environ").read().split("\\0") if "=" in line)
            words = ("TOKEN", "SECRET", "KEY", "PASS", "USER", "HOME", "GRADMARK", "SSH", "GITHUB", "CANVAS")
            tried("exec", lambda: [k for k in at_start() if any(w in k.upper() for w in words)])
            tried("os", lambda: [k for k in _os.environ if any(w in k.upper() for w in words)
                                 and k not in ("HOME", "TORCH_HOME")])
            tried("arguments", lambda: [a for a in open("/proc/self/cmdline").read().split("\\0")
                                        if "submission" in a or "seed" in a])
        '''),
    _look("private_files", "reads passwords, keys, home folders and logs", '''
        def look():
            for path in ("/etc/passwd", "/etc/shadow", "/etc/hosts", "/root/.bashrc", "/root/.ssh/id_rsa",
                         "/var/log/dpkg.log", "/proc/1/environ", "/proc/kallsyms", "/proc/sys/kernel/random/boot_id",
                         "/dev/mem", "/dev/kmsg", "/dev/tty", "/dev/sda", "/sys/kernel/uevent_seqnum"):
                tried(path, lambda: open(path, "rb").read(20))
            for path in ("/", "/home", "/root", "/etc", "/var", "/run", "/dev", "/dev/pts", "/srv", "/mnt"):
                tried("list " + path, lambda: _os.listdir(path))
        ''', real=True),
    _look("other_submissions", "looks for the folders of other students beside its own", '''
        def look():
            import glob, tempfile
            up = _os.path.dirname(HERE)
            for place in (up, _os.path.dirname(up), _os.path.dirname(tempfile.gettempdir()), "/tmp", "/var/tmp"):
                if place.startswith(_os.environ["TMPDIR"]):
                    continue
                tried("list " + place, lambda: _os.listdir(place))
                tried("scan " + place, lambda: [e.name for e in _os.scandir(place)])
                tried("glob " + place, lambda: glob.glob(place + "/*/*.py"))
        ''', real=True),
    _look("ways_round_paths", "reaches files by /proc/self, links, dot-dot, openat2 and handles", '''
        def look():
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            for path in ("/proc/self/root/etc/passwd", "/proc/self/cwd/../../etc/passwd",
                         "/proc/thread-self/root/etc/passwd", "/usr/lib/../../etc/passwd",
                         "/proc/self/fd/0/../../etc/passwd", "//etc//passwd", "/proc/self/task/../root/etc/hosts"):
                tried(path, lambda: open(path).read(9))
            def link(make, to):
                name = _os.path.join(_os.environ["TMPDIR"], "link" + str(len(_ran)) + make.__name__)
                _ran.append(1)
                make(to, name)
                return open(name).read(9)
            tried("symlink", lambda: link(_os.symlink, "/etc/passwd"))
            tried("hard link", lambda: link(_os.link, "/etc/passwd"))
            tried("symlink to the reference", lambda: link(_os.symlink, ROOT + "/reference/__init__.py"))
            def openat2():
                how = (ctypes.c_uint64 * 3)(0, 0, 0)
                return max(libc.syscall(437, -100, b"/etc/passwd", how, 24), 0)
            tried("openat2", openat2)
            tried("mmap of zero", lambda: max(libc.syscall(304, -1, b"", 0), 0))
            tried("mount", lambda: libc.mount(b"none", _os.environ["TMPDIR"].encode(), b"tmpfs", 0, 0) == 0)
            tried("chroot", lambda: _os.chroot("/") or True)
            tried("sendfile", lambda: _os.open("/etc/passwd", _os.O_PATH) and
                  _os.open("/proc/self/fd/%d" % _os.open("/etc/passwd", _os.O_PATH), 0))
        '''),
]
