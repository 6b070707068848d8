"""SQLite files that this process may read and not write: how that is seen, and how they are opened all the same."""

import os
from pathlib import Path
from urllib.parse import quote


def writable(path: str) -> bool:
    """Whether the file, and beside it the files of its transactions, can be written."""
    return os.access(path, os.W_OK) and os.access(Path(path).parent, os.W_OK)


def reading_uri(path: str) -> str:
    """How SQLite opens the file for reading; it never makes one.

    A file without its `-shm` that lies where none can be made is read as what cannot change: nobody works on it.
    """
    where = f"file:{quote(path)}"
    if writable(path):
        return f"{where}?mode=rw"
    wal = Path(f"{path}-wal")
    left = Path(f"{path}-shm").exists() or (wal.exists() and wal.stat().st_size > 0)
    return f"{where}?mode=ro" if left else f"{where}?mode=ro&immutable=1"
