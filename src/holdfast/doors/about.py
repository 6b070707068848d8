"""`holdfast version`, in a file of its own because it needs nothing else."""

import platform
import sqlite3
import sys

from holdfast.doors import exits
from holdfast.doors.options import COMMON, Common
from holdfast.doors.screen import emit, say
from holdfast.version import __version__


def version(*, common: Common = COMMON) -> int:
    """Say which version this is, and on what it runs."""
    about = {
        "holdfast": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "platform": f"{sys.platform} {platform.machine()}",
    }
    if common.json:
        emit(about)
    else:
        say(f"holdfast {__version__}", f"Python {about['python']}, SQLite {about['sqlite']}, {about['platform']}")
    return exits.OK
