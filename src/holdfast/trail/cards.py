"""Card numbers: found among the digits of a text by their length, issuer and check digit."""

import re
from collections.abc import Sequence

# A UUID is matched to be left alone; else digits in groups with single blanks or dashes between, no decimals.
# Possessive, so that a long list of numbers is read once.
CARD_RUN = re.compile(
    r"(?P<uuid>(?<![0-9A-Za-z])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Za-z]))"
    r"|(?:(?<![0-9A-Za-z_])(?<![0-9]\.)|(?<=\\[nrt]))[0-9]++(?:[ -][0-9]++)*+(?P<tail>\w|\.[0-9])?"
)
_GROUP = re.compile("[0-9]+")
_DIGIT_VALUE = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED = bytes.maketrans(bytes(range(10)), bytes([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]))


def without_cards(match: re.Match[str]) -> str:
    """A run of digit groups with the card numbers in it replaced."""
    if match["uuid"] or len(match[0]) < 13:
        return match[0]
    groups = list(_GROUP.finditer(match[0]))
    if match["tail"]:
        groups.pop()  # it goes on as a word or a decimal
    if groups and is_card("".join(group[0] for group in groups)):
        return f"[redacted:card]{match[0][groups[-1].end() :]}"
    out, position, at = "", 0, 0
    while at < len(groups):
        size = _card_groups([group[0] for group in groups[at : at + 6]])
        if size:
            out += f"{match[0][position : groups[at].start()]}[redacted:card]"
            position = groups[at + size - 1].end()
        at += size or 1
    return out + match[0][position:]


def _card_groups(groups: Sequence[str]) -> int:
    """How many groups from the first make a card number as it is printed; 0: none."""
    for size in range(len(groups), 0, -1):
        printed = all(len(group) >= 4 for group in groups[: size - 1]) and len(groups[size - 1]) >= 3
        if printed and is_card("".join(groups[:size])):
            return size
    return 0


def is_card(digits: str) -> bool:
    """Whether digits can be the number of a card."""
    return 13 <= len(digits) <= 19 and _issued(digits) and _luhn(digits)


def _issued(digits: str) -> bool:
    return digits[0] in "3456" or (len(digits) == 16 and 2221 <= int(digits[:4]) <= 2720)


def _luhn(digits: str) -> bool:
    values = digits.encode().translate(_DIGIT_VALUE)
    return (sum(values[-1::-2]) + sum(values[-2::-2].translate(_DOUBLED))) % 10 == 0
