"""Options that several commands share, so that they are called and explained alike."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

SERVER = "http://127.0.0.1:8000"
PARALLEL = 2 * (os.cpu_count() or 1)
"""Enough that every sandboxed child has its next picture waiting."""

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Pictures, or folders of pictures.")
]
Resize = Annotated[
    str | None,
    typer.Option(metavar="WxH", help="Fit into 400x300, or 400x or x300 for one side alone."),
]
Fit = Annotated[
    str | None,
    typer.Option(metavar="HOW", help="How to resize: cover, contain, fill, inside or outside."),
]
Crop = Annotated[
    str | None,
    typer.Option(metavar="WxH[+X+Y]", help="Cut out 400x300 from the middle, or at +LEFT+TOP."),
]
Rotate = Annotated[
    float | None, typer.Option(metavar="DEGREES", help="Turn clockwise by any angle.")
]
Format = Annotated[
    str | None, typer.Option("--format", "-f", help="Write jpeg, png, webp, avif, tiff or gif.")
]
Quality = Annotated[int | None, typer.Option("--quality", "-q", help="Quality, 1 to 100.")]
Step = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STEP",
        help="Any operation, such as 'blur sigma=2'; may be given again. "
        "See `imagemill operations`.",
    ),
]
Pipeline = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="JSON file with a list of steps, or with named lists for several outputs.",
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder for the results, or a file for a single one.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that exist.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Work again even where the result is known.")]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]
AsJSON = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
Server = Annotated[
    str,
    typer.Option(envvar="IMAGEMILL_SERVER", metavar="URL", help="Address of the server."),
]
Key = Annotated[
    str | None,
    typer.Option(
        envvar="IMAGEMILL_KEY",
        metavar="KEY",
        help="API key; without one, the key of the data folder on this machine is tried.",
    ),
]
Data = Annotated[
    Path | None, typer.Option(file_okay=False, help="Folder with everything that is kept.")
]
Parallel = Annotated[
    int, typer.Option("--parallel", "-j", min=1, max=64, help="Pictures under way at once.")
]
