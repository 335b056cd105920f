"""`imagemill demo` in a short form: its own server, its own pictures, real results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from imagemill.cli import samples
from tests.cli.programs import imagemill

pytestmark = pytest.mark.server


def test_the_demo_leaves_three_results_of_every_sample(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()

    said = imagemill("demo", "--scale", "0.1", "--json", cwd=tmp_path, TMPDIR=str(tmp_path / "tmp"))

    assert said.code == 0, said.err
    made = {Path(one["path"]).name for each in json.loads(said.out) for one in each["results"]}
    assert made == {each.name for each in (tmp_path / "demo-output").iterdir()}
    assert len(made) == 15
    assert "GPS position in mountains.jpg: yes; in mountains-web.webp: no." in said.err
    assert "completed in" in said.err
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_samples_are_the_same_every_time(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        samples.main([str(tmp_path / folder), "0.05"])

    one, two = (
        {each.name: each.read_bytes() for each in (tmp_path / folder).iterdir()}
        for folder in ("one", "two")
    )
    assert one == two


def test_the_samples_have_what_the_demo_is_about(tmp_path: Path) -> None:
    samples.main([str(tmp_path), "0.05"])

    with Image.open(tmp_path / "mountains.jpg") as mountains:
        assert mountains.height > mountains.width
        assert mountains.getexif()[ExifTags.Base.Orientation] == 6
        assert mountains.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    with Image.open(tmp_path / "badge.png") as badge:
        assert badge.mode == "RGBA"
    with Image.open(tmp_path / "lantern.gif") as lantern:
        assert getattr(lantern, "n_frames", 1) == 24
