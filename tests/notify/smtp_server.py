"""A small SMTP server on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class SmtpServer:
    """Takes mail, except for addresses in `refused`, with the code that stands there."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refused: dict[str, int] = {}
        self.cut_after_data = False
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 test")
        while line := (await reader.readline()).decode().strip():
            verb, _, rest = line.partition(" ")
            if verb == "RCPT":
                address = rest.partition("<")[2].partition(">")[0]
                code = self.refused.get(address, 250)
                say(f"{code} {'OK' if code == 250 else 'no'}")
            elif verb == "DATA":
                say("354 go on")
                raw = (await reader.readuntil(b"\r\n.\r\n"))[:-5]
                mail = message_from_bytes(raw.replace(b"\r\n..", b"\r\n."), policy=policy.default)
                assert isinstance(mail, EmailMessage)
                self.mails.append(mail)
                if self.cut_after_data:
                    break
                say("250 taken")
            elif verb == "QUIT":
                say("221 bye")
                break
            else:
                say("250 OK")
        writer.close()


@asynccontextmanager
async def mailing(server: SmtpServer) -> AsyncIterator[SmtpServer]:
    """The server on a free port."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
