"""The table of the 67 systems, and that each built one has all its parts."""

from pathlib import Path

import pytest

from jointspace._paths import PACKAGE, shared
from jointspace.errors import ConfigError
from jointspace.systems import STATUSES, SYSTEMS, find, module_name, table

ROOT = Path(__file__).parent.parent
BUILT = [s for s in SYSTEMS if s.status() != "planned"]


def test_sixty_seven_systems_with_distinct_slugs_homes_and_papers():
    assert len(SYSTEMS) == 67
    for field in ("slug", "home", "title", "arxiv"):
        assert len({getattr(s, field) for s in SYSTEMS}) == 67, field
    assert all(1990 < s.year < 2030 and len(s.arxiv) in (10, 9) for s in SYSTEMS)
    assert {row["status"] for row in table()} <= set(STATUSES)


def test_module_names_are_importable():
    assert module_name("2d-matryoshka") == "matryoshka_2d" and module_name("t-jepa") == "t_jepa"
    assert all(s.module.isidentifier() for s in SYSTEMS)


def test_unknown_slug_names_the_nearest():
    with pytest.raises(ConfigError, match="'algin'.*align"):
        find("algin")


@pytest.mark.parametrize("system", BUILT, ids=lambda s: s.slug)
def test_a_built_system_has_all_its_parts(system):
    assert (PACKAGE / "reproductions" / f"{system.module}.py").is_file()
    result = system.result()
    assert result is not None, "run `jointspace reproduce` and commit its result"
    assert len(set(result["seeds"])) >= 3 and len(result["arms"]) >= 2
    assert all(c["verdict"] in ("holds", "direction", "fails") for c in result["claims"])
    assert list((ROOT / "tests").rglob(f"test_{system.module}.py"))
    if system.home.startswith("methods/"):
        assert list(shared("recipes").rglob(f"{system.module}.yaml"))


def test_results_belong_to_built_systems():
    built = {s.slug for s in BUILT}
    assert {p.stem for p in shared("results").glob("*.json")} <= built
