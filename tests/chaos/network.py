"""A line between one worker and the database that can be cut: packets vanish, and nobody is told.

Where this is root's and `ip` is there, the worker lives in a network namespace of its own, and the cut takes down the
only way out of it. Elsewhere the relay at the other end of that way stops passing anything on.
"""

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.crash.forks import Child

NAMES = Path("/var/run/netns")
PREFIX = "hf-chaos-"
_CLONE_NEWNET = 0x40000000


@dataclass(slots=True)
class Line:
    """One worker's way to the database."""

    relay: Child
    address: tuple[str, int]
    namespace: str | None
    """`None`: the relay itself is the cut."""

    @classmethod
    def lay(cls, database: str, *, by_relay: bool = False) -> "Line":
        """From a worker to the server of this URL, which listens on a socket in a folder. The caller has no threads."""
        namespace = None if by_relay or not _is_able() else _make_namespace()
        listening = socket.create_server((_ends(os.getpid())[0] if namespace else "127.0.0.1", 0), backlog=256)
        address = listening.getsockname()[:2]
        relay = Child(lambda: asyncio.run(_relay(listening, _socket_of(database))))
        listening.close()
        return cls(relay=relay, address=address, namespace=namespace)

    @property
    def kind(self) -> str:
        return "namespace" if self.namespace else "relay"

    def url(self, database: str) -> str:
        """The same database, at the far end."""
        parts = urlsplit(database)
        host, port = self.address
        return f"postgresql://{parts.username or 'postgres'}@{host}:{port}{parts.path}"

    def enter(self) -> None:
        """Let this process live at the far end."""
        if self.namespace:
            with (NAMES / self.namespace).open() as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "cannot enter the namespace")

    def cut(self) -> None:
        """From now on nothing arrives at either end."""
        if self.namespace:
            _ip("link", "set", _ends(os.getpid())[2], "down")
        else:
            self.relay.kill(signal.SIGUSR1)

    def heal(self) -> None:
        """What is sent again arrives."""
        if self.namespace:
            _ip("link", "set", _ends(os.getpid())[2], "up")
        else:
            self.relay.kill(signal.SIGUSR2)

    def close(self) -> None:
        self.relay.kill()
        self.relay.reap()
        if self.namespace:
            _forget(self.namespace)


def _is_able() -> bool:
    """Whether this is root's, with iproute2, and the system lets it have namespaces with a way out."""
    if os.geteuid() or not shutil.which("ip"):
        return False
    try:
        _forget(_make_namespace())
    except subprocess.CalledProcessError:
        _forget(f"{PREFIX}{os.getpid()}")
        return False
    return True


def _make_namespace() -> str:
    for left in NAMES.glob(f"{PREFIX}*"):  # of a run that was killed
        if not Path(f"/proc/{left.name.removeprefix(PREFIX).partition('-')[0]}").exists():
            _forget(left.name)
    pid = os.getpid()
    name, (here, there, near, far) = f"{PREFIX}{pid}", _ends(pid)
    _ip("netns", "add", name)
    _ip("link", "add", near, "type", "veth", "peer", "name", far)
    _ip("link", "set", far, "netns", name)
    _ip("addr", "add", f"{here}/30", "dev", near)
    _ip("link", "set", near, "up")
    _ip("-n", name, "addr", "add", f"{there}/30", "dev", far)
    _ip("-n", name, "link", "set", far, "up")
    _ip("-n", name, "link", "set", "lo", "up")
    return name


def _ends(pid: int) -> tuple[str, str, str, str]:
    """Addresses and devices of the two ends, different for each process."""
    net = f"10.{200 + (pid >> 14) % 50}.{pid >> 6 & 255}"
    return f"{net}.{(pid & 63) * 4 + 1}", f"{net}.{(pid & 63) * 4 + 2}", f"hfa{pid}", f"hfb{pid}"


def _forget(name: str) -> None:
    # Its end of the pair goes with it, and with that the other one.
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    subprocess.run(["ip", "link", "del", f"hfa{name.removeprefix(PREFIX)}"], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _socket_of(database: str) -> str:
    folder = parse_qs(urlsplit(database).query)["host"][0]
    return str(next(Path(folder).glob(".s.PGSQL.*[0-9]")))


async def _relay(listening: socket.socket, to: str) -> None:
    whole = asyncio.Event()
    whole.set()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, whole.clear)
    loop.add_signal_handler(signal.SIGUSR2, whole.set)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while some := await reader.read(1 << 16):
                await whole.wait()
                writer.write(some)
                await writer.drain()
            await whole.wait()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole.wait()
        try:
            back, forth = await asyncio.open_unix_connection(to)
        except OSError:
            writer.close()  # the database is away
            return
        await asyncio.gather(pass_on(reader, forth), pass_on(back, writer))

    server = await asyncio.start_server(serve, sock=listening)
    await server.serve_forever()
