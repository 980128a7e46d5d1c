"""Headers of a tar archive that Python's reader must not see: some take it hours, some lead it backwards."""

from __future__ import annotations

import re
import tarfile
from typing import Any

MAX_EXTENDED = 64 << 10  # bytes of one extended header: a path, times, and what macOS notes of a file
_DIGITS = re.compile(
    rb"\d{40}"
)  # Python before 3.11.10 and 3.12.6 tries every part of a run: 100 kB take an hour


class Careful(tarfile.TarInfo):
    """A member whose header is looked at before it is followed. Raises `tarfile.ReadError`."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.size < 0:
            raise tarfile.ReadError("a member has a negative size")
        found: Any = super()._proc_member(archive)  # type: ignore[misc]
        if found is not None and found.size < 0:  # so says an extended header
            raise tarfile.ReadError("a member has a negative size")
        return found

    def _proc_pax(self, archive: tarfile.TarFile) -> Any:
        source: Any = archive.fileobj
        here = source.tell()
        if self.size > MAX_EXTENDED or _DIGITS.search(source.read(self.size)):
            raise tarfile.ReadError("an extended header that no honest tool writes")
        source.seek(here)
        return super()._proc_pax(archive)  # type: ignore[misc]

    def _proc_gnulong(self, archive: tarfile.TarFile) -> Any:
        if self.size > MAX_EXTENDED:
            raise tarfile.ReadError("a name that no honest tool writes")
        return super()._proc_gnulong(archive)  # type: ignore[misc]
