"""The arrows of the house: who may import whom; no method imports a method; files of bearable size."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "jointspace"
LAYERS = [
    {"data", "nn", "metrics"},
    {"world", "objectives", "encoders"},
    {"space"},
    {"training"},
    {"methods", "theory"},
    {"search", "evaluation"},
    {"operations", "tasks"},
    {"reproductions", "serving", "testing", "systems", "recipe", "init", "demo", "doctor"},
    {"cli"},
]
RANK = {room: i for i, layer in enumerate(LAYERS) for room in layer}
FREE = {"errors", "_paths", "_lazy", "__init__"}
FILES = sorted(SOURCE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imports(path: Path) -> list[str]:
    """Dotted names a file imports from the project, `if TYPE_CHECKING` blocks left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guarded = {
        id(n)
        for b in ast.walk(tree)
        if isinstance(b, ast.If) and "TYPE_CHECKING" in ast.dump(b.test)
        for n in ast.walk(b)
    }
    names = []
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            names += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [f"{node.module}.{a.name}" for a in node.names]
    return [n for n in names if n.startswith("jointspace.")]


def test_all_files_are_looked_at():
    assert len(FILES) > 100
    assert {room(p) for p in FILES} <= set(RANK) | FREE


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_arrows_point_one_way(path):
    here = room(path)
    for name in imports(path):
        target = name.split(".")[1]
        if target not in RANK or here not in RANK:
            continue
        assert RANK[target] <= RANK[here], f"{path.relative_to(SOURCE)} imports {name}, which stands above it"
        if here in ("objectives", "metrics"):
            assert target == here, f"{here} imports nothing of the project"
        if here == target == "methods" and path.name != "__init__.py":
            pytest.fail(f"a method imports a method: {name}")


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_files_are_readable_at_a_sitting(path):
    assert path.read_text(encoding="utf-8").count("\n") < 400
