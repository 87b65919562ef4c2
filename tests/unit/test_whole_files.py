"""Files and folders that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetbench.errors import InputError
from fleetbench.whole_files import put_folder, replacing


def test_what_fails_in_between_leaves_the_file_that_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "meta.json"
    file.write_text("before")
    file.chmod(0o640)
    with pytest.raises(InputError, match=r"meta.json: cannot be written: No space left"), replacing(file) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert file.read_text() == "before" and list(tmp_path.iterdir()) == [file]
    with replacing(file) as temporary:
        temporary.write_text("after")
    assert file.read_text() == "after" and file.stat().st_mode & 0o777 == 0o640


def test_a_folder_takes_the_place_of_an_empty_one_and_of_no_other(tmp_path: Path) -> None:
    source, empty, full = (tmp_path / name for name in ("source", "empty", "full"))
    for folder in (source, empty, full):
        folder.mkdir()
    (source / "a").write_text("a")
    (full / "b").write_text("mine")
    put_folder(source, empty)
    put_folder(source, tmp_path / "new" / "place")
    assert (empty / "a").read_text() == (tmp_path / "new" / "place" / "a").read_text() == "a"
    with pytest.raises(InputError, match="full: cannot be written"):
        put_folder(source, full)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "full", "new", "source"] and (full / "b").exists()
