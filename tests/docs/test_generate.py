"""What the docs take from the code: README blocks up to date, a page for every built system, an option table a verb."""

import re

from jointspace.systems import SYSTEMS
from tests.docs.test_snippets import DOCS, load

generate = load("generate")
ROOT = DOCS.parent


def test_readme_is_up_to_date():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert generate.readme(text) == text, "run: python docs/generate.py"


def test_readme_and_pages_link_to_what_is_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert len(links) >= 5
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_verb_has_a_how_to_and_its_options():
    verbs = generate.verbs()
    text = "".join(p.read_text(encoding="utf-8") for p in (DOCS / "howto").glob("*.md"))
    assert len(verbs) >= 14
    for name, command in verbs:
        assert f"generated/{name.replace(' ', '_')}.md" in text, name
        assert "Example: jointspace " in (command.help or ""), f"{name} --help has no example"
        page = generate.options_page(name, command)
        assert page.count("\n|") >= 3, name


def test_every_built_system_gets_a_page():
    built = [s for s in SYSTEMS if s.status() != "planned"]
    assert built
    for system in built:
        page = generate.system_page(system)
        assert page.startswith(f"# {system.name}\n") and system.arxiv in page
        if system.result():
            assert all(claim["text"] in page for claim in system.result()["claims"])


def test_families_are_described():
    assert {s.family for s in SYSTEMS} <= set(generate.FAMILIES)


def test_table_cells_cannot_break_a_table():
    assert generate.table(["a"], [["x|y\nz"]]) == "| a |\n| --- |\n| x\\|y z |"
