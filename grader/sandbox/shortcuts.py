"""Notes which of some named functions student code calls, and from where. Runs in the worker, beside student code.

The names come from the rubric. A call is seen however the function was reached (an alias, a subclass, the builtin
behind it): the interpreter reports every call of a Python function and of a builtin, and what is called is known
by its code, not by its name in the text. What builtins call (`map`, `partial`) is told by torch instead.
What is noted is a hint for staff: student code shares this process, and may undo what it finds here.
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any

from grader.sandbox import wire

MAX_SEEN = 40  # distinct pairs of a called function and its caller
MAX_CHAIN = 6  # functions of the submission between a call and the grader
MAX_FRAMES = 400  # looked through for them
MAX_EVENTS = 20_000  # of one call: a few milliseconds, however slow the student's code is
MAX_TOLD = 2_000
MAX_KEPT = 500  # functions of torch whose names are remembered
# What switches the observation off, finds its notes, or runs code outside it; called by the student's own line.
EVASIONS = (
    "sys.setprofile", "sys.getprofile", "sys._getframe", "threading.setprofile", "threading.getprofile",
    "_thread.start_new_thread", "gc.get_objects", "gc.get_referrers",
)  # fmt: skip

_IMPORTS = "<frozen importlib"
_setprofile, _set_for_threads, _get_ident = sys.setprofile, threading.setprofile, threading.get_ident
_main_thread = threading.get_ident()  # of the warm parent; a fork keeps it


class Observer:
    """A context manager: while it is open, calls of the functions `names` by code in `folder` are noted.

    Without names it does nothing.
    """

    def __init__(self, names: Sequence[str], folder: str) -> None:
        self._idle = not names
        self._folder = folder + os.sep
        self._sought = Sought(names)
        self._codes: dict[
            CodeType, str
        ] = {}  # what a Python function is called here; "" if nobody asks for it
        self._builtins: dict[Any, str] = {}
        self._found: dict[tuple[str, CodeType], wire.Seen] = {}
        self._kept: list[Any] = []
        self._names_told: dict[Any, str] = {}  # the same of what torch tells; always the same few functions
        self._told = False
        self._left = MAX_EVENTS
        self._mode: Any = None if self._idle or "torch" not in sys.modules else _torch_mode(self._note_torch)

    def by(self, torch: bool) -> Observer:
        """Itself, from now on told by torch, or by the interpreter."""
        self._told = torch and self._mode is not None
        self._left = MAX_TOLD if self._told else MAX_EVENTS
        return self

    def __enter__(self) -> Observer:
        if self._told:
            self._mode.__enter__()
        elif not self._idle:
            _set_for_threads(self._note)
            _setprofile(self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._told:
            self._mode.__exit__(None, None, None)
        elif not self._idle:
            _setprofile(None)
            _set_for_threads(None)

    def take(self) -> list[wire.Seen]:
        """What was noted since the last time."""
        seen, self._found = list(self._found.values()), {}
        return seen

    def _note(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            name = self._codes.get(frame.f_code)
            if name is None:
                name = self._known(frame)
            caller = frame.f_back
        elif event == "c_call":
            owner = arg.__self__
            key = (owner if type(owner) is ModuleType else type(owner), arg.__name__)
            name = self._builtins.get(key)
            if name is None:
                name = self._builtins[key] = self._sought.builtin(arg)
            caller = frame
        else:
            self._left -= 1
            if self._left < 0:
                _setprofile(None)
            return
        if name and caller is not None:
            self._record(name, caller)

    def _note_torch(self, function: Any) -> None:
        """A call that torch tells of: also of an operator (`a @ b`), or by a builtin such as `map`."""
        self._left -= 1
        if self._left < 0:
            return
        name = self._names_told.get(id(function))
        if name is None:
            name = self._name_of_torch(function)
        if name:
            self._record(name, sys._getframe(2))

    def _name_of_torch(self, function: Any) -> str:
        code = getattr(function, "__code__", None)
        name = self._codes.get(code) if isinstance(code, CodeType) else None
        if name is None:
            name = self._sought.torch_function(function, code)
        if inspect.isroutine(function) and len(self._kept) < MAX_KEPT:
            self._kept.append(function)  # so that no other one gets its number
            self._names_told[id(function)] = name
        return name

    def _known(self, frame: FrameType) -> str:
        code = frame.f_code
        if code.co_qualname in _OPERATORS:  # one code for all operators: told apart at each call
            return self._sought.operator(frame)
        name = self._codes[code] = (
            "" if code.co_filename.startswith(self._folder) else self._sought.code(frame)
        )
        return name

    def _record(self, name: str, caller: FrameType) -> None:
        """Notes the call for the nearest function of the submission, unless something that is sought made it."""
        own: list[FrameType] = []
        for frame in _outwards(caller):
            code = frame.f_code
            if code.co_filename.startswith(self._folder):
                own.append(frame)
            elif not own and (code.co_filename.startswith(_IMPORTS) or self._codes.get(code)):
                return
            elif not own and name in EVASIONS:
                return  # a library's own affair
            if len(own) == MAX_CHAIN:
                break
        if len(self._found) >= MAX_SEEN or (not own and _get_ident() == _main_thread):
            return  # without a caller, in the first thread: our own probes
        nearest = own[0] if own else caller
        key = (name, nearest.f_code)
        if key not in self._found:
            line = nearest.f_lineno or 0 if own else 0
            self._found[key] = wire.Seen(name[:200], line, [self._place(frame) for frame in own])

    def _place(self, frame: FrameType) -> str:
        """The function of a frame: "cs231n.rnn_layers:rnn_forward", whatever is nested in it."""
        code = frame.f_code
        module = code.co_filename[len(self._folder) :].removesuffix(".py").replace(os.sep, ".")
        return f"{module}:{code.co_qualname.partition('.<')[0]}"[:400]


class Sought:
    """The named functions, found before any student file is imported.

    A name may be a function, a class (any of its methods), a module or package (all that is defined in it), or a
    pattern over full names: "torch.*scaled_dot_product*".
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._patterns = tuple(name for name in names if _is_pattern(name))
        self._plain = tuple(name for name in names if not _is_pattern(name))
        self._by_code: dict[CodeType, str] = {}
        self._by_file: list[tuple[str, str]] = []
        self._full: dict[str, str] = dict.fromkeys(
            EVASIONS, ""
        )  # full name or its beginning -> name in the list
        for name in self._plain:
            self._find(name)
        self._full |= {name: name for name in (*self._plain, *EVASIONS)}

    def _find(self, name: str) -> None:
        if path := _path_of(name):
            self._by_file.append((path, name))
            return
        thing = _resolve(name)
        methods = vars(thing).values() if isinstance(thing, type) else ()
        for function in (thing, *methods):
            for code in _codes_of(function):
                self._by_code[code] = name
        if inspect.isbuiltin(thing):
            self._full[_builtin_name(thing)] = name

    def code(self, frame: FrameType) -> str:
        """What a Python function that was just entered is called, "" if it is not sought."""
        code = frame.f_code
        if code in self._by_code:
            return self._by_code[code]
        full = f"{frame.f_globals.get('__name__', '')}.{code.co_qualname}"
        if any(code.co_filename.startswith(path) for path, _ in self._by_file):
            return (
                "" if code.co_name == "<module>" else full.removesuffix(".__init__").removesuffix(".forward")
            )
        return self._named(full)

    def torch_function(self, function: Any, code: Any) -> str:
        """The same for what torch hands to `__torch_function__`: a function, a builtin, a method of tensors."""
        if code in self._by_code:
            return self._by_code[code]
        if inspect.isbuiltin(function):
            return self.builtin(function)
        home = getattr(function, "__module__", None) if code else "torch.Tensor"
        full = f"{home}.{getattr(function, '__name__', '')}"
        return full if any(name == "torch" for _, name in self._by_file) else self._named(full)

    def operator(self, frame: FrameType) -> str:
        """The same for an operator of `torch.ops`."""
        operator = frame.f_locals.get("self")
        full = str(getattr(operator, "_qualified_op_name", "") or getattr(operator, "_name", ""))
        full = "torch.ops." + full.replace("::", ".")
        return full if any(name == "torch" for _, name in self._by_file) else self._named(full)

    def builtin(self, function: Any) -> str:
        """The same for a builtin function or method."""
        full = _builtin_name(function)
        owned = any(full.startswith(f"{name}.") for _, name in self._by_file)
        return full if owned else self._named(full)

    def _named(self, full: str) -> str:
        for start in _starts(full):
            if found := self._full.get(start):
                return found
        return full if any(fnmatchcase(full, pattern) for pattern in self._patterns) else ""


_OPERATORS = ("OpOverloadPacket.__call__", "OpOverload.__call__")


def _torch_mode(note: Callable[[Any], None]) -> Any:
    """A context in which torch tells `note` of each of its functions that is called with the interpreter unaware."""
    from torch.overrides import TorchFunctionMode

    class Telling(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            note(func)
            return func(*args, **(kwargs or {}))

    return Telling()


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    for _ in range(MAX_FRAMES):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _is_pattern(name: str) -> bool:
    return any(character in name for character in "*?[")


def _starts(full: str) -> Iterator[str]:
    """ "a.b.c", "a.b", "a"."""
    while full:
        yield full
        full = full.rpartition(".")[0]


@functools.cache
def _path_of(name: str) -> str:
    """Where the code of a module or package lies (a folder ends with a slash); "" for anything else.

    Nothing is imported: what is not installed, or not loaded yet, is known by its name alone.
    """
    top, _, rest = name.partition(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return ""
    if spec is None or not spec.origin or not spec.submodule_search_locations:
        return "" if rest or spec is None else spec.origin or ""
    place = os.path.join(os.path.dirname(spec.origin), *rest.split("."))
    if os.path.isdir(place):
        return place.rstrip(os.sep) + os.sep
    return place + ".py" if os.path.isfile(place + ".py") else ""


def _resolve(name: str) -> Any:
    """The object of a dotted name if its module is loaded."""
    for start in _starts(name):
        if start in sys.modules:
            thing: Any = sys.modules[start]
            for part in filter(None, name[len(start) :].split(".")):
                thing = getattr(thing, part, None)
            return thing
    return None


def _codes_of(function: Any) -> Iterator[CodeType]:
    """The code of a function and of all that it wraps."""
    for _ in range(8):
        function = getattr(function, "__func__", function)
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType):
            yield code
        function = getattr(function, "__wrapped__", None)
        if function is None:
            return


def _builtin_name(function: Any) -> str:
    """The full name of a builtin, by what it is bound to: unlike its `__module__`, that can't be changed."""
    owner, name = function.__self__, function.__name__
    if isinstance(owner, ModuleType):
        return f"{owner.__name__}.{name}"
    if owner is None and function.__qualname__.startswith("_VariableFunctionsClass."):
        return f"torch.{name}"
    kind = owner if isinstance(owner, type) else type(owner)
    home = next((base for base in type.mro(kind) if name in vars(base)), kind)
    return f"{home.__module__}.{home.__qualname__}.{name}"
