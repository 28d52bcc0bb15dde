"""What is known of an article before anything is read: its name, its claim, its span, and the files that it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """An article.

    Attributes:
        name: as in `coincast reproduce NAME`.
        title, author, published: of the article; the day as `2017-11-20`.
        claim: its headline in one sentence, as a reader would remember it.
        interval: of its candles.
        since, until: its own span: first and last open time, as a spec takes them.
        files: for each option that names a file (`bitcoin`, `ethereum`, `candles`) where such files lie in a folder of
            data; the first that is there is used.
        alternatives: further such sets, each of which is a study of its own where there is a folder of data.
    """

    name: str
    title: str
    author: str
    published: str
    claim: str
    interval: str
    since: str | None
    until: str | None
    files: Mapping[str, tuple[str, ...]]
    alternatives: tuple[Mapping[str, tuple[str, ...]], ...] = ()
