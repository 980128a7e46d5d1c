"""What this machine offers for grading: layers of isolation, versions, room; and what to do about what is missing."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import grader
from grader import surroundings
from grader.errors import SandboxError
from grader.isolation import MEANING
from grader.notebook import execute
from grader.notebook.execute import INSIDE
from grader.results import Record
from grader.sandbox.client import Zygote
from grader.sandbox.level import LEVELS, PROCESS, RECOMMENDED, reaches
from grader.sandbox.lockdown import LAYERS

LEAST_MEMORY = 4 << 30  # a torch process and its limit of 2 GB
PRELOAD = ("numpy", "torch", "torchvision")
WITH_NOTEBOOKS = execute.PRELOAD
NAMED = ("python", *PRELOAD)  # whose versions are shown
_WHAT = {
    "namespaces": "a network, processes and files of its own for each worker",
    "Landlock": "rules on files, for everybody and without rights",
    "seccomp": "a filter of system calls: no processes, no network",
}


class Layer(Record, frozen=True, kw_only=True):
    """One layer of isolation."""

    name: str
    what: str
    there: bool
    why: str = ""  # it is missing
    remedy: str = ""


class Examination(Record, frozen=True, kw_only=True):
    """What `gradmark doctor` found."""

    gradmark: str
    platform: str
    versions: dict[str, str]  # python, numpy, torch, torchvision
    gpu: str
    memory_bytes: int  # 0: unknown
    disk_bytes: int  # free, where scratch folders go
    cores: int
    layers: tuple[Layer, ...]
    level: str  # that a run would use
    meaning: str
    detail: tuple[str, ...]
    recommended: str = RECOMMENDED
    findings: tuple[surroundings.Finding, ...] = ()  # everything else that was looked at
    problems: tuple[str, ...] = ()  # what of it would make grading fail or wrong, each with its remedy

    @property
    def fit(self) -> bool:
        """Grading other people's work can be recommended here."""
        return reaches(self.level, self.recommended) and not self.problems


def examine() -> Examination:
    """Looks at this machine; starts a worker to see what it is refused, and another for a notebook (about 5 s)."""
    scratch = surroundings.temporary()
    seen = _tried() if scratch.fine else _Seen(missing=dict.fromkeys(LAYERS, "no worker could be started"))
    memory, folder = _memory(), _temporary_folder()
    findings = (
        surroundings.python(), surroundings.torch(seen.versions, seen.without_torch), surroundings.gpu(_gpu()),
        seen.notebooks, surroundings.data(), scratch,
        surroundings.disk([folder, str(Path.cwd())]), surroundings.browser(),
    )  # fmt: skip
    problems = [f"{each.said} {each.remedy}".strip() for each in findings if each.needed and not each.fine]
    if seen.broken is not None:
        problems.insert(0, f"{seen.broken.message} {seen.broken.hint}".strip())
    level = seen.level
    return Examination(
        gradmark=grader.__version__, platform=platform.platform(), versions=seen.versions, gpu=findings[2].said,
        memory_bytes=memory, disk_bytes=shutil.disk_usage(folder).free, cores=os.cpu_count() or 1,
        layers=tuple(_layer(name, seen.missing.get(name, "")) for name in LAYERS),
        level=level, meaning=MEANING[level], detail=seen.detail, findings=findings,
        problems=(*problems, *_room(memory)),
    )  # fmt: skip


NOT_TRIED = surroundings.no_notebooks("not tried, as no worker could be started", "")


@dataclass
class _Seen:
    """What a warm parent and its workers showed."""

    level: str = PROCESS
    detail: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=lambda: {"python": platform.python_version()})
    missing: dict[str, str] = field(default_factory=dict)
    notebooks: surroundings.Finding = NOT_TRIED
    without_torch: SandboxError | None = None
    broken: SandboxError | None = None  # not even a worker without torch could be started


def _tried() -> _Seen:
    """A worker with all that grading uses; where that does not start, with less, to tell what is missing."""
    troubles: list[SandboxError] = []
    for preload, probes in ((WITH_NOTEBOOKS, (INSIDE,)), (PRELOAD, ()), (("numpy",), ())):
        try:
            with Zygote.start(preload=preload, probes=probes) as zygote:
                versions = {name: zygote.versions[name] for name in NAMED if name in zygote.versions}
                seen = _Seen(zygote.isolation, zygote.isolation_detail, versions, zygote.missing)
                if troubles:
                    seen.notebooks = surroundings.no_notebooks(troubles[0].message, troubles[0].hint)
                else:
                    seen.notebooks = surroundings.notebooks(zygote)
                seen.without_torch = troubles[1] if len(troubles) > 1 else None
                return seen
        except SandboxError as error:
            troubles.append(error)
    return _Seen(missing=dict.fromkeys(LAYERS, "no worker could be started"), broken=troubles[-1])


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:  # told as a finding
        return str(Path.cwd())


def _layer(name: str, why: str) -> Layer:
    return Layer(name=name, what=_WHAT[name], there=not why, why=why, remedy=remedy(name) if why else "")


def remedy(layer: str) -> str:
    """How to get a missing layer on this system."""
    if sys.platform == "darwin":
        return "macOS has none. Grade in Linux: a virtual machine, or a container (Docker Desktop, colima)."
    if sys.platform == "win32":
        return "Windows has none. Grade in WSL 2: `wsl --install`, then install gradmark in its Linux."
    if layer == "Landlock":
        return _landlock_remedy()
    if layer == "seccomp":
        return "Use a kernel with CONFIG_SECCOMP_FILTER on x86-64 or arm64; gVisor and WSL 1 have none."
    return _namespace_remedy()


def _landlock_remedy() -> str:
    if _kernel() < (5, 13):
        return "Use a kernel from 5.13 on: Ubuntu 22.04, Debian 12, Fedora 35 and later have one."
    return "Add landlock to the list in the kernel's parameter lsm= and restart; gVisor and WSL 1 have none."


def _namespace_remedy() -> str:
    """The switch that turned them off, where one is known."""
    if _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "Ubuntu's AppArmor refuses them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, "
            "or give this Python a profile with the rule `userns,`."
        )
    if _setting("kernel/unprivileged_userns_clone") == "0":
        return "Debian switched them off: sudo sysctl -w kernel.unprivileged_userns_clone=1"
    if _setting("user/max_user_namespaces") == "0":
        return "They are limited to none: sudo sysctl -w user.max_user_namespaces=15000"
    if in_container():
        return (
            "A container refuses them by default; level strict needs none. To have them all the same: docker run "
            "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --cap-add SYS_ADMIN ..."
        )
    return "Allow user namespaces to this user; level strict needs none."


def in_container() -> bool:
    """Whether this looks like Docker, Podman or Kubernetes."""
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return any(mark.exists() for mark in marks) or bool(os.environ.get("KUBERNETES_SERVICE_HOST"))


def _kernel() -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])


def _setting(name: str) -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys", name).read_text().strip()
    return ""


def _room(memory: int) -> list[str]:
    if not 0 < memory < LEAST_MEMORY:
        return []
    return [f"Only {memory / 2**30:.1f} GB of memory: grade one submission at a time, or lower memory_bytes."]


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 0


def _gpu() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return "none found; grading needs none"
    asked = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(asked, capture_output=True, text=True, timeout=20, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return "; ".join(done.stdout.strip().splitlines())
    return "there is a driver, but it names no GPU; grading needs none"


def lines(found: Examination) -> list[str]:
    """The examination for a reader."""
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items())
    memory = f"{found.memory_bytes / 2**30:.0f} GB" if found.memory_bytes else "unknown"
    said = [
        f"gradmark {found.gradmark} on {found.platform}",
        f"Versions   {versions}",
        f"Machine    {found.cores} cores, memory {memory}, free disk {found.disk_bytes / 2**30:.0f} GB",
        "",
        "What grading needs",
        *surroundings.lines(found.findings),
        "",
        "Layers of isolation",
    ]
    for layer in found.layers:
        said.append(f"  {'yes' if layer.there else 'NO '}  {layer.name}: {layer.what}")
        said += [f"         why: {layer.why}", f"         remedy: {layer.remedy}"] if not layer.there else []
    said += ["", f"Level      {found.level}: {found.meaning}"]
    said += [f"           {fact}" for fact in found.detail if fact.startswith("not prevented")]
    said += [f"Levels     {' < '.join(LEVELS)}; recommended for grading others' work: {found.recommended}"]
    said += [f"Problem    {problem}" for problem in found.problems]
    return [*said, "", "Ready to grade." if found.fit else "Not ready to grade other people's work."]
