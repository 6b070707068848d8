"""A real PgBouncer in transaction mode before a PostgreSQL, for a test."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

COMMAND = shutil.which("pgbouncer") or ("/usr/sbin/pgbouncer" if Path("/usr/sbin/pgbouncer").exists() else None)
SERVER_CONNECTIONS = 5
"""Fewer than its clients have: a connection that kept something in its session would show."""


@contextmanager
def pgbouncer(server: str, folder: Path) -> Iterator[str]:
    """The address of a database through a pooler."""
    assert COMMAND is not None
    parts = urlsplit(server)
    host, port, name = parse_qs(parts.query)["host"][0], _free_port(), parts.path.lstrip("/")
    folder.mkdir(exist_ok=True)
    (folder / "users.txt").write_text('"postgres" ""\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = host={host} dbname={name} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"auth_file = {folder}/users.txt\npool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\n"
        f"max_client_conn = 100\nlogfile = {folder}/log\npidfile = {folder}/pid\n"
    )
    command = [COMMAND, str(folder / "pgbouncer.ini")]
    if os.geteuid() == 0:  # it refuses to run as root: then as whom the server runs, whose socket it has to reach
        owner = Path(host).owner()
        shutil.chown(folder, owner)
        for one in folder.iterdir():
            shutil.chown(one, owner)
        for above in folder.parents[:-1]:
            if not above.stat().st_mode & 0o001:
                above.chmod(above.stat().st_mode | 0o011)
        command[1:1] = ["-u", owner]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"postgresql://postgres@127.0.0.1:{port}/{name}"
    try:
        _until_it_answers(url, process)
        yield url
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            with psycopg.connect(url, connect_timeout=2):
                return
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
