#!/usr/bin/env python3
"""Finds links and paths in Markdown files that lead nowhere inside this repository.

usage: check-links.py
A relative link must lead to a file, its anchor to a heading. A path in backticks that begins with a top-level folder
must exist (`a/{b,c}.rs` is two paths, `*` any name). Addresses on the web are not asked.
"""

import fnmatch
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("benches", "docs", "events", "examples", "functions", "infra", "scripts", "shared", "tests")
SKIPPED = {".git", ".local", "dist", "target", "__pycache__"}
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(rf"`((?:{'|'.join(FOLDERS)})/[\w./{{}},*-]+)(?:::\w+)?`")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")


def all_paths() -> list[Path]:
    """Every file and folder of the project, from its top."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in SKIPPED]
        found += [Path(folder, name).relative_to(ROOT) for name in folders + files]
    return found


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.*?) *$", FENCED.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        times = sum(1 for known in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", known))
        found.add(f"{slug}-{times}" if times else slug)
    return found


def expanded(path: str) -> list[str]:
    """`a/{b,c}.rs` as `a/b.rs` and `a/c.rs`."""
    match = re.search(r"\{([^{}]*)\}", path)
    if match is None:
        return [path]
    return [
        whole
        for part in match.group(1).split(",")
        for whole in expanded(path[: match.start()] + part + path[match.end() :])
    ]


def wrong(file: Path, known: list[str]) -> list[str]:
    """What leads nowhere in one file."""
    text = FENCED.sub("", file.read_text(encoding="utf-8"))
    found = []
    for link in LINK.findall(CODE.sub("", text)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = file.parent / name if name else file
        if not target.exists():
            found.append(f"{link}: there is no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            found.append(f"{link}: there is no such heading")
    for path in PATH.findall(text):
        # `tests/…` may be a package's own: the text around it names the package.
        starts = ("", "*/") if path.startswith("tests/") else ("",)
        for one in expanded(path.rstrip("/")):
            if not any(fnmatch.filter(known, start + one) for start in starts):
                found.append(f"`{one}`: there is no such path")
    return found


def main() -> int:
    """Tells all of them at once."""
    paths = all_paths()
    known = [str(path) for path in paths]
    files = sorted(path for path in paths if path.suffix == ".md")
    told = [f"{file}: {what}" for file in files for what in wrong(ROOT / file, known)]
    print("\n".join(told) or f"links: {len(files)} Markdown files, no broken link")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
