"""Notebooks made to stop or mislead whoever reads and runs them.

Text that took an hour to read has a timeout in place of a measurement: it has to be read at all.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from grader.notebook import answers, code, execute, readings
from grader.notebook.document import Unreadable, parse
from grader.notebook.steps import Step
from reports import notebooks as shown
from tests.notebook.handins import examined, solved, stream
from tests.notebook.test_damaged import with_outputs
from tests.notebook.test_execution import copied, run, zygote  # noqa: F401 (fixtures)

LONG = 100_000
FILLERS = (
    "x",
    " ",
    "\n",
    "1",
    "?",
    "a ",
    "a=",
    "\r",
    "x\r",
    "![",
    "error ",
    "error",
    "_",
    ">",
    "*",
    "\t",
    "\n!",
    "[check] a: b",
)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("filler", FILLERS, ids=repr)
def test_long_text_is_read_at_once(filler: str) -> None:
    """Not one of the patterns for outputs, sources and answers looks at every part of every part of a line."""
    for text in (
        (filler * LONG)[:LONG],
        "a error" + (filler * LONG)[:LONG] + "\0",
        "x " + (filler * LONG)[:LONG] + " x",
    ):
        execute._tidy(text)
        code.colab(text)
        code.plain(text)
        code.features(text)
        readings.compare(Step("a", "A", code.features("x"), (), "y"), text[:40_000], text[:40_000])
        readings.values(Step("a", "A", code.features("x")), "a error", text)
        answers._HEADING.match(text)
        answers._EMPTY.match(text)
        answers.minimax(text[:12_000])
        shown.markdown(text[:12_000])


def test_a_progress_bar_shows_what_it_wrote_last() -> None:
    """Windows' line ends are no return to the beginning of a line."""
    assert execute._tidy("1%\r50%\r100%\ndone\r\nlast\r") == "100%\ndone\nlast"


MADE = json.dumps(solved())
FILES = {
    "nested lists": '{"cells": ' + "[" * 500_000 + "]" * 500_000 + ', "nbformat": 4}',
    "nested metadata": MADE[:-1] + ', "x": ' + '{"a":' * 200_000 + "1" + "}" * 200_000 + "}",
    "giant integers": MADE.replace('"execution_count": ', '"execution_count": ' + "9" * 5000, 1),
    "giant format": MADE.replace('"nbformat": 4', '"nbformat": ' + "4" * 400, 1),
    "numbers that are none": MADE.replace('"nbformat": 4', '"nbformat": NaN, "x": [Infinity, -Infinity, 1e999]', 1),
    "keys twice": MADE.replace('"nbformat": 4', '"nbformat": 4, "cells": [], "cells": {}', 1),
    "half a surrogate pair": MADE.replace("rel_error", "\\ud800rel_error", 1),
    "one line of 30 MB": MADE.replace("rel_error", "x" * (30 << 20), 1),
    "a million empty cells": '{"nbformat": 4, "cells": [' + "{}," * 999_999 + "{}]}",
    "a million outputs": MADE.replace('"outputs": [', '"outputs": [' + "{}," * 300_000 + "{}," , 1),
    "a source of lists": MADE.replace('"source": ', '"source": [[["x"]]], "y": ', 1),
    "attachments that lead away": MADE.replace('"cell_type": "markdown"', '"attachments": {"../../x.png": {"image/png": "AAAA"},'
                                               '"x](javascript:alert(1))": {"text/html": "<script>"}}, "cell_type": "markdown"'),
    "cells of other kinds": MADE.replace('"cell_type": "code"', '"cell_type": {"a": 1}', 1),
    "byte order marks": "\ufeff\ufeff" + MADE,
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", FILES)
def test_a_crafted_file_is_read_or_refused(kind: str) -> None:
    """Whatever the JSON holds, it is a document or a message in words."""
    try:
        made = parse(FILES[kind].encode("utf-8", "surrogatepass"), "RNN_Captioning.ipynb")
    except Unreadable as error:
        said = error.message
        assert said.startswith("RNN_Captioning.ipynb ")
        assert len(said) < 300
    else:
        assert len(made.cells) <= 2000
        assert all(len(remark) < 1000 for remark in made.remarks)


@pytest.mark.timeout(120)
def test_thousands_of_printed_errors_are_read(tmp_path: Path) -> None:
    """Each name that a cell prints would be looked for in all of its text."""
    printed = "".join(f"e{number} error: 1e-9\n" for number in range(2500))
    made = with_outputs(solved(), stream(printed))
    result = examined(tmp_path, made, "RNN_Captioning.ipynb")[0]
    assert result.file


LINKS = (
    "[x](javascript:alert(1))", "[x](JaVaScRiPt&colon;alert(1))", "[x](data:text/html;base64,AAAA)", "<javascript:alert(1)>",
    "[x](vbscript:x)", "[x](file:///etc/passwd)", "![x](http://evil/x.png)", "[x]: javascript:alert(1)\n\n[x]", "<img src=x onerror=a>",
    "<svg><script>alert(1)</script></svg>", "<iframe srcdoc='<script>'>", "$\\href{javascript:alert(1)}{x}$", "$\\text{<script>alert(1)</script>}$",
    "$\\unicode{x3c}script>$", "`<script>`", "```html\n<script>alert(1)</script>\n```", "$\\style{color:red}{x}$", "$\\class{a}{x}$",
    "| <b onclick=x> | \n|-|\n| <script> |", "&lt;script&gt;alert(1)", "<math><mtext><script>alert(1)</script></mtext></math>",
    "$\\def\\a{\\a\\a}\\a$", "$" + "{" * 90 + "}" * 90 + "$", "\u202ecod.exe", "[x](https://example.org 'onmouseover=alert(1)')",
)  # fmt: skip


BAD = (
    "<script", "<svg", "<img", "<iframe", "onerror=", "onclick=", 'href="javascript', 'href="data', 'href="vb', 'href="file',
    "style=",
)  # fmt: skip


@pytest.mark.parametrize("source", LINKS)
def test_an_answer_holds_no_script_and_no_foreign_address(source: str) -> None:
    """Links lead to the web or nowhere, pictures are not fetched, formulas carry no markup."""
    made = str(shown.markdown(f"Answer: {source}\n\nend")).lower()
    made = re.sub(r"&lt;.*?&gt;", "", made, flags=re.DOTALL)  # as text they may be there
    for bad in BAD:
        assert bad not in made
    assert "\u202e" not in made
    assert "end" in made


CELLS = {
    "prints from a thread later": "import threading, time\ndef later():\n    time.sleep(0.3); print('[check] rnn_step_forward: next_h = 0 (at most 1)')\n"
    "threading.Thread(target=later).start()",
    "another shell": "import IPython.core.interactiveshell as i\ni.InteractiveShell.run_cell = lambda *a, **k: None\nget_ipython = None",
    "hooks of the shell": "ip = get_ipython()\nip.events.register('post_run_cell', lambda *_: 1 / 0)\n"
    "ip.input_transformers_cleanup.append(lambda lines: ['import os; os._exit(0)'])",
    "a display that never ends": "class E:\n    def _repr_png_(self):\n        while True: pass\nE()",
    "a display that lies": "class L(str):\n    def __len__(self): return 1\nclass D:\n    def _repr_mimebundle_(self, **k): return {L('text/plain'): L('x' * 10**6), 5: object(), 'image/png': b'x' * 10**6}\nD()",
    "answers for the worker": "import sys\nf = sys._getframe()\nwhile f:\n    if type(f.f_locals.get('self')).__name__ == 'Server':\n        f.f_locals['self']._channel.sendall(b'gmk1' * 9)\n        break\n    f = f.f_back",
    "replaces the reply": "import sys, gc\nfor d in gc.get_objects():\n    if isinstance(d, dict) and '_dumps' in d and '_shell' in d:\n        d['_dumps'] = lambda *_: '{\"outputs\": [' + '[' * 100000",
    "a reply of millions": "import gc\nfor d in gc.get_objects():\n    if isinstance(d, dict) and '_dumps' in d and '_shell' in d:\n        d['_dumps'] = lambda *_: '{\"dropped\": {' + ','.join(f'\"{i}\":1' for i in range(300000)) + '}}'",
    "reads the grader": "for p in ('/proc/1/environ', '/etc/passwd', '../../../../etc/passwd'):\n    try: print('BREACH', open(p).read(5))\n    except OSError: pass",
    "reads through a link": "import os\nos.symlink('/etc', 'etc')\ntry: print('BREACH', os.listdir('etc'))\nexcept OSError: pass",
    "leaves the folder": "import os\nos.chdir('/')\ntry: print('BREACH', open('tmp/gradmark-breach', 'w'))\nexcept OSError: pass",
    "a magic of its own": "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef matplotlib(line): raise SystemExit\n%matplotlib inline",
    "loads an extension": "%load_ext os",
    "writes a startup file": "%%writefile ipython_config.py\nraise SystemExit",
    "terminal codes": "print('\\x1b[2J\\x1b]0;owned\\x07' + '\\u202e' + '<script>alert(1)</script>')",
    "stops for ever": "%debug\nbreakpoint()",
    "an endless line": "print('x' * 10**7, end='')",
    "returns without end": "print('x\\r' * 10**6)",
    "ends in its destructor": "class B:\n    def __del__(self):\n        import os; os._exit(0)\nb = B(); del b",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(280)
def test_hostile_cells_harm_themselves_alone(run, tmp_path: Path) -> None:  # noqa: F811
    """Each in a notebook with an honest cell before it; nothing is reached, and all text can be shown."""
    for name, source in CELLS.items():
        first, second = run("print('before')", source)
        assert first.text == "before\n", name
        assert second.state in ("ran", "failed", "died"), name
        told = repr(second.outputs) + repr(second.error) + second.text + second.cause
        assert "BREACH" not in told, name
        assert not {"\x1b", "\u202e", "\x07"} & set(second.text), name
        assert sum(len(out.text) for out in second.outputs) < 200_000, name
    assert not Path("/tmp/gradmark-breach").exists()


@pytest.mark.slow
def test_a_cell_that_kills_only_when_it_runs_again(run) -> None:  # noqa: F811
    """The process is lost, a new one runs the earlier cells again, and one of them ends that, too: no fault of ours."""
    end = time.time() + 8  # by then the process has started, and the cell is not stopped for its length
    again = f"import os, time\nif time.time() > {end}: os._exit(0)"
    kill = f"import os, time\ntime.sleep(max(0, {end} + 0.2 - time.time())); os._exit(1)"
    runs = run(again, kill, "1", "2", "3", "4")
    assert [one.state for one in runs] == ["ran", "died", "not run", "not run", "not run", "not run"]
    assert "when they were run again" in runs[2].cause
    assert "too many" in runs[-1].cause


def test_an_honest_notebook_is_read_as_before(tmp_path: Path) -> None:
    """All of the above changes nothing for honest work."""
    assert not [f for f in examined(tmp_path, solved(), "RNN_Captioning.ipynb")[0].findings if f.problem]
