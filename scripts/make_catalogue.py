"""Rebuild src/jointspace/data/catalogue.json from a folder of data sets (README.md + one folder a set).

python scripts/make_catalogue.py FOLDER
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pyarrow.parquet as pq

HOMES = {
    "emoji": "https://github.com/googlefonts/noto-emoji (pictures) and https://cldr.unicode.org (names); ships with us",
    "multilingual-text": "https://github.com/UniversalDependencies",
}
TARGET = Path(__file__).parents[1] / "src/jointspace/data/catalogue.json"
ROW = re.compile(r"^\| \[([\w.-]+)\]\([^)]*\) \| (.*?) \| (.*?) \| [^|]* \| (.*?) \|")


def home(readme: str) -> str:
    """Where a set is published: the repository, else the first line under "Source"."""
    text = re.search(r"^## Source\s+(.*?)(?=^## |\Z)", readme, re.M | re.S)
    lines = [line.strip() for line in (text.group(1) if text else "").splitlines() if line.strip()]
    for line in lines:
        repository = re.match(r"- Repository: ([\w.-]+/[\w.-]+)", line)
        if repository:
            return f"https://github.com/{repository.group(1)}"
    first = (lines or ["unknown"])[0].lstrip("- ").removeprefix("Repository: ")
    repository = re.match(r"([\w.-]+/[\w.-]*\w)(?=[.\s,;(]|$)", first)
    return f"https://github.com/{repository.group(1)}" if repository else first[:160]


def main(folder: Path) -> None:
    group, made = "", {}
    for line in (folder / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            group = line[4:]
        found = ROW.match(line)
        if not found or not (folder / found.group(1)).is_dir():
            continue
        name, what, rows, licence = found.groups()
        mark = re.match(r"\*\*(.*?)\*\*\s*", licence)
        tables = {p.stem: pq.read_schema(p).names for p in sorted((folder / name).glob("*.parquet"))}
        splits = [t for t in ("train", "validation", "test") if t in tables]
        if len(splits) > 1 and all(tables[t] == tables[splits[0]] for t in splits):
            tables = {"|".join(splits): tables[splits[0]], **{t: f for t, f in tables.items() if t not in splits}}
        made[name] = {
            "what": what,
            "group": group,
            "rows": rows.replace("**", ""),
            "mark": mark.group(1) if mark else "",
            "licence": licence[mark.end() :] if mark else licence,
            "fields": {t: f if len(f) <= 24 else [*f[:20], f"... {len(f)} in all"] for t, f in tables.items()},
            "home": HOMES.get(name) or home((folder / name / "README.md").read_text(encoding="utf-8")),
        }
    lines = [f"{json.dumps(n)}: {json.dumps(e, ensure_ascii=False)}" for n, e in sorted(made.items())]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(made)} sets, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
