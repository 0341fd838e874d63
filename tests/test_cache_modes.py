"""What a run takes from stored responses, and where it keeps new ones."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pytest_medbench.cache import Cache, Mode, Store
from pytest_medbench.exchange import Response

NOW = 1_800_000_000.0


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def response(text: str = "A", arrived_at: float = NOW) -> Response:
    return Response(text, arrived_at=arrived_at)


class TestModes:
    def store(self, folder: Path, mode: Mode, **more: Any) -> Store:
        return Store(folder / "cache.sqlite", folder / "run.sqlite", mode, **more)

    def texts(self, found: dict[bytes, Response]) -> list[str]:
        return [found[k].text for k in sorted(found)]

    def seeded(self, folder: Path, arrived_at: float = NOW) -> None:
        Cache(folder / "cache.sqlite").put_many([(key(1), response("old", arrived_at))])

    @pytest.mark.parametrize(
        ("mode", "found", "shared", "run"),
        [
            (Mode.ON, ["old"], ["new", "new"], []),
            (Mode.READ, ["old"], ["old"], ["new", "new"]),
            (Mode.REFRESH, [], ["new", "new"], []),
            (Mode.OFF, [], ["old"], ["new", "new"]),
        ],
    )
    def test_what_is_used_and_where_new_ones_go(
        self, tmp_path: Path, mode: Mode, found: list[str], shared: list[str], run: list[str]
    ) -> None:
        self.seeded(tmp_path)
        store = self.store(tmp_path, mode)
        keys = [key(1), key(2)]
        assert self.texts(store.lookup(keys, has_revision=True)) == found
        store.save([(k, response("new")) for k in keys], model="m")
        assert self.texts(Cache(tmp_path / "cache.sqlite").get_many(keys)) == shared
        assert self.texts(Cache(tmp_path / "run.sqlite").get_many(keys)) == run

    def test_read_leaves_no_file_where_there_is_no_cache(self, tmp_path: Path) -> None:
        assert self.store(tmp_path, Mode.READ).lookup([key(1)], has_revision=True) == {}
        assert list(tmp_path.iterdir()) == []

    def test_old_answer_counts_only_with_a_declared_revision(self, tmp_path: Path) -> None:
        self.seeded(tmp_path, time.time() - 25 * 3600)
        store = self.store(tmp_path, Mode.ON)
        assert store.lookup([key(1)], has_revision=False) == {}
        assert self.texts(store.lookup([key(1)], has_revision=True)) == ["old"]
        assert self.store(tmp_path, Mode.ON, max_age=26 * 3600).lookup([key(1)], has_revision=False)

    @pytest.mark.parametrize("mode", list(Mode))
    def test_resumed_run_finds_its_own_responses_in_every_mode(
        self, tmp_path: Path, mode: Mode
    ) -> None:
        began = time.time() - 48 * 3600
        self.store(tmp_path, mode).save([(key(1), response("own", began + 1))], model="m")
        resumed = self.store(tmp_path, mode, resumed=True, resumed_since=began)
        assert self.texts(resumed.lookup([key(1)], has_revision=False)) == ["own"]

    @pytest.mark.parametrize("mode", list(Mode))
    def test_what_is_in_its_own_file_has_no_age(self, tmp_path: Path, mode: Mode) -> None:
        Cache(tmp_path / "run.sqlite").put_many([(key(1), response("own", arrived_at=1.0))])
        resumed = self.store(tmp_path, mode, resumed=True)
        assert self.texts(resumed.lookup([key(1)], has_revision=False)) == ["own"]
        assert self.store(tmp_path, mode).lookup([key(1)], has_revision=False) == {}

    def test_resumed_refresh_asks_again_what_was_stored_before_it_began(
        self, tmp_path: Path
    ) -> None:
        self.seeded(tmp_path, NOW)
        resumed = self.store(tmp_path, Mode.REFRESH, resumed=True, resumed_since=NOW + 1)
        assert resumed.lookup([key(1)], has_revision=True) == {}

    def test_resumed_run_finds_what_may_not_be_shared(self, tmp_path: Path) -> None:
        self.store(tmp_path, Mode.ON).save([(key(1), response("own"))], model="f", shared=False)
        self.seeded(tmp_path)
        resumed = self.store(tmp_path, Mode.ON, resumed=True)
        keys = [key(1), key(2)]
        assert self.texts(resumed.lookup(keys, has_revision=False, shared=False)) == ["own"]

    def test_resumed_run_without_a_file_of_its_own_begins_none(self, tmp_path: Path) -> None:
        resumed = self.store(tmp_path, Mode.OFF, resumed=True)
        assert resumed.lookup([key(1)], has_revision=True) == {}
        assert list(tmp_path.iterdir()) == []

    def test_model_that_cannot_be_told_from_others_stays_in_the_run(self, tmp_path: Path) -> None:
        store = self.store(tmp_path, Mode.ON)
        store.save([(key(1), response())], model="python:m:f", shared=False)
        assert not (tmp_path / "cache.sqlite").exists()
        assert Cache(tmp_path / "run.sqlite").get_many([key(1)])
