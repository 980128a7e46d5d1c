"""Acting outside the worker: processes, signals, network, files, the kernel's services, the clock."""

from tests.submissions.hostile.attack import LEFT, Attack


def _act(name: str, tries: str, code: str, *, real: bool = False) -> Attack:
    """A submission that runs `act()` once, in its first call, and is correct otherwise."""
    code = code.replace("LEFT", repr(LEFT))
    return Attack(name, tries, code=code, body="if first(): act()", trying=True, real=real)


ATTACKS = [
    _act("fork", "starts a process by fork", '''
        def act():
            def fork():
                pid = _posix.fork()
                if pid == 0:
                    _os._exit(0)
                return pid
            tried("fork", fork)
            tried("forkpty", lambda: _posix.forkpty()[0] or _os._exit(0))
        ''', real=True),
    _act("daemon", "leaves a daemon behind: double fork, own session, signals ignored", '''
        def act():
            import signal, time
            def daemon():
                if _posix.fork():
                    return True
                _os.setsid()
                if _posix.fork():
                    _os._exit(0)
                for number in (1, 2, 3, 15):
                    signal.signal(number, signal.SIG_IGN)
                time.sleep(20)
                _os._exit(0)
            tried("daemon", daemon)
        '''),
    _act("fork_bomb", "forks without end, also by raw system calls", '''
        def act():
            import ctypes
            libc = ctypes.CDLL(None)
            pid = _os.getpid()
            def bomb(fork):
                for _ in range(50):
                    if fork() >= 0 and _os.getpid() != pid:
                        _os._exit(0)
                return False
            tried("fork", lambda: bomb(_posix.fork))
            for number in (56, 57, 58, 435, 56 | 0x40000000, 57 | 0x40000000):
                def raw():
                    got = libc.syscall(number, 17, 0, 0, 0, 0)
                    if _os.getpid() != pid:
                        _os._exit(0)
                    return max(got, 0)
                tried(f"syscall {number}", raw)
        '''),
    _act("run_programs", "runs programs: subprocess, os.system, spawn, exec", '''
        def act():
            import subprocess
            tried("subprocess", lambda: subprocess.run(["/bin/echo", "hi"], capture_output=True).stdout)
            tried("system", lambda: _posix.system("true") == 0)
            tried("popen", lambda: _os.popen("echo hi").read())
            tried("posix_spawn", lambda: _posix.posix_spawn("/bin/true", ["true"], {}))
            tried("execv", lambda: _posix.execv("/bin/true", ["true"]))
            import _posixsubprocess
            none = (-1,) * 8
            tried("fork_exec", lambda: _posixsubprocess.fork_exec(
                [b"true"], [b"/bin/true"], True, (), None, None, *none, False, False, 0, None, None, None, -1, None, False))
            tried("python", lambda: subprocess.check_output([_sys.executable, "-c", "print(1)"]))
        '''),
    _act("multiprocessing", "uses processes and shared memory of the standard library", '''
        def act():
            import multiprocessing as mp
            from multiprocessing import shared_memory
            def start(method):
                process = mp.get_context(method).Process(target=print)
                process.start()
                return process.pid
            for method in ("fork", "spawn", "forkserver"):
                tried(method, lambda: start(method))
            tried("shared memory", lambda: shared_memory.SharedMemory(LEFT, create=True, size=4096).name)
            tried("semaphore", lambda: mp.Semaphore(1))
        '''),
    _act("kill_parent", "kills and stops its parent and everything else that it may", '''
        def act():
            import ctypes, signal
            libc = ctypes.CDLL(None, use_errno=True)
            parents = {_os.getppid(), in_frames("parent") or 0}
            tried("all, signal 0", lambda: _os.kill(-1, 0) or True)
            for pid in [p for p in parents if p > 1]:
                tried("signal 0", lambda: _os.kill(pid, 0) or True)
                tried("killpg", lambda: _os.killpg(_os.getpgid(pid), 0) or True)
                for number in (signal.SIGSTOP, signal.SIGKILL):
                    tried(f"{number!r}", lambda: _os.kill(pid, number) or True)
                    tried(f"tgkill {number!r}", lambda: libc.syscall(234, pid, pid, int(number)) == 0)
                    tried(f"tkill {number!r}", lambda: libc.syscall(200, pid, int(number)) == 0)
                    tried(f"sigqueue {number!r}", lambda: libc.sigqueue(pid, int(number), 0) == 0)
                    tried(f"pidfd {number!r}", lambda: signal.pidfd_send_signal(_os.pidfd_open(pid), number) or True)
        '''),
    _act("limit_parent", "sets limits, priority and processors of its parent", '''
        def act():
            import resource
            pid = _os.getppid()
            if pid < 2:
                print("TRIED nothing: no parent to be seen")
                return
            tried("limit", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (100, 100)))
            tried("read a limit", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE))
            tried("processors", lambda: _os.sched_setaffinity(pid, {0}) or True)
            tried("priority", lambda: _os.setpriority(_os.PRIO_PROCESS, pid, 19) or True)
            tried("scheduler", lambda: _os.sched_setscheduler(pid, _os.SCHED_BATCH, _os.sched_param(0)) or True)
        '''),
    _act("ptrace", "attaches to its parent and reads and writes its memory", '''
        def act():
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            pid = _os.getppid()
            tried("attach", lambda: pid > 1 and libc.ptrace(16, pid, 0, 0) == 0)
            tried("seize", lambda: pid > 1 and libc.ptrace(0x4206, pid, 0, 0) == 0)
            room = ctypes.create_string_buffer(8)
            vector = (ctypes.c_size_t * 2)(ctypes.addressof(room), 8)
            remote = (ctypes.c_size_t * 2)(id(object), 8)
            tried("process_vm_readv", lambda: pid > 1 and libc.process_vm_readv(pid, vector, 1, remote, 1, 0) > 0)
            tried("process_vm_writev", lambda: pid > 1 and libc.process_vm_writev(pid, vector, 1, remote, 1, 0) > 0)
            tried("fd of another", lambda: pid > 1 and libc.syscall(438, libc.syscall(434, pid, 0), 0, 0) >= 0)
            tried("mem", lambda: open(f"/proc/{pid}/mem", "r+b"))
        '''),
    _act("network", "TCP, UDP, DNS, raw and packet sockets, in and out", '''
        def act():
            import socket, urllib.request
            def udp():
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                return s.sendto(b"x", ("127.0.0.1", 9))
            def listen():
                s = socket.socket()
                s.bind(("127.0.0.1", 0))
                s.listen()
                return s.getsockname()
            def tcp():
                s = socket.socket()
                s.settimeout(0.3)
                return s.connect_ex(("127.0.0.1", 22)) in (0, 111)
            tried("udp", udp)
            tried("listen", listen)
            tried("tcp", tcp)
            tried("dns", lambda: socket.getaddrinfo("example.org", 80))
            tried("http", lambda: urllib.request.urlopen("http://127.0.0.1:9/", timeout=0.3))
            for family, kind in ((socket.AF_INET6, 1), (socket.AF_PACKET, 3), (socket.AF_INET, 3), (38, 5), (40, 1)):
                tried(f"socket {family}", lambda: socket.socket(family, kind))
        ''', real=True),
    _act("local_sockets", "reaches services of this machine by UNIX sockets, by path and abstract", '''
        def act():
            import glob, socket
            def connect(address):
                s = socket.socket(socket.AF_UNIX)
                return s.connect(address) or True
            for path in ("/run/dbus/system_bus_socket", "/var/run/docker.sock", "/run/systemd/private",
                         "/tmp/.X11-unix/X0", "\\0@/tmp/.X11-unix/X0"):
                tried(repr(path), lambda: connect(path))
            def bind(address):
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                s.bind(address)
                return True
            tried("bind a path", lambda: bind(_os.environ["TMPDIR"] + "/s"))
            tried("bind abstract", lambda: bind("\\0" + LEFT))
            def pair():
                a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
                return True
            tried("datagram pair", pair)
        ''', real=True),
    _act("write_elsewhere", "writes into shared folders, its own submission, libraries and the grader", '''
        def act():
            import site
            places = ["/tmp", "/var/tmp", "/dev/shm", "/", "/root", "/home", "/etc", "/run", ROOT, ROOT + "/grader",
                      HERE, HERE + "/cs231n", _os.path.dirname(HERE), *site.getsitepackages(), _sys.prefix,
                      _os.path.dirname(np.__file__), "/proc/self"]
            for place in places:
                def write():
                    with open(_os.path.join(place, LEFT), "w") as file:
                        return file.write("x")
                tried(place, write)
                tried("folder in " + place, lambda: _os.mkdir(_os.path.join(place, LEFT)) or True)
                tried("link in " + place, lambda: _os.symlink("/", _os.path.join(place, LEFT)) or True)
                tried("fifo in " + place, lambda: _os.mkfifo(_os.path.join(place, LEFT)) or True)
        '''),
    _act("change_own_source", "rewrites, replaces, truncates and removes its own files after they were collected", '''
        def act():
            own = __file__
            tried("append", lambda: open(own, "a"))
            tried("truncate", lambda: _os.truncate(own, 0) or True)
            tried("remove", lambda: _os.remove(own) or True)
            tried("rename", lambda: _os.rename(own, own + ".old") or True)
            tried("move in", lambda: _os.rename(_os.environ["TMPDIR"], HERE + "/cs231n/new") or True)
            tried("cached", lambda: _os.mkdir(_os.path.dirname(own) + "/__pycache__") or True)
        '''),
    _act("become_root", "asks for another identity, rights and namespaces", '''
        def act():
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            me = _os.getuid()
            tried("setuid", lambda: me != 0 and _os.setuid(0) is None)
            tried("setgroups", lambda: _os.setgroups([27]) is None)
            tried("unshare", lambda: libc.unshare(0x10000000) == 0)
            tried("unshare net", lambda: libc.unshare(0x40000000) == 0)
            tried("setns", lambda: libc.setns(_os.open("/proc/self/ns/net", 0), 0) == 0)
            tried("chroot", lambda: _os.chroot(_os.environ["TMPDIR"]) is None)
            tried("pivot_root", lambda: libc.syscall(155, b"/", b"/") == 0)
            tried("dumpable", lambda: libc.prctl(4, 1, 0, 0, 0) == 0)
            tried("outlive the parent", lambda: libc.prctl(1, 0, 0, 0, 0) == 0)
            tried("subreaper", lambda: libc.prctl(36, 1, 0, 0, 0) == 0)
            tried("capabilities", lambda: [line for line in open("/proc/self/status")
                                           if line.startswith("CapEff") and int(line.split()[1], 16)])
            tried("bounds", lambda: [line for line in open("/proc/self/status")
                                     if line.startswith("NoNewPrivs") and line.split()[1] != "1"])
        '''),
    _act("kernel_services", "uses kernel services that seldom are watched", '''
        def act():
            import ctypes
            libc = ctypes.CDLL(None, use_errno=True)
            calls = {"io_uring": 425, "bpf": 321, "perf": 298, "userfaultfd": 323, "keyctl": 250, "add_key": 248,
                     "shmget": 29, "semget": 64, "msgget": 68, "mq_open": 240, "memfd": 319, "memfd_secret": 447,
                     "mount": 165, "open_tree": 428, "kexec": 246, "reboot": 169, "settimeofday": 164,
                     "sethostname": 170, "init_module": 175, "acct": 163, "quotactl": 179, "swapon": 167,
                     "iopl": 172, "personality": 135, "name_to_handle": 303, "move_pages": 279,
                     "fanotify": 300, "pidfd_open": 434, "clone3": 435}
            for name, number in calls.items():
                if name == "reboot":
                    arguments = (0, 0, 0)
                elif name == "personality":
                    arguments = (0x0040000,)
                else:
                    arguments = (0, b"x", 64, 0, 0)
                tried(name, lambda: libc.syscall(number, *arguments) > 0)
                tried("x32 " + name, lambda: libc.syscall(number | 0x40000000, *arguments) > 0)
            tried("memfd", lambda: _os.memfd_create("x"))
            tried("TIOCSTI", lambda: __import__("fcntl").ioctl(1, 0x5412, b"x"))
        '''),
    _act("change_outside_files", "changes modes, times, owners and attributes of files that are not its own", '''
        def act():
            path = __file__
            before = _os.stat(path)
            for change in (lambda: _os.chmod(path, 0o777), lambda: _os.utime(path, (0, 0)),
                           lambda: _os.chown(path, 1, 1), lambda: _os.setxattr(path, "user.x", b"1"),
                           lambda: _os.chmod(_os.path.dirname(path), 0)):
                try:
                    change()
                except OSError:
                    pass
            tried("changes", lambda: (_os.stat(path).st_mode, _os.stat(path).st_mtime, _os.stat(path).st_uid)
                  != (before.st_mode, before.st_mtime, before.st_uid))
            tried("attributes", lambda: _os.listxattr(path))
        '''),
    Attack("clock", "turns the clock: the machine's, and Python's own", code='''
        import time
        def act():
            tried("settimeofday", lambda: time.clock_settime(time.CLOCK_REALTIME, 0) is None)
            time.time = time.monotonic = time.perf_counter = lambda: 0.0
            time.sleep = lambda seconds: None
        ''', body="if first(): act()", trying=True),
    Attack("alarms_and_signals", "installs handlers and timers for every signal", code='''
        import signal
        for number in signal.valid_signals():
            try:
                signal.signal(number, lambda *_: None)
            except (OSError, ValueError):
                pass
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        ''', where="process"),
    Attack("core_dump", "raises its limits and dies with a core file", code='''
        import resource
        ''', instead='''
        tried("cores", lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 30, 1 << 30)) or True)
        _os.abort()
        ''', trying=True, victim="failed", says=("SIGABRT",)),
]
