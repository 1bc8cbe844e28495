"""Calls of compiled functions in a process of their own, `python c_calls.py FOLDER`: it may crash, and Python lives on.

It imports nothing of the package. `c_checks` writes what to call into the folder, and reads what came of it.
"""

import ctypes
import json
import mmap
import os
import sys
from pathlib import Path

import numpy as np

_FILL = 0xA5
_BEFORE = 64  # guard bytes before and, where no page can be closed, after


class Guarded:
    """Bytes with guards: some before that must not change and, where the system can, a page after that is closed.

    The closed page stops reads past the end as well as writes.
    """

    def __init__(self, size: int):
        page = mmap.PAGESIZE
        total = -(-(_BEFORE + size) // page) * page
        self._memory = mmap.mmap(-1, total + page)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self.closed = (
            os.name == "posix"
            and ctypes.CDLL(None).mprotect(ctypes.c_void_p(base + total), ctypes.c_size_t(page), 0) == 0
        )
        at = total - size
        readable = np.frombuffer(self._memory, np.uint8, total if self.closed else total + page)
        readable[:] = _FILL
        self.bytes = readable[at : at + size]
        self._before, self._after = readable[:at], readable[at + size :]
        self.address = ctypes.c_void_p(base + at)

    def intact(self) -> bool:
        """Return whether the guards are as they were."""
        return bool((self._before == _FILL).all() and (self._after == _FILL).all())


def run(folder: Path) -> None:
    """Call each function on each range of rows, and write the answers, one after another, and the guards that broke."""
    asked = json.loads((folder / "asked.json").read_text())
    rows = np.load(folder / "rows.npy")
    library = ctypes.CDLL(str(folder / "circuit.so"))
    broken = []
    for name, width, size in asked["functions"]:
        function = getattr(library, name)
        function.restype = None
        answers = []
        for start, n in asked["ranges"]:
            (folder / "calling").write_text(f"{name} on {n} rows")
            given, got = Guarded(n * rows.shape[1]), Guarded(n * width * size)
            given.bytes[:] = rows[start : start + n].ravel()
            function(given.address, got.address, ctypes.c_size_t(n))
            if not (given.intact() and got.intact() and (given.bytes == rows[start : start + n].ravel()).all()):
                broken.append([name, n])
            answers.append(got.bytes.copy())
        np.concatenate(answers).tofile(folder / f"{name}.bin")
    (folder / "broken.json").write_text(json.dumps(broken))


if __name__ == "__main__":
    run(Path(sys.argv[1]))
