"""Packs Lambda functions for the local stack: {directory}/{program}/bootstrap.zip, laid out as cargo-lambda does.

cargo-lambda compresses as hard as it can, which takes half a minute for programs of the development profile; here they are
compressed lightly, at the same time. Equal inputs give equal zips.

usage: pack.py DIRECTORY DEFINITIONS PROGRAM...     (DEFINITIONS holds agents/ and pipelines.yaml)
"""

import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)


def add(archive: zipfile.ZipFile, name: str, file: Path, mode: int) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = (0o100000 | mode) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, file.read_bytes(), compresslevel=1)


def pack(directory: Path, definitions: Path, program: Path) -> None:
    target = directory / program.name / "bootstrap.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        add(archive, "bootstrap", program, 0o755)
        for file in [*sorted((definitions / "agents").rglob("*")), definitions / "pipelines.yaml"]:
            if file.is_file():
                add(archive, file.relative_to(definitions).as_posix(), file, 0o644)
    unfinished.replace(target)


def run() -> None:
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    directory, definitions, *programs = (Path(argument) for argument in sys.argv[1:])
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(pack, directory, definitions, program) for program in programs]:
            done.result()


run()
