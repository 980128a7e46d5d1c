"""Asking the kernel: calls by number that no library makes, other doors into it, and what it tells of others.

The arguments are harmless where a call that went through could do damage.
"""

from tests.submissions.hostile.attack import LEFT, Attack

TOOLS = '''
import ctypes, errno, fcntl, struct
libc = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    """The result of a system call; below 0 counts as refused."""
    return max(libc.syscall(number, *arguments), 0)
'''


def _asks(name: str, tries: str, code: str, *, real: bool = False, **more) -> Attack:
    code = TOOLS + code.replace("LEFT", repr(LEFT)).replace("\n        ", "\n")
    return Attack(name, tries, code=code, body="if first(): act()", trying=True, real=real, **more)


ATTACKS = [
    _asks("signal_by_pipe", "has the kernel send a signal to others when a pipe is written to", '''
        def act():
            import socket
            parents = {_os.getppid(), in_frames("parent") or 0} - {0, 1}
            pipe, pair = _os.pipe(), socket.socketpair()
            for pid in parents or {2 ** 22 - 9}:
                for command in (fcntl.F_SETOWN, 15, fcntl.F_SETSIG):
                    tried(f"fcntl {command}", lambda: fcntl.fcntl(pipe[0], command, pid) == 0)
                for request in (0x8901, 0x8902):
                    tried(f"ioctl {request:x}", lambda: fcntl.ioctl(pair[0], request, struct.pack("i", pid)) is not None)
                tried("raw", lambda: libc.fcntl(pipe[0], 8, pid) == 0)
                tried("raw, upper bits", lambda: call(72, pipe[0], ctypes.c_ulong((7 << 32) | 8), pid) == 0 and
                      libc.fcntl(pipe[0], 9) == pid)
        ''', real=True),
    _asks("leases_and_watches", "delays others that open a library, and watches what they open", '''
        def act():
            fd = _os.open(np.__file__, _os.O_RDONLY)
            tried("lease", lambda: fcntl.fcntl(fd, 1024, fcntl.F_RDLCK) == 0)
            tried("dnotify", lambda: fcntl.fcntl(_os.open(_os.path.dirname(np.__file__), _os.O_RDONLY), 1026, 63) == 0)
            tried("inotify", lambda: call(253))
            tried("inotify 1", lambda: call(294, 0))
            tried("fanotify", lambda: call(300, 0, 0))
        '''),
    _asks("change_read_only_files", "changes flags, attributes, encryption and verity of files open for reading", '''
        def act():
            for path in (__file__, np.__file__, HERE):
                fd = _os.open(path, _os.O_RDONLY)
                buffer = ctypes.create_string_buffer(256)
                for name, request in {"SETFLAGS": 0x40086602, "FSSETXATTR": 0x401C5820, "VERITY": 0x40806685,
                                      "ENCRYPT": 0x800C6613, "SETVERSION": 0x40087602, "CLONE": 0x40049409,
                                      "TRIM": 0xC0185879, "FREEZE": 0xC0045877}.items():
                    tried(f"{name} {path}", lambda: libc.ioctl(fd, ctypes.c_ulong(request), buffer) == 0)
                    tried(f"{name} code", lambda: ctypes.get_errno() not in (1, 13, 22))
                tried("file_setattr", lambda: call(469, -100, path.encode(), buffer, 24, 0))
                tried("setxattrat", lambda: call(463, -100, path.encode(), 0, b"user.x", buffer, 16))
        '''),
    _asks("old_abi", "makes system calls in the 32-bit way, by machine code of its own", '''
        import mmap
        def act():
            print("TRIED int 0x80", flush=True)
            if _os.uname().machine != "x86_64":
                return
            code = b"\\xb8\\x02\\x00\\x00\\x00\\xcd\\x80\\xc3"  # fork by number 2 of i386
            page = mmap.mmap(-1, 4096, prot=7)
            page.write(code)
            pid = _os.getpid()
            run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
            got = run()
            if _os.getpid() != pid:
                _os._exit(0)
            print("BREACH" if got > 0 else "refused", got, flush=True)
        ''', victim="any"),
    _asks("machine_code", "makes refused calls by machine code: x32 numbers, upper halves of arguments", '''
        import mmap
        def act():
            if _os.uname().machine != "x86_64":
                print("TRIED nothing")
                return
            page = mmap.mmap(-1, 4096, prot=7)
            page.write(b"\\x48\\x89\\xf8\\x48\\x89\\xf7\\x48\\x89\\xd6\\x48\\x89\\xca\\x0f\\x05\\xc3")  # rax, rdi, rsi, rdx
            kind = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)
            run = kind(ctypes.addressof(ctypes.c_char.from_buffer(page)))
            pid = _os.getpid()
            for number, first_argument in ((57, 0), (57 | 0x40000000, 0), ((1 << 32) | 57, 0), (56, 17), (56, (1 << 40) | 17),
                                           (41, 2), (41, (1 << 40) | 2), (41, (1 << 32) | 16), (157, (1 << 32) | 4), (425, 8)):
                def go():
                    got = run(number, first_argument, 1, 0)
                    if _os.getpid() != pid:
                        _os._exit(0)
                    return got > 0 or (number == 157 and got == 0)
                tried(f"{number:x} {first_argument:x}", go)
        '''),
    _asks("rare_calls", "calls by number whatever Linux has that could lead out", '''
        CALLS = {"io_setup": 206, "modify_ldt": 154, "quotactl_fd": 443, "open_tree_attr": 467, "lsm_set": 460,
                 "listmount": 458, "statmount": 457, "listns": 470, "next": 471, "far": 500, "nfsservctl": 180,
                 "sysctl": 156, "mount_setattr": 442, "move_mount": 429, "fsopen": 430, "fspick": 433, "fsconfig": 431,
                 "open_by_handle_at": 304, "name_to_handle_at": 303, "kcmp": 312, "process_mrelease": 448,
                 "process_madvise": 440, "pidfd_getfd": 438, "memfd_secret": 447, "landlock": 444, "kexec_file": 320,
                 "finit_module": 313, "lookup_dcookie": 212, "syslog": 103, "vhangup": 153, "ioperm": 173, "clone": 56}
        def act():
            buffer = ctypes.create_string_buffer(512)
            for name, number in CALLS.items():
                arguments = (1 if name == "io_setup" else 0, buffer, 16, 0, 0)
                tried(name, lambda: call(number, *arguments) or (number != 56 and ctypes.get_errno() not in (1, 38, 22, 13)))
        ''', real=True),
    _asks("system_v", "shares memory, queues and semaphores with others through the kernel", '''
        def act():
            tried("shmget", lambda: call(29, 0x67, 4096, 0o1600))
            tried("shmat", lambda: call(30, 0, 0, 0))
            tried("msgget", lambda: call(68, 0x67, 0o1600))
            tried("semget", lambda: call(64, 0x67, 1, 0o1600))
            tried("mq_open", lambda: call(240, b"LEFT", 0o102, 0o600, 0))
            tried("ftok", lambda: open("/proc/sysvipc/shm").read().count(chr(10)) > 1)
        ''', real=True),
    _asks("key_rings", "keeps a key where the next submission of this user would find it", '''
        def act():
            for ring in (-1, -2, -3, -4, -5):
                tried(f"add_key {ring}", lambda: call(248, b"user", b"gradmark", b"x", 1, ring))
                tried(f"request_key {ring}", lambda: call(249, b"user", b"gradmark", 0, ring))
                tried(f"keyctl {ring}", lambda: call(250, 0, ring, 1))
            tried("/proc/keys", lambda: open("/proc/keys").read())
        ''', real=True),
    _asks("odd_sockets", "opens sockets of every family and kind", '''
        def act():
            import socket
            for family in range(46):
                for kind in (1, 2, 3, 5):
                    tried(f"{family} {kind}", lambda: socket.socket(family, kind | 0o2000000).fileno() + 1)
            tried("pair, other type bits", lambda: call(53, 1, ctypes.c_ulong((1 << 32) | 2), 0, (ctypes.c_int * 2)()) == 0
                  and False)
            a, b = socket.socketpair()
            tried("bind a pair", lambda: a.bind("\\0gradmark") is None)
            tried("connect a pair", lambda: a.connect("/run/x") is None)
            tried("send elsewhere", lambda: a.sendto(b"x", "/run/systemd/journal/socket"))
        ''', real=True),
    _asks("namespaces_again", "makes namespaces, mounts and a root of its own", '''
        def act():
            for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80):
                tried(f"unshare {flag:x}", lambda: libc.unshare(flag) == 0)
                tried(f"clone {flag:x}", lambda: call(56, flag | 17, 0, 0, 0, 0))
            for name in ("user", "pid", "net", "mnt", "ipc", "uts", "cgroup", "time"):
                tried("setns " + name, lambda: libc.setns(_os.open(f"/proc/self/ns/{name}", 0), 0) == 0)
            room = _os.environ["TMPDIR"].encode()
            for kind in (b"tmpfs", b"proc", b"overlay", b"sysfs", b"fuse", b"cgroup2", b"bpf", b"mqueue", b"devpts"):
                tried(f"mount {kind}", lambda: libc.mount(kind, room, kind, 0, 0) == 0)
            tried("chroot", lambda: libc.chroot(room) == 0)
            tried("umount", lambda: libc.umount2(b"/proc", 2) == 0)
        '''),
    _asks("undo_the_lockdown", "loads filters and rules of its own, and takes back what was given up", '''
        def act():
            buffer = ctypes.create_string_buffer(64)
            tried("landlock", lambda: call(444, buffer, 8, 0))
            tried("no_new_privs", lambda: libc.prctl(38, 0, 0, 0, 0) == 0)
            tried("dumpable", lambda: libc.prctl(4, 1, 0, 0, 0) == 0 or libc.prctl(4, ctypes.c_ulong(1), 0, 0, 0) == 0)
            tried("ptracer", lambda: libc.prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0) == 0)
            tried("core scheduling", lambda: libc.prctl(62, 1, 0, 0, 0) == 0)
            tried("ambient", lambda: libc.prctl(47, 2, 21, 0, 0) == 0)
            tried("securebits", lambda: libc.prctl(28, 0x2F, 0, 0, 0) == 0)
            tried("mm", lambda: libc.prctl(35, 8, id(buffer), 0, 0) == 0)
            tried("traced", lambda: libc.ptrace(0, 0, 0, 0) == 0)
            import resource
            for which in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):
                tried(f"limit {which}", lambda: resource.setrlimit(which, (resource.RLIM_INFINITY,) * 2) or True)
            for name in ("oom_score_adj", "coredump_filter", "loginuid", "uid_map", "timerslack_ns", "clear_refs", "comm"):
                tried("write " + name, lambda: open(f"/proc/self/{name}", "w").write("0"))
                tried("write task " + name, lambda: open(f"/proc/thread-self/{name}", "w").write("0"))
        '''),
    _asks("own_filter", "puts itself under a filter that refuses the worker's own calls", '''
        def act():
            print("TRIED filter", flush=True)
            libc.prctl(38, 1, 0, 0, 0)
            instructions = struct.pack("HBBI", 0x20, 0, 0, 0) + struct.pack("HBBI", 0x15, 0, 1, 46) + \\
                struct.pack("HBBI", 6, 0, 0, 0x00050000 | 5) + struct.pack("HBBI", 6, 0, 0, 0x7FFF0000)
            held = ctypes.create_string_buffer(instructions)
            libc.prctl(22, 2, struct.pack("HxxxxxxP", 4, ctypes.addressof(held)), 0, 0)
        ''', victim="failed", says=("channel",), where="process"),
    _asks("descriptors_it_has", "uses every descriptor that it finds, and reopens them by their number", '''
        def act():
            found = sorted(int(n) for n in _os.listdir("/proc/self/fd"))
            tried("more than four", lambda: [n for n in found if n > 4])  # 4 is the listing itself
            for fd in found[:4]:
                tried(f"reopen {fd}", lambda: fd != 0 and _os.open(f"/proc/self/fd/{fd}", _os.O_RDWR) if fd not in (1, 2) else 0)
                tried(f"folder {fd}", lambda: _os.listdir(f"/proc/self/fd/{fd}/"))
                tried(f"dot-dot {fd}", lambda: _os.open("../../etc/passwd", 0, dir_fd=fd))
                tried(f"peer {fd}", lambda: __import__("socket").socket(fileno=_os.dup(fd)).getpeername())
            def received():
                import socket
                s = channel()
                s.setblocking(False)
                return socket.recv_fds(s, 1, 9)[1]
            tried("descriptors in the channel", received)
        ''', victim="any", harms_itself=True),
    _asks("probe_others", "learns of other processes what the kernel answers without a file", '''
        def act():
            me = _os.getpid()
            def there(ask):
                return [pid for pid in range(1, 400) if pid not in (me, 1) and ask(pid)]
            tried("getpgid", lambda: there(_quiet(_os.getpgid)))
            tried("getsid", lambda: there(_quiet(_os.getsid)))
            tried("getpriority", lambda: there(_quiet(lambda p: _os.getpriority(0, p) + 99)))
            tried("affinity", lambda: there(_quiet(_os.sched_getaffinity)))
            tried("scheduler", lambda: there(_quiet(lambda p: _os.sched_getscheduler(p) + 1)))
            tried("clock", lambda: there(_quiet(lambda p: __import__("time").clock_gettime((~p << 3) | 2) + 1)))
            tried("robust list", lambda: there(lambda p: libc.syscall(274, p, (ctypes.c_void_p * 1)(),
                                                                   (ctypes.c_size_t * 1)()) == 0))
            tried("limits", lambda: there(lambda p: libc.syscall(302, p, 7, 0, (ctypes.c_uint64 * 2)()) == 0))
        def _quiet(ask):
            def asked(pid):
                try:
                    return ask(pid)
                except OSError:
                    return False
            return asked
        ''', real=True, where="full"),
    _asks("local_state", "reads what the kernel tells of the machine and of its users", '''
        def act():
            for path in ("/proc/net/tcp", "/proc/net/udp", "/proc/net/unix", "/proc/self/net/unix", "/proc/net/arp"):
                tried(path, lambda: open(path).readlines()[1:])
            for path in ("/proc/locks", "/proc/timer_list",
                         "/proc/kallsyms", "/proc/kcore", "/proc/1/root/etc/passwd", "/proc/sysvipc/msg", "/proc/keys",
                         "/proc/sched_debug", "/proc/mounts/../1/environ", "/sys/kernel/security/lsm", "/sys/fs/cgroup",
                         "/sys/class/net", "/dev/shm", "/dev/pts/0", "/dev/console", "/dev/fuse", "/dev/kvm", "/dev/net/tun",
                         "/dev/loop-control", "/dev/userfaultfd", "/dev/mapper/control", "/dev/ptmx", "/dev/vsock"):
                tried(path, lambda: _os.read(_os.open(path, _os.O_RDONLY), 1) or 1)
                tried("write " + path, lambda: _os.open(path, _os.O_WRONLY) + 1)
            tried("dmesg", lambda: libc.klogctl(10, 0, 0) + 1)
            tried("utmp", lambda: open("/run/utmp", "rb").read(9))
        ''', where="full"),
]  # fmt: skip
