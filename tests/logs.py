"""Logging as it was before anything configured it."""

import logging

import structlog


def forget_logging() -> None:
    """Let the next app configure it anew."""
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [found for found in root.handlers if found.get_name() == "holdfast"]:
        root.removeHandler(handler)
