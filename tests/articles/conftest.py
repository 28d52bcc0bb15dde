"""What the tests of several articles share: a study's code that stays as it is, and what every study must hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from coincast.reports.palette import DARK, LIGHT
from coincast.reports.study import Study


@pytest.fixture(scope="module")
def steady_code() -> Iterator[None]:
    """What is kept belongs to the code that made it; sources that are edited meanwhile must not change that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coincast.articles.bench.hash_code", lambda: b"steady")
        yield


@pytest.fixture(scope="session")
def check_exhibits() -> Callable[[Study], None]:
    """Names are unique, every picture can be drawn in light or dark, and no table is empty."""

    def check(study: Study) -> None:
        pictures, sheets = study.pictures(), study.sheets()
        names = [shown.name for shown in (*pictures, *sheets)]
        assert len(set(names)) == len(names)
        for number, picture in enumerate(pictures):
            assert picture.draw(DARK if number % 2 else LIGHT).axes, picture.name
        assert all(sheet.table.height for sheet in sheets)

    return check
