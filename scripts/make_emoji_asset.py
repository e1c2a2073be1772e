"""Rebuild src/jointspace/data/assets/emoji/*.parquet from the catalogue's full emoji set.

    python scripts/make_emoji_asset.py FOLDER

Pictures, splits and English columns stay as they are; `names.parquet` becomes sorted by language, its keywords lists
without the name itself. Compression (zstd 19, sorted by language) brings all 111 languages under the 8 MB limit.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TARGET = Path(__file__).parents[1] / "src/jointspace/data/assets/emoji"
LIMIT = 8_000_000  # bytes, all files together
ZSTD = {"compression": "zstd", "compression_level": 19}
SPLITS = ("train", "validation", "test")


def main(folder: Path) -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        table = pq.read_table(folder / f"{split}.parquet")
        pq.write_table(table, TARGET / f"{split}.parquet", use_dictionary=["group", "subgroup", "label_name"], **ZSTD)
    names = pq.read_table(folder / "names.parquet").sort_by([("lang", "ascending"), ("id", "ascending")])
    keywords = [
        [word for word in dict.fromkeys(w.strip() for w in (text or "").split(" | ")) if word and word != name]
        for name, text in zip(names["name"].to_pylist(), names["keywords"].to_pylist(), strict=True)
    ]
    names = names.set_column(
        names.schema.get_field_index("keywords"), "keywords", pa.array(keywords, pa.list_(pa.string()))
    )
    pq.write_table(
        names,
        TARGET / "names.parquet",
        use_dictionary=["lang", "language"],
        column_encoding={
            "id": "DELTA_BINARY_PACKED",
            "name": "DELTA_LENGTH_BYTE_ARRAY",
            "keywords.list.element": "DELTA_LENGTH_BYTE_ARRAY",
        },
        row_group_size=len(names),
        data_page_size=1 << 27,
        write_statistics=False,
        **ZSTD,
    )
    size = sum(path.stat().st_size for path in TARGET.iterdir())
    languages = pc.count_distinct(names["lang"]).as_py()
    print(f"{languages} languages, {len(names):,} names, {size:,} bytes in all")
    if size > LIMIT:
        sys.exit(f"over the limit of {LIMIT:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
