"""Compresses the zips of the functions anew, as small as deflate gets: what is in them stays what it was.

libdeflate looks for the shortest deflate stream, which everything that reads zips can read. Python's zipfile takes no stream
that somebody else has compressed, so that the few records around the streams are written here.
Source: PKWARE, APPNOTE.TXT, 4.3.7 (local file header), 4.3.12 (central directory), 4.3.16 (its end).

usage: compress.py ZIP...
"""

import os
import struct
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import deflate

HARDEST = 12
DEFLATED = 8
# Version 2.0 knows deflate; 3 in the upper byte says that attributes are those of Unix.
NEEDED, MADE_BY = 20, 3 << 8 | 20
# 1 January 1980, the first day that a zip can tell: equal contents give equal zips.
TIME, DATE = 0, 1 << 5 | 1
UTF_8 = 1 << 11


def compress(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist() if not entry.is_dir()]
    files, directory = b"", b""
    for entry, data in entries:
        name, stream = entry.filename.encode(), bytes(deflate.deflate_compress(data, HARDEST))
        both = (UTF_8, DEFLATED, TIME, DATE, entry.CRC, len(stream), len(data), len(name), 0)
        # Without a comment, on the first disk, of no particular kind.
        only_there = (0, 0, 0, entry.external_attr, len(files))
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", MADE_BY, NEEDED, *both, *only_there) + name
        files += struct.pack("<4s5H3L2H", b"PK\3\4", NEEDED, *both) + name + stream
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), len(files), 0)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(files + directory + end)
    check(unfinished, entries)
    unfinished.replace(path)


def check(path: Path, entries: list[tuple[zipfile.ZipInfo, bytes]]) -> None:
    """Reads a zip again, which also checks its CRCs."""
    with zipfile.ZipFile(path) as archive:
        found = [(entry.filename, entry.external_attr, archive.read(entry)) for entry in archive.infolist()]
    if found != [(entry.filename, entry.external_attr, data) for entry, data in entries]:
        raise ValueError(f"{path} does not hold what was put into it")


def run() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(compress, map(Path, sys.argv[1:])):
            pass


# The processes of the pool import this file.
if __name__ == "__main__":
    run()
