"""A picture of every set of the world, and the page that shows them. Called by generate.py."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

ROWS = 12
CONTROLS = {  # richer and larger than the defaults, to be looked at
    "scenes": {
        "size": 96, "objects": [1, 6], "layout": "free", "links": ["inside", "on", "touching", "holding"],
        "parts": ["none", "handle", "wheels", "hat", "wings"], "textures": ["plain", "striped", "dotted", "checked"],
        "backgrounds": ["plain", "grass", "bricks", "boards"], "camera": 0.3, "light": 0.5,
    },
    "clips": {"size": 48},
}  # fmt: skip


def gallery(folder: Path) -> str:
    """Contact sheets into `folder` (`scenes.png`, ...); returns the Markdown that shows them with their fields."""
    from jointspace import world
    from jointspace.data.contact_sheet import draw_sheet

    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for name in world.names():
        rows = world.make(name, n=ROWS, seed=11, **CONTROLS.get(name, {}))
        cells = [(Image.fromarray(rows.portrait(row)), rows.words(row)) for row in rows]
        wide = max(picture.width / picture.height for picture, _ in cells) > 2.5
        draw_sheet(cells, folder / f"{name}.png", cell=448 if wide else 152, across=2 if wide else 6)
        tables = " and ".join(f"`{table}`" for table in rows.tables())
        parts += [
            f"## {name}",
            f"{world.describe(name).capitalize()}. Fields of {tables}: {', '.join(f'`{f}`' for f in rows.FIELDS)}. "
            f"[More on {name}]({name}.md)",
            f"![Twelve rows of world/{name}](pictures/{name}.png)",
        ]
    return "\n\n".join(parts) + "\n"
