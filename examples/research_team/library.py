"""The researcher's tools: a folder of documents that can be searched and read, and nothing else."""

import re
from pathlib import Path

from holdfast import ToolError, tool

FOLDER = Path(__file__).parent / "documents"
_WORD = re.compile(r"[a-z]{4,}")


def words(text: str) -> set[str]:
    """The words of a text that say something, without their endings."""
    return {word[:5] for word in _WORD.findall(text.lower())}


@tool(effect="read")
def search_documents(query: str) -> list[str]:
    """Find documents about something.

    Args:
        query: A few words.

    Returns:
        Their names, the best match first.
    """
    wanted = words(query)
    found = {path.name: len(wanted & words(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.md"))}
    return sorted((name for name, hits in found.items() if hits), key=lambda name: -found[name])


@tool(effect="read")
def read_document(name: str) -> str:
    """Read one document whole.

    Args:
        name: As `search_documents` gives it.
    """
    path = FOLDER / Path(name).name
    if not path.is_file():
        raise ToolError(f"There is no document {name!r}: search_documents gives their names.")
    return path.read_text(encoding="utf-8")
