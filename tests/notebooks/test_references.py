"""References to checkpoints: an id, ``last~2``, a name, a time in people's words, a run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from desk import Desk, code, notebook

from nbtrack.errors import UnknownCheckpoint
from nbtrack.notebooks.references import read_moment, resolve
from nbtrack.notebooks.take import Cause
from nbtrack.store.frames import Kind

NOW = int(datetime(2024, 11, 15, 15, 0, tzinfo=UTC).timestamp() * 1000)  # a Friday


def moment(words: str) -> str | None:
    found = read_moment(words, NOW, UTC)
    return None if found is None else f"{datetime.fromtimestamp(found / 1000, UTC):%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("yesterday 17:42", "11-14 17:42:59"),
        ("yesterday", "11-14 23:59:59"),
        ("today 10:47", "11-15 10:47:59"),
        ("10:47", "11-15 10:47:59"),
        ("2 hours ago", "11-15 13:00:00"),
        ("an hour ago", "11-15 14:00:00"),
        ("90 min ago", "11-15 13:30:00"),
        ("3 days ago", "11-12 15:00:00"),
        ("1 week ago", "11-08 15:00:00"),
        ("12 nov", "11-12 23:59:59"),
        ("12 nov 17:42", "11-12 17:42:59"),
        ("20 december", "12-20 23:59:59"),
        ("2024-11-12", "11-12 23:59:59"),
        ("2024-11-12 17:42", "11-12 17:42:59"),
        ("2024-11-12t17:42:05", "11-12 17:42:05"),
        ("2024-11-12t17:42:05+02:00", "11-12 15:42:05"),
        ("25:99", None),
        ("2024-13-77", None),
        ("31 feb", None),
        ("soon", None),
        ("last", None),
    ],
)
def test_a_time_is_read_as_people_write_it(words: str, expected: str | None) -> None:
    assert moment(words) == expected


def test_a_day_of_a_month_to_come_is_of_last_year() -> None:
    found = read_moment("20 dec", NOW, UTC)
    assert found is not None
    assert datetime.fromtimestamp(found / 1000, UTC).year == 2023


@pytest.fixture
def taken(desk: Desk) -> list[Any]:
    """Four states, one minute apart, the third named; a run began in the second."""
    writer = desk.writer
    run = "0189000000007000800000000000beef"
    writer.append(Kind.RUN, {"id": run, "name": "tuned", "experiment": "churn", "origin": "api"})
    for number in range(4):
        cause = Cause("save")
        if number == 1:
            cause = Cause("run start", run_id=run, boundary="start")
        elif number == 2:
            cause = Cause("manual", "before clean-up")
        desk.taker.take_file(desk.save(notebook(code(f"x = {number}"))), cause)
    return desk.taken()[::-1]


def find(desk: Desk, ref: str, **more: Any) -> Any:
    return desk.ask(lambda db: resolve(db, ref, now_ms=2_000_000_000_000, **more)[0])


def test_the_last_ones_are_counted_back(desk: Desk, taken: list[Any]) -> None:
    assert find(desk, "last") == taken[3]
    assert find(desk, " LAST~2 ") == taken[1]
    with pytest.raises(UnknownCheckpoint, match="There are 4"):
        find(desk, "last~9")


def test_ids_names_and_runs_find_their_checkpoint(desk: Desk, taken: list[Any]) -> None:
    assert find(desk, taken[0].id) == taken[0]
    assert find(desk, taken[0].short_id.upper()) == taken[0]
    assert find(desk, "before clean-up") == taken[2]
    assert find(desk, "tuned") == taken[1]
    assert find(desk, "#1") == taken[1]


def test_a_time_means_the_newest_up_to_it(desk: Desk, taken: list[Any]) -> None:
    assert find(desk, "1 day ago") == taken[3]
    with pytest.raises(UnknownCheckpoint, match="younger"):
        find(desk, "2001-01-01")


def test_an_ambiguous_beginning_lists_what_it_could_be(desk: Desk, taken: list[Any]) -> None:
    with pytest.raises(UnknownCheckpoint, match="Type more digits"):
        find(desk, taken[0].id[:6])


def test_an_unknown_reference_says_what_could_be_written(desk: Desk, taken: list[Any]) -> None:
    with pytest.raises(UnknownCheckpoint, match="yesterday 17:42"):
        find(desk, "nonsense")


def test_other_notebooks_are_left_out(desk: Desk, taken: list[Any]) -> None:
    path = desk.save(notebook(code("other")), "other.ipynb")
    desk.taker.take_file(path)
    assert find(desk, "last", notebook=str(path)).notebook == str(path)
    assert find(desk, "last", notebook=taken[0].notebook) == taken[3]
    with pytest.raises(UnknownCheckpoint, match="first checkpoint appears"):
        find(desk, "last", notebook="/nowhere.ipynb")
