"""Leaving something for later: for the next check, the next submission, the grader or the machine."""

from tests.submissions.hostile.attack import LEFT, Attack

ATTACKS = [
    Attack("leave_files", "leaves files, caches and startup code in every folder that it may write", code=f'''
        import site, tempfile
        def act():
            for place in (tempfile.gettempdir(), _os.getcwd(), _os.path.expanduser("~"), _sys.pycache_prefix or "."):
                for name in ("{LEFT}", "sitecustomize.py", "usercustomize.py", "numpy.py", "conftest.py", ".pythonrc"):
                    try:
                        with open(_os.path.join(place, name), "w") as file: file.write("raise SystemExit")
                    except OSError: pass
            tried("user site", lambda: _os.makedirs(site.getusersitepackages()) or
                  not _os.path.abspath(site.getusersitepackages()).startswith(_os.environ["HOME"]))
        ''', body="if first(): act()", trying=True),
    Attack("shared_memory", "keeps a counter where the next submission could find it", code=f'''
        def act():
            for place in ("/dev/shm", "/tmp", "/var/tmp", "/run/shm", "/run/lock", "/dev/mqueue"):
                tried(place, lambda: open(_os.path.join(place, "{LEFT}"), "a").write("x"))
        ''', body="if first(): act()", trying=True, real=False),
    Attack("poison_modules", "changes modules that the warm parent holds for everyone", code='''
        import json, math, random, types
        for thing in (np, math, json, random):
            for key in list(vars(thing)):
                if key in ("tanh", "exp", "sqrt", "dumps", "random", "pi", "where", "add"):
                    try: setattr(thing, key, None)
                    except Exception: pass
        ''', victim="failed", says=("TypeError",), beside="simclr_loss_naive", where="process"),
    Attack("poison_environment", "changes the environment, the folder, the mask and the locale", body='''
        if first():
            import locale
            _os.environ.clear(); _os.environ["PYTHONSTARTUP"] = "/tmp/x"; _os.umask(0o777); _os.chdir("/usr/lib")
            try: locale.setlocale(locale.LC_ALL, "C")
            except Exception: pass
        ''', code="pass", where="process"),
    Attack("poison_later_checks", "changes dtype, threads and flags for all later checks of its own", body='''
        if first():
            import torch
            torch.set_default_dtype(torch.float64)
            torch.set_num_threads(2)
            torch.manual_seed = lambda seed: None
            np.random.seed = lambda *_: None
        ''', code="pass", where="process"),
    Attack("shadow_libraries", "brings its own numpy, torch, probes and grader along", files={
        "numpy.py": b"raise SystemExit", "numpy/__init__.py": b"raise SystemExit", "torch/__init__.py": b"raise SystemExit",
        "checks/__init__.py": b"raise SystemExit", "checks/probes/arrays.py": b"raise SystemExit",
        "grader/__init__.py": b"raise SystemExit", "grader/sandbox/worker.py": b"raise SystemExit",
        "reference/__init__.py": b"raise SystemExit", "msgspec.py": b"raise SystemExit", "json.py": b"raise SystemExit",
    }, problem="numpy", where="process"),
    Attack("shadow_inside", "brings modules inside cs231n/ that are called like libraries", files={
        "cs231n/numpy.py": b"raise SystemExit", "cs231n/torch.py": b"raise SystemExit", "cs231n/random.py": b"raise SystemExit",
        "cs231n/grader/__init__.py": b"raise SystemExit", "cs231n/checks.py": b"raise SystemExit",
    }, problem="numpy", where="process"),
    Attack("shadow_own_package", "brings modules and packages that hide the assignment's own", files={
        "cs231n.py": b"raise SystemExit", "cs231n/rnn_layers/__init__.py": b"raise SystemExit",
        "cs231n/classifiers.py": b"raise SystemExit", "cs231n/RNN_layers.py": b"raise SystemExit",
    }, problem="rnn_layers", where="process"),
    Attack("startup_files", "brings files that Python and pytest run by themselves", files={
        "sitecustomize.py": b"raise SystemExit", "usercustomize.py": b"raise SystemExit", "conftest.py": b"raise SystemExit",
        "cs231n/conftest.py": b"raise SystemExit", "x.pth": b"import os; os._exit(0)", "pytest.ini": b"[pytest]\naddopts = --x",
        "setup.cfg": b"[tool:pytest]\naddopts = --x", "pyproject.toml": b"[tool.pytest", "tox.ini": b"[pytest]\n-",
        "__main__.py": b"raise SystemExit", "cs231n/__main__.py": b"raise SystemExit",
    }, problem="runs by itself", where="process"),
    Attack("compiled_files", "brings compiled code in place of its sources", files={
        "cs231n/__pycache__/rnn_layers.cpython-311.pyc": b"\xa7\r\r\n" + bytes(100), "cs231n/rnn_layers.pyc": bytes(100),
        "cs231n/rnn_layers.so": b"\x7fELF" + bytes(100), "cs231n/rnn_layers.cpython-311-x86_64-linux-gnu.so": b"\x7fELF",
    }, problem="compiled code", where="process"),
    Attack("poison_data", "replaces the data files of the assignment", files={
        "gan-checks.npz": b"not a file of numpy", "simclr_sanity_check.key": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        "cs231n/datasets/coco_captioning/coco2014_vocab.json": b"{",
    }, where="process"),
    Attack("package_code", "runs code in the packages' own __init__ files", files={
        "cs231n/__init__.py": b"raise SystemExit", "cs231n/classifiers/__init__.py": b"raise SystemExit",
        "cs231n/simclr/__init__.py": b"raise SystemExit",
    }, victim="blocked", says=("ends the program",), harms_itself=True, where="process"),
    Attack("extra_module", "hides its code in a module of its own that ends the process", code="from cs231n import helper",
           files={"cs231n/helper.py": b"import os; os._exit(0)\n"}, victim="failed", says=("exit status 0",),
           beside="simclr_loss_naive", problem="extra module", where="process"),
]
