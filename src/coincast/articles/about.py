"""What is known of an article before anything is read: its name, its claim, its span, and the files that it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coincast.reports.study import Study


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
        most: markets that a study takes; None: as many as are given. What is beyond is left out, and told.
        further: for a file of `files` or `alternatives` those of further markets that are read after it, as far as the
            folder of data has them.
        beside: for other intervals that the article speaks of (`1h`, `1m`) where candles of its coins lie in a folder.
        packages: optional ones that its study uses where they are installed.
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
    most: int | None = None
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    packages: tuple[str, ...] = ()

    def make_study(self, **told: Any) -> Study:
        """A study that begins with what is known of the article; `told` is the rest of `Study`'s fields."""
        from coincast.reports.study import Study

        known = {name: getattr(self, name) for name in ("title", "author", "published", "claim")}
        return Study(article=self.name, **known, **told)
