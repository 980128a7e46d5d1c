"""Cells are run in a locked-down worker: what they do stays there, what becomes of them is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.notebook import executed
from grader.notebook.execute import FAST, CellRun, Profile, run_notebook, start
from grader.notebook.judge import Runner
from grader.results import NotebookFinding
from grader.sandbox.client import Zygote
from grader.session import REFERENCE, TEMPLATE
from tests.notebook import originals
from tests.notebook.handins import cell_with, code, document, edit, examined, found, kinds, of_cells, solved

SHORT = Profile(cell_seconds=1.5, notebook_seconds=30.0, batches=3, memory_bytes=256 << 20)

pytestmark = pytest.mark.xdist_group("notebooks")


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with start() as started:
        yield started


def copied(source: Path, tmp_path: Path) -> Path:
    """A submission's copy as `grader.collect` makes it: readable by anybody."""
    root = tmp_path / "submission"
    shutil.copytree(source / "cs231n", root / "cs231n", ignore=shutil.ignore_patterns("__pycache__"))
    tmp_path.chmod(0o755)
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return root


@pytest.fixture
def run(zygote: Zygote, tmp_path: Path):
    """Runs the given sources as the cells of one notebook: what became of each."""
    root = copied(REFERENCE, tmp_path)

    def go(*sources: str, profile: Profile = SHORT) -> list[CellRun]:
        return run_notebook(zygote, root, document(of_cells(*map(code, sources))).cells, profile)

    return go


def test_a_cell_that_raises_stops_nobody(run) -> None:
    """The cells after it run; its error has kind, message, the line, and no path of this machine."""
    first, second, third = run("x = 1", "x / 0", "print(x)")
    assert (first.state, second.state, third.state) == ("ran", "failed", "ran")
    assert second.error is not None
    assert second.error.kind == "ZeroDivisionError"
    assert "----> 1 x / 0" in second.error.traceback
    assert third.text == "1\n"


def test_text_results_and_figures_are_kept_in_order(run) -> None:
    """Printed text, the last value and figures come back as Jupyter would show them; text of others, too."""
    (made,) = run(
        "import matplotlib.pyplot as plt\nprint('a')\nplt.plot([1, 2]); plt.show()\nprint('b')\n{'x': 3}"
    )
    shown = [out.text or sorted(out.data) for out in made.outputs]
    assert shown == ["a\n", ["image/png", "text/plain"], "b\n", ["text/plain"]]
    assert made.outputs[-1].data["text/plain"] == "{'x': 3}"


def test_a_process_that_ends_is_named_and_replaced(run) -> None:
    """`os._exit` costs the cells after it nothing: a new process runs the earlier ones again."""
    before, died, after = run("import os\nx = 5", "os._exit(3)", "print(x)")
    assert (before.state, died.state, after.state) == ("ran", "died", "ran")
    assert "3" in died.cause
    assert after.text == "5\n"


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("while True: pass", "cpu"),
        ("x = [bytearray(1 << 26) for _ in range(99)]", ""),
        ("print('x' * (80 << 20))", "output"),
    ],
    ids=["endless loop", "memory", "80 MB of output"],
)
def test_limits_hold(run, source: str, limit: str) -> None:
    """A cell that uses too much fails or dies; the next one runs."""
    first, second = run(source, "1 + 1")
    assert first.state == ("died" if limit else "failed")
    assert first.limit in (limit, "time" if limit == "cpu" else limit), "a busy machine meets the clock first"
    assert second.state == "ran"
    assert len(first.text) < 100_000


def test_too_many_deaths_end_the_notebook(run) -> None:
    """The rest is not run, and says why."""
    runs = run(*["import os; os._exit(1)"] * 6)
    assert [one.state for one in runs] == ["died"] * 4 + ["not run"] * 2
    assert "ended their process" in runs[-1].cause


def test_a_display_of_hundreds_of_megabytes_does_not_arrive(run) -> None:
    """What is displayed is cut in the worker: a picture and a text of 100 MB come as a remark."""
    (made,) = run(
        "from IPython.display import display\n"
        "display({'image/png': 'A' * (100 << 20)}, raw=True)\ndisplay({'text/plain': 'B' * (100 << 20)}, raw=True)",
        profile=FAST,
    )
    assert made.state == "ran"
    assert sum(len(text) for out in made.outputs for text in out.data.values()) < 100_000
    assert made.dropped == {"image/png": 1}


HOSTILE = {
    "asks for input": ("input('name? ')", "EOFError"),
    "starts a process": ("import subprocess; subprocess.run(['ls'])", "ProcessRefused|PermissionError|OSError"),
    "forks": ("import os; os.fork()", "ProcessRefused|PermissionError|OSError"),
    "uses the network": ("import socket; socket.create_connection(('1.1.1.1', 80), 1)", "OSError|gaierror|PermissionError"),
    "reads other files": ("open('/etc/passwd').read()", "PermissionError|FileNotFoundError"),
    "writes over the submission": ("open('cs231n/rnn_layers.py', 'w')", "PermissionError|OSError"),
    "looks for the answers": ("import reference", "ModuleNotFoundError"),
    "looks for the grader": ("import grader.notebook.inside", "ModuleNotFoundError"),
    "leaves": ("import sys; sys.exit(0)", "SystemExit"),
    "raises something that can't be shown": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E",
    ),
}  # fmt: skip


def test_hostile_cells_are_contained(run) -> None:
    """Each fails by itself in the same process, with the error that says so; the last cell still runs."""
    runs = run(*(source for source, _ in HOSTILE.values()), "print('alive')", profile=FAST)
    for (name, (_, wanted)), one in zip(HOSTILE.items(), runs, strict=False):
        assert one.state == "failed", (name, one)
        assert one.error is not None
        assert one.error.kind in wanted.split("|"), (name, one.error)
    assert runs[-1].text == "alive\n"


@pytest.mark.parametrize(
    "source",
    [
        "import os; os.close(3)",
        "import os; os.write(3, b'gmk1' * 100)",
        "import sys; sys.stdout = sys.stderr = None",
        "import json; json.dumps = lambda *a, **k: '[' * 10_000_000",
        "import numpy; numpy.frombuffer = lambda *a, **k: 'forged'",
        "from IPython import get_ipython; get_ipython().run_cell = lambda *a, **k: None",
        "get_ipython().execution_count = 'x'; del get_ipython",
        "import builtins; builtins.print = None",
        "import sys; sys.modules.clear()",
    ],
)
def test_a_meddled_process_harms_itself_alone(run, source: str) -> None:
    """Whatever is done to the shell, each cell has an outcome, and text stays text."""
    runs = run(source, "1 + 1")
    assert len(runs) == 2
    assert all(one.state in ("ran", "failed", "died") for one in runs)


def test_files_stay_in_the_copy(run, tmp_path: Path) -> None:
    """What a notebook writes is there for its next cells and nowhere else."""
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    _, read = run(
        "open('mine.txt', 'w').write('x'); import os; os.makedirs('results/a')",
        "print(open('mine.txt').read())",
    )
    assert read.text == "x\n"
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


COLAB = (
    "from google.colab import drive\ndrive.mount('/content/drive')\nFOLDERNAME = 'a3'\n"
    "%cd /content/drive/My\\ Drive/$FOLDERNAME\n!bash get_datasets.sh\n%pip install thop\nfiles = !ls\nimport os; os.chdir('/content')"
)


def test_colab_is_done_without(run) -> None:
    """Mounting, `%cd`, `!bash`, `%pip` and `%%bash` do nothing, are told, and leave the folder as it was."""
    first, second, third = run(
        COLAB, "%%bash\nwget http://example.org", "import os; print(os.path.isdir('cs231n'))"
    )
    assert first.state == second.state == "ran", (first, second)
    told = " ".join((*first.told, *second.told))
    for what in (
        "google.colab.drive.mount() /content/drive",
        "cd /content",
        "! bash get_datasets.sh",
        "%pip",
        "%bash",
    ):
        assert what in told
    assert third.text == "True\n"


def test_old_iterators_and_loaders_with_processes_work(run) -> None:
    """`.next()` of old notebooks, `num_workers=16`, and only as many batches as the profile gives."""
    (made,) = run(
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
        "loader = DataLoader(TensorDataset(torch.arange(100)), batch_size=2, num_workers=16, pin_memory=True)\n"
        "print(iter(loader).next()[0].tolist(), len(list(loader)))",
        profile=SHORT,
    )
    assert made.text == "[0, 1] 3\n", made


def test_the_handout_stops_at_the_first_function_that_is_not_written(zygote: Zygote, tmp_path: Path) -> None:
    """The message is the friendly one of the stub, and names what is to be done."""
    cells = [
        cell
        for cell in document((TEMPLATE / "RNN_Captioning.ipynb").read_bytes()).cells
        if "load_coco" not in cell.source
    ]
    setup = [
        code(
            "import numpy as np\nfrom cs231n.rnn_layers import *\nfrom cs231n.checking import rel_error, report"
        )
    ]
    step = next(cell for cell in cells if '"rnn_step_forward"' in cell.source)
    runs = run_notebook(
        zygote, copied(TEMPLATE, tmp_path), document(of_cells(*setup, code(step.source))).cells, SHORT
    )
    assert runs[0].state == "ran"
    assert runs[1].error is not None
    assert runs[1].error.kind == "NotImplementedError"
    assert runs[1].error.message.startswith("rnn_step_forward: ")


def shortened(made: dict[str, Any]) -> dict[str, Any]:
    """The cells that need no data."""
    made["cells"] = [
        cell
        for cell in made["cells"]
        if not any(w in "".join(cell["source"]) for w in ("load_coco_data(", "sample_coco", "solver."))
    ]
    first = "import numpy as np\nfrom cs231n.checking import rel_error, report\nfrom cs231n.gradient_check import *\nfrom cs231n.rnn_layers import *\nfrom cs231n.classifiers.rnn import CaptioningRNN"
    made["cells"].insert(0, code(first, count=1))
    return made


@pytest.fixture
def judged(zygote: Zygote, tmp_path: Path):
    """A notebook on the reference's code, or on code with a text replaced."""

    def go(made: dict[str, Any], *change: str):
        root = copied(REFERENCE, tmp_path)
        if change:
            path = root / "cs231n" / "rnn_layers.py"
            assert change[0] in path.read_text()
            path.write_text(path.read_text().replace(*change))
        return examined(tmp_path / "in", made, runner=Runner(zygote, root, FAST))[0]

    return go


WRONG = ("next_h = np.tanh(", "next_h = 0.9 * np.tanh(")


def test_forged_outputs_are_found_by_running(judged) -> None:
    """Stored numbers that the code does not print: the finding names both."""
    assert any(
        WRONG[0] in line for line in (REFERENCE / "cs231n" / "rnn_layers.py").read_text().splitlines()
    ), WRONG
    result = judged(shortened(solved()), *WRONG)
    differ = [
        finding
        for finding in found(result, "stored and executed differ")
        if finding.step == "rnn_step_forward"
    ]
    assert len(differ) == 1
    assert "next_h = 0, executed here it is 0.0526" in differ[0].message


def test_an_honest_run_agrees_with_its_outputs(judged) -> None:
    """The right code prints what is stored: nothing differs, nothing raises."""
    result = judged(shortened(solved()))
    assert not set(kinds(result)) - {"cell missing"}
    ran = {step.id: step.state for step in result.steps if step.readings and step.cell}
    assert set(ran.values()) == {"ran"}


def test_a_cell_that_needs_a_failed_one_says_so(judged) -> None:
    """An error that an earlier failure explains is a remark; a name that was defined again later explains nothing."""
    made = of_cells(
        code("import numpy as np\ns = []\nraise ValueError('x')\n"), code("y = np.nothing_there"), code("z = y + 1"),
        code("s[0]"), code("s = [1]"), code("s[5]"),
    )  # fmt: skip
    made["cells"] += shortened(solved())["cells"]
    result = judged(made)
    assert [f.message for f in found(result, "needs a failed cell")] == [
        "needs `y` of cell 2, which failed (NameError: name 'y' is not defined)",
        "needs `s` of cell 1, which failed (IndexError: list index out of range)",
    ]
    assert [f.cell for f in found(result, "raises")] == [1, 2, 6]


def test_the_executed_copy_opens_in_jupyter_and_holds_no_script(zygote: Zygote, tmp_path: Path) -> None:
    """It is a valid notebook of format 4.5 with our findings as outputs; HTML that a cell displays is not in it."""
    sources = (
        "from IPython.display import HTML, Javascript, display\ndisplay(HTML('<script>alert(1)</script>'))\nJavascript('alert(1)')",
        "1 / 0", "2 + 2",
    )  # fmt: skip
    made = document(of_cells(*map(code, sources)))
    runs = run_notebook(zygote, copied(REFERENCE, tmp_path), made.cells, SHORT)
    findings = [NotebookFinding(kind="raises", message="it divides by zero", cell=2)]
    data = executed.notebook(made, {one.index: one for one in runs}, findings)
    opened = nbformat.reads(data.decode(), as_version=4)
    nbformat.validate(opened)
    assert b"alert" not in b"".join(json.dumps(cell.get("outputs", [])).encode() for cell in opened.cells)
    assert "it divides by zero" in json.dumps(opened.cells[2].outputs)
    assert opened.cells[3].outputs[0]["data"]["text/plain"] == "4"


def test_a_rel_error_of_the_students_own_is_found(judged) -> None:
    """A cell that gives the judge's function another meaning is found, though every printed number is fine."""
    made = edit(shortened(solved()), "N, D, H = 3, 10, 4", "rel_error = lambda x, y: 0.0\nN, D, H = 3, 10, 4")
    result = judged(made, *WRONG)
    assert "judge replaced" in kinds(result)
    assert cell_with(made, "rel_error = lambda")


def test_cells_of_the_original_notebooks_run(zygote: Zygote, tmp_path: Path) -> None:
    """Colab's cell, `%pip`, the answer files: on right code the original checks print what they should."""
    runner = Runner(zygote, copied(REFERENCE, tmp_path), FAST)
    result, _ = examined(tmp_path / "in", originals.contrastive(), "Self_Supervised_Learning.ipynb", runner)
    verdicts = {step.id: [r.verdict for r in step.readings] for step in result.steps if step.cell}
    assert verdicts == {
        name: ["fine"] for name in ("sim", "loss_naive", "positive_pairs", "sim_matrix", "loss_vectorized")
    }
    assert not {"raises", "process ended", "above the bar"} & {finding.kind for finding in result.findings}
