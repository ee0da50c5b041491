"""What an unhealthy app of the demo tenant is: a name, a sentence, what an audit should find, and how it is built.

The stories themselves are in ``troubled``; this file knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from auditor.emulator.build import TenantBuilder

Build = Callable[[TenantBuilder, str], object]
"""Adds the app of that name to the tenant."""


@dataclass(frozen=True)
class Story:
    """One unhealthy app."""

    name: str
    what: str
    """What is wrong with it, in a sentence or two for the reader of the demo."""
    finds: tuple[str, ...]
    """Slugs of the checks that find something, at whatever severity: these and no others."""
    build: Build


STORIES: list[Story] = []
"""Every story, in the order of ``troubled``."""


def story(name: str, what: str, *finds: str) -> Callable[[Build], Build]:
    """Registers the decorated function as the story of the app ``name``."""

    def register(build: Build) -> Build:
        STORIES.append(Story(name, what, finds, build))
        return build

    return register
