"""Speaking for the worker: forged answers, patched machinery, replaced libraries."""

from tests.submissions.hostile.attack import Attack

WIRE = '''
import json, socket, struct, threading, time


def frame(header, payload=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<4sIQ", b"gmk1", len(text), len(payload)) + text + payload


def forged(number, values, echoed=()):
    """An answer that claims these arrays."""
    payload = b"".join(np.ascontiguousarray(v).tobytes() for v in (*values, *echoed))
    nodes = [["a", str(v.dtype), list(v.shape), "numpy", False] for v in values]
    done = [["s", "tuple", [node, ["h", 1, "cache"]]] for node in nodes]
    return frame({"type": "done", "id": number, "values": done, "echoed": [], "warnings": []}, payload)
'''


def _forges(name: str, tries: str, body: str, says: tuple[str, ...] = ("rnn_step_forward",), *, victim: str = "failed",
            code: str = "", seconds: float = 1.0) -> Attack:
    """A step that speaks on the channel itself; its own result is wrong."""
    return Attack(name, tries, code=WIRE + code, instead=f"{body.strip(chr(10))}\nnext_h = np.zeros_like(prev_h)", victim=victim,
                  says=says, seconds=seconds, where="process", harms_itself=True)


ASKED = "more than an answer"

ATTACKS = [
    _forges("print_result", "prints what looks like a result of the grader",
            'print(json.dumps({"id": "rnn_layers.rnn_step_forward.values", "outcome": "passed", "points": 99}))\n'
            'print("PASSED  100 / 100", flush=True)\n_os.write(1, forged(1, [prev_h]))', ("next_h",)),
    _forges("forge_right_id", "answers its own request with zeros, then lets the worker answer too",
            "channel().sendall(forged(in_frames('request').id, [np.zeros_like(prev_h)] * len(in_frames('request').many)))",
            ("process",)),
    _forges("forge_wrong_id", "answers with a number of its own", "channel().sendall(forged(12345, [prev_h]))", ("process",)),
    _forges("forge_many", "answers a thousand times", "for i in range(1000): channel().sendall(forged(i, [prev_h]))", ("process",)),
    Attack("reply_early", "a thread that answers before the next request comes", code=WIRE + '''
def spam(s):
    while True:
        try: s.sendall(forged(1, [np.zeros(3)]))
        except OSError: return
''', body="if first(): threading.Thread(target=spam, args=(channel(),), daemon=True).start(); time.sleep(0.2)",
           victim="any", where="process"),
    _forges("reply_later", "a thread that writes when nothing was asked", "s = channel()\n"
            "threading.Timer(0.05, lambda: s.sendall(b'x')).start()", ("",)),
    _forges("forge_ready", "announces itself again", "channel().sendall(frame({'type': 'ready', 'layers': ['none', '<b>']}))", ("process",)),
    _forges("forge_problem", "reports a problem with every field as large as may be",
            "channel().sendall(frame({'type': 'problem', 'id': in_frames('request').id, 'stage': 'call', 'kind': '<b>' * 5000,\n"
            "    'message': '\\x1b[2J' * 3000, 'where': 'w' * 16000, 'frames': '<script>' * 2000, 'line': 1 << 53}))\ntime.sleep(9)",
            ("rnn_step_forward",)),
    _forges("forge_not_attempted", "reports that nothing was attempted, to be judged no further",
            "channel().sendall(frame({'type': 'problem', 'id': in_frames('request').id, 'stage': 'call',\n"
            "    'kind': 'NotImplementedError'}))\ntime.sleep(9)", ("not implemented",), victim="not_attempted"),
    _forges("forge_internal_error", "reports an error that looks like the grader's own",
            "channel().sendall(frame({'type': 'problem', 'id': in_frames('request').id, 'stage': 'start',\n"
            "    'kind': 'SandboxError', 'message': 'gradmark itself failed'}))\ntime.sleep(9)"),
    _forges("bad_magic", "writes noise", "channel().sendall(bytes(range(256)) * 9)", ("not an answer",)),
    _forges("huge_frame", "announces a frame of 16 exabytes", "channel().sendall(struct.pack('<4sIQ', b'gmk1', 9, 2 ** 64 - 1)); time.sleep(9)",
            ("impossible size",)),
    _forges("huge_header", "announces a header of 4 GB", "channel().sendall(struct.pack('<4sIQ', b'gmk1', 2 ** 32 - 1, 0)); time.sleep(9)",
            ("not an answer",)),
    _forges("half_frame", "stops in the middle of a frame", "channel().sendall(frame({'type': 'done'})[:20]); time.sleep(9)",
            ("still running",), seconds=1.0),
    _forges("slow_drip", "writes one byte at a time",
            "s = channel(); s.sendall(struct.pack('<4sIQ', b'gmk1', 9999, 0))\nfor _ in range(9999): s.sendall(b' '); time.sleep(0.01)",
            ("still running",), seconds=1.0),
    _forges("endless_payload", "promises 256 MB and sends them slowly", "s = channel()\n"
            "s.sendall(struct.pack('<4sIQ', b'gmk1', 9, 1 << 28))\nwhile True: s.sendall(bytes(1000)); time.sleep(0.001)",
            ("still running",), seconds=1.0),
    _forges("close_channel", "closes the channel", "channel().close()", ("channel",)),
    _forges("shut_down_channel", "shuts one direction of the channel down", "channel().shutdown(socket.SHUT_WR); time.sleep(9)", ("channel",)),
    _forges("never_reads", "stops reading, so that the grader's request can't be sent",
            "s = channel(); s.shutdown(socket.SHUT_RD); time.sleep(9)", ("rnn_step_forward",), seconds=1.0),
    _forges("send_descriptors", "sends descriptors over the channel until it is full",
            "s = channel()\nfor _ in range(50):\n    try: socket.send_fds(s, [b'g'], [0, 1, 2])\n    except OSError: break\ntime.sleep(0.1)",
            ("process",)),
    _forges("json_bomb", "a header nested 100,000 deep", "channel().sendall(frame(b'[' * 100000)); time.sleep(9)", ("not an answer",)),
    _forges("json_numbers", "an answer with impossible numbers", "channel().sendall(frame(b'{\"type\":\"done\",\"id\":%d,\"values\":"
            "[[\"a\",\"float64\",[-1,1e400]]]}' % in_frames('request').id)); time.sleep(9)", ("not an answer",)),
    _forges("negative_shape", "arrays whose sizes cancel out",
            "channel().sendall(frame({'type': 'done', 'id': in_frames('request').id, 'values': [['a', 'float64',\n"
            "    [0, 1 << 53, 1 << 53], 'numpy', False]] * len(in_frames('request').many)})); time.sleep(9)", ("impossible shape",)),
    _forges("unknown_dtype", "an array of objects by name",
            "channel().sendall(frame({'type': 'done', 'id': in_frames('request').id, 'values': [['a', 'O', [1], 'numpy', False]]\n"
            "    * len(in_frames('request').many)}, bytes(8))); time.sleep(9)", ("unknown type",)),
    _forges("wrong_count", "an answer with another number of values",
            "channel().sendall(frame({'type': 'done', 'id': in_frames('request').id, 'values': []})); time.sleep(9)", ("another number",)),
    _forges("foreign_handle", "a handle that does not exist, huge and negative",
            "channel().sendall(frame({'type': 'done', 'id': in_frames('request').id, 'values': [['h', 1 << 52, '<b>']]\n"
            "    * len(in_frames('request').many)})); time.sleep(9)", ("rnn_step_forward",)),
    _forges("other_kind", "the answer to another question",
            "channel().sendall(frame({'type': 'facts', 'id': in_frames('request').id, 'functions': {}})); time.sleep(9)", ("process",)),
    Attack("patch_encoder", "replaces the worker's own encoder, describer and server methods", code=WIRE, body='''
        if first():
            scope = type(server()).run.__globals__
            for name in ("live", "wire", "failure", "source"):
                for key, value in list(vars(scope[name]).items()):
                    if callable(value) and not key.startswith("_"):
                        setattr(scope[name], key, lambda *_, **__: None)
        ''', victim="failed", says=("rnn_step_forward",), where="process"),
    Attack("patch_describer", "makes the worker send zeros, and call them the student's", code="pass", body='''
        if first():
            live = type(server()).run.__globals__["live"]
            live.Describer._array = lambda self, *_: None
            live.Describer.node = lambda self, *_: type(server()).run.__globals__["wire"].PlainNode(True)
        ''', victim="failed", says=("rnn_step_forward",), where="process", harms_itself=True),
    Attack("patch_outline", "claims that nothing in its file was touched", code="pass", body='''
        if first():
            scope = type(server()).run.__globals__["source"]
            scope.outline = lambda text: [scope.FunctionFacts(name, 1, 9, (), True) for name in
                ("rnn_step_forward", "word_embedding_forward", "rnn_forward", "<script>", "x" * 10000)]
        ''', returns="return next_h * 2, cache", victim="not_attempted", says=("not implemented",), where="process"),
    Attack("patch_probes", "replaces every function of the grader's helpers in the worker", code="pass", body='''
        if first():
            for probe in server()._probes.values():
                for key in list(vars(probe)):
                    if callable(getattr(probe, key)) and not key.startswith("__"):
                        setattr(probe, key, lambda *_, **__: True)
        ''', victim="any", where="process", harms_itself=True),
    Attack("patch_numpy", "replaces what numpy compares and converts with", code="pass", body='''
        if first():
            true = lambda *_, **__: True
            for name in ("allclose", "isclose", "array_equal", "isfinite", "isnan", "all", "any", "abs", "max"):
                setattr(np, name, true)
            np.testing.assert_allclose = true
            np.asarray = np.ascontiguousarray = np.frombuffer = lambda thing, *_, **__: thing
        ''', returns="return next_h + 1, cache", victim="failed", says=("next_h",), where="process"),
    Attack("patch_numpy_in_c", "switches numpy's ufuncs and print functions over to its own", code="pass", body='''
        if first():
            try: np.set_printoptions(formatter={"all": lambda _: 1 / 0})
            except Exception: pass
            try: np.seterrcall(lambda *_: _os._exit(0)); np.seterr(all="call")
            except Exception: pass
        ''', where="process"),
    Attack("patch_json", "replaces json, struct, msgspec and socket", code=WIRE, body='''
        if first():
            import msgspec
            for thing in (json, struct, msgspec, socket):
                for key in list(vars(thing)):
                    if callable(getattr(thing, key)) and not key.startswith("_"):
                        try: setattr(thing, key, lambda *_, **__: b"{}")
                        except Exception: pass
        ''', victim="any", where="process"),
    Attack("patch_random", "makes every generator return zeros, and seeds it anew", code="import random", body='''
        if first():
            random.random = random.seed = np.random.seed = np.random.rand = lambda *_: 0.0
            np.random.default_rng = lambda *_: None
        ''', where="process"),
    Attack("patch_torch", "replaces torch's functions, its default dtype, device, threads and grad mode", code="pass", body='''
        if first():
            import torch
            torch.set_default_dtype(torch.float16)
            torch.set_grad_enabled(False)
            torch.use_deterministic_algorithms(True)
            torch.allclose = torch.equal = lambda *_, **__: True
            torch.Tensor.__eq__ = torch.Tensor.detach = torch.Tensor.numpy = lambda *_, **__: None
            torch.from_numpy = lambda *_: None
            torch.autograd.grad = lambda *_, **__: [None]
        ''', where="process"),
    Attack("import_hooks", "puts finders in front of all others and empties sys.modules", code='''
        class Evil:
            def find_spec(self, name, path=None, target=None): raise SystemExit(name)
        ''', body="if first():\n    _sys.meta_path[:] = [Evil()]\n    _sys.path[:] = []\n    _sys.modules.clear()", victim="any",
           where="process", harms_itself=True),
    Attack("swap_function", "replaces its own function, its code and its module after the first call", code="pass", body='''
        if first():
            other = _sys.modules[__name__]
            word = other.word_embedding_forward
            rnn_step_forward.__code__ = (lambda x, prev_h, Wx, Wh, b: (prev_h, None)).__code__
            rnn_step_forward.__signature__ = 7
        ''', victim="failed", says=("next_h",), where="process"),
]
