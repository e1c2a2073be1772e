"""Write what the docs take from the code: system pages, options of the verbs, marked blocks of the README.

    python docs/generate.py            # writes docs/systems, docs/generated and README.md
    python docs/generate.py --check    # exit code 1 where README.md is not what would be written

No number is typed by hand: scores come from results/*.json, options from the command line, texts from docstrings.
"""

from __future__ import annotations

import ast
import re
import shutil
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
SNIPPETS = DOCS / "snippets"
PICTURE = DOCS / "assets" / "report.png"
CONFIGS = {  # file -> classes whose fields a reference page shows
    "training/config.py": ["TrainingConfig", "ParameterGroup"],
    "recipe/schema.py": ["Recipe", "DataConfig", "EvaluationConfig", "StageConfig"],
}
FAMILIES = {
    "text": "sentence and document vectors: pre-training, fine-tuning, hard negatives, long texts, nested widths",
    "vision": "pictures without texts: contrastive, masked, clustering, teachers, measures of quality",
    "vision-language": "pictures and texts in one space: retrieval, grounding, recognition, question answering",
    "audio": "separation of sounds by text",
    "video": "clips with text, planning of procedures",
    "shapes": "point clouds",
    "volumes": "medical volumes and pictures",
    "tabular": "table rows without labels",
    "records": "patient records",
    "graph": "nodes, also new ones, by identity and position",
    "recommendation": "embedding tables of recommenders: their size and widths",
    "binding": "Spaces joined through a modality they share",
    "merging": "weights of several models added up",
    "transfer": "knowledge from one pretrained model into another",
    "language-adaptation": "more languages, larger vocabularies",
    "tasks": "picture generation from learnt text vectors",
    "theory": "what can be said exactly",
}


# What is read --------------------------------------------------------------------------------------------------------


def verbs() -> list[tuple[str, Any]]:
    """(name, click command) of every verb, in the order of the command line; groups give `data list` and so on."""
    import typer

    from jointspace.cli.app import app

    found: list[tuple[str, Any]] = []
    root = typer.main.get_command(app)
    order = [c.name or c.callback.__name__ for c in app.registered_commands]
    groups = [g.name for g in app.registered_groups]
    for name in order + groups:
        command = root.commands[name]
        parts = getattr(command, "commands", None)
        found += [(f"{name} {part}", parts[part]) for part in parts] if parts else [(name, command)]
    return found


def module_docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def config_fields(path: Path, cls: str = "Config") -> list[tuple[str, str, str]]:
    """(field, default, comment) of a config class, read from its source: the comments say what a field means."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    rows = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef) and node.name == cls:
            for entry in node.body:
                if isinstance(entry, ast.AnnAssign):
                    rest = [
                        lines[entry.end_lineno - 1][entry.end_col_offset :],
                        *lines[entry.lineno - 1 : entry.end_lineno],
                    ]
                    comment = next((r.split("# ", 1)[1].strip() for r in rest if "# " in r), "")
                    default = re.sub(r"^field\(default_factory=(lambda: ?)?(.*)\)$", r"\2", _source(entry.value))
                    rows.append((ast.unparse(entry.target), default or "(required)", comment))
    return rows


def _source(node: ast.expr | None) -> str:
    return ast.unparse(node) if node is not None else ""


# What is written -----------------------------------------------------------------------------------------------------


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A Markdown table; `|` and line ends in cells are made harmless."""
    lines = [list(head)]
    lines += [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def fields_table(fields: list[tuple[str, str, str]]) -> str:
    return table(["field", "default", "meaning"], [[f"`{n}`", f"`{d}`", c] for n, d, c in fields])


def scores_table(result: dict[str, Any]) -> str:
    """Arms by metrics: mean over seeds, ± standard deviation."""
    metrics = list(dict.fromkeys(m for scores in result["arms"].values() for m in scores))
    rows = []
    for arm, scores in result["arms"].items():
        about = result.get("about", {}).get(arm, "")
        rows.append([f"**{arm}**<br>{about}" if about else arm, *(_mean(scores.get(m)) for m in metrics)])
    return table(["arm", *metrics], rows)


def _mean(values: list[float] | None) -> str:
    if not values:
        return ""
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3f}{spread}"


def claims_table(result: dict[str, Any]) -> str:
    rows = []
    for claim in result["claims"]:
        low_high = claim["interval"]
        shown = f"{low_high[0]:+.3f} to {low_high[1]:+.3f}" if low_high else "one seed"
        optional = " (optional)" if claim["optional"] else ""
        rows.append([claim["text"] + optional, f"{claim['mean']:+.3f}", shown, f"{claim['by']:+.3f}", claim["verdict"]])
    return table(["claim", "difference", "95 % interval", "needed", "verdict"], rows)


def system_page(system: Any) -> str:
    """The page of a built system: its file's docstring, its fields, its result."""
    from jointspace._paths import PACKAGE, shared

    home = PACKAGE / system.home
    recipe = next(iter(sorted(shared("recipes").rglob(f"{system.module}.yaml"))), None)
    parts = [
        f"# {system.name}",
        f"*{system.title}*, {system.year}, [arXiv {system.arxiv}](https://arxiv.org/abs/{system.arxiv}).\n"
        f"Family {system.family}; file `src/jointspace/{system.home}`; status **{system.status()}**.",
        "## What it is",
        paragraphs(module_docstring(home)),
    ]
    fields = config_fields(home)
    if fields:
        parts += ["## Fields of its config", fields_table(fields)]
    if recipe:
        text = recipe.read_text(encoding="utf-8").strip()
        parts += ["## Recipe", f"`jointspace train {recipe.stem}`", f"```yaml\n{text}\n```"]
    result = system.result()
    if result:
        parts += result_parts(system, result)
    return "\n\n".join(parts) + "\n"


def paragraphs(docstring: str) -> str:
    """A docstring as Markdown: paragraphs stay paragraphs, indented lines and formulas stay as they stand."""
    parts = docstring.replace("<", "&lt;").split("`")  # every second part is code
    return "`".join(p if i % 2 else p.replace("_", r"\_").replace("*", r"\*") for i, p in enumerate(parts))


def result_parts(system: Any, result: dict[str, Any]) -> list[str]:
    plot = ROOT / "results" / f"{system.slug}.png"
    versions = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    sets = [[role, used["name"], f"{used['rows']:,}"] for role, used in result["datasets"].items()]
    parts = [
        "## Result",
        f"`jointspace reproduce {system.slug}`: {result['status']}; seeds {', '.join(map(str, result['seeds']))}, "
        f"{result['seconds'] / 60:.0f} minutes. Mean ± standard deviation over seeds.",
        scores_table(result),
        "### Claims",
        claims_table(result),
        "A claim *holds* when the mean difference reaches what is needed; *direction* means that every seed has the "
        "sign and the margin is missed. Intervals are paired over seeds (Student).",
    ]
    if plot.is_file():
        parts.append(f"![Scores of every arm and seed]({system.slug}.png)")
    parts += ["### Data", table(["role", "set", "most rows"], sets)]
    if result.get("choices"):
        rows = [[name, value] for name, value in result["choices"].items()]
        parts += ["### Choices the paper leaves open", table(["what", "choice"], rows)]
    return [*parts, f"Versions: {versions}."]


def systems_index(rows: list[dict[str, Any]]) -> str:
    lines = [
        [
            f"[{row['slug']}]({row['slug']}.md)" if row["status"] != "planned" else row["slug"],
            row["status"],
            row["family"],
            f"[{row['title']}](https://arxiv.org/abs/{row['arxiv']}), {row['year']}",
        ]
        for row in sorted(rows, key=lambda r: (r["family"], r["slug"]))
    ]
    return (
        "# Systems\n\nThe published systems that jointspace is made of, and how far each is. *Planned*: no code yet. "
        "*Built*: the method is there, its result is not. *Reproduced*: its paper's central claim was rerun and no "
        "claim that counts fails. *Failed*: one does.\n\n" + table(["slug", "status", "family", "paper"], lines) + "\n"
    )


def options_page(name: str, command: Any) -> str:
    """Arguments and options of a verb, as its `--help` has them."""
    rows = []
    for parameter in command.params:
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        argument = parameter.param_type_name == "argument"
        shown = parameter.name.upper() if argument else ", ".join(parameter.opts)
        default = "required" if parameter.required else f"`{parameter.default}`"
        if not parameter.required and (parameter.default in (None, False, ()) or callable(parameter.default)):
            default = ""
        rows.append([f"`{shown}`", parameter.help or "", default])
    title = (command.help or "").split("\n")[0]
    return f"`jointspace {name}`: {title}\n\n" + table(["argument or option", "meaning", "default"], rows) + "\n"


# README --------------------------------------------------------------------------------------------------------------


def readme_blocks() -> dict[str, str]:
    """Name of a marked block -> its text."""
    from jointspace import systems

    rows = systems.table()
    api = (SNIPPETS / "api.py").read_text(encoding="utf-8").strip()
    start = (SNIPPETS / "start.sh").read_text(encoding="utf-8").strip()
    return {
        "start": f"```sh\n{start}\n```",
        "verbs": table(["verb", "what it does"], ([f"`{n}`", (c.help or "").split("\n")[0]] for n, c in verbs())),
        "families": families_table(rows),
        "api": f"```python\n{api}\n```",
        "status": status_text(rows),
        "picture": "![The report that the demo writes](docs/assets/report.png)" if PICTURE.is_file() else "",
    }


def families_table(rows: list[dict[str, Any]]) -> str:
    lines = []
    for family in dict.fromkeys([*FAMILIES, *(row["family"] for row in rows)]):
        here = [row["status"] for row in rows if row["family"] == family]
        if here:
            made = sum(s != "planned" for s in here)
            lines.append([family, FAMILIES.get(family, ""), len(here), made])
    return table(["family", "about", "systems", "built"], lines)


def status_text(rows: list[dict[str, Any]]) -> str:
    from jointspace import systems

    made = [row for row in rows if row["status"] != "planned"]
    text = f"Of {len(rows)} systems, {len(made)} {'is' if len(made) == 1 else 'are'} built."
    lines = []
    for row in made:
        result = systems.find(row["slug"]).result()
        if result is None:
            lines.append([row["slug"], row["status"], "", "", ""])
            continue
        counting = [c for c in result["claims"] if not c["optional"]]
        held = sum(c["verdict"] == "holds" for c in counting)
        optional = [c for c in result["claims"] if c["optional"]]
        more = f", {sum(c['verdict'] == 'holds' for c in optional)} of {len(optional)} optional" if optional else ""
        minutes = f"{result['seconds'] / 60:.0f} min"
        lines.append([row["slug"], row["status"], f"{held} of {len(counting)}{more}", len(result["seeds"]), minutes])
    return text + ("\n\n" + table(["system", "status", "claims that hold", "seeds", "took"], lines) if lines else "")


def readme(text: str) -> str:
    """The README with every block `<!-- begin: NAME -->` ... `<!-- end: NAME -->` filled in."""
    for name, content in readme_blocks().items():
        pattern = re.compile(rf"(<!-- begin: {name} -->\n).*?(<!-- end: {name} -->)", re.DOTALL)
        assert pattern.search(text), f"README.md has no block {name!r}"
        body = f"{content}\n" if content else ""
        text = pattern.sub(lambda m, body=body: m.group(1) + body + m.group(2), text)
    return text


def write_pages() -> list[Path]:
    """System pages, the table of systems, options of the verbs, the world's pictures. Returns what was written."""
    from gallery import gallery

    from jointspace import systems

    written = []
    for name in ("systems", "generated"):
        shutil.rmtree(DOCS / name, ignore_errors=True)
        (DOCS / name).mkdir()

    def write(path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        written.append(path)

    write(DOCS / "systems" / "index.md", systems_index(systems.table()))
    for system in systems.SYSTEMS:
        if system.status() != "planned":
            write(DOCS / "systems" / f"{system.slug}.md", system_page(system))
            plot = ROOT / "results" / f"{system.slug}.png"
            if plot.is_file():
                shutil.copy(plot, DOCS / "systems" / plot.name)
    for name, command in verbs():
        write(DOCS / "generated" / f"{name.replace(' ', '_')}.md", options_page(name, command))
    for file, classes in CONFIGS.items():
        for cls in classes:
            fields = config_fields(ROOT / "src" / "jointspace" / file, cls)
            write(DOCS / "generated" / f"{cls}.md", fields_table(fields) + "\n")
    for block in ("families", "status"):
        write(DOCS / "generated" / f"{block}.md", readme_blocks()[block] + "\n")
    write(DOCS / "generated" / "world.md", gallery(DOCS / "world" / "pictures"))
    return written


def main() -> int:
    path = ROOT / "README.md"
    before = path.read_text(encoding="utf-8")
    after = readme(before)
    if "--check" in sys.argv[1:]:
        if before != after:
            print("README.md is not up to date: run `python docs/generate.py`", file=sys.stderr)
            return 1
        return 0
    if before != after:
        path.write_text(after, encoding="utf-8")
    print(f"{len(write_pages())} pages in docs/systems and docs/generated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
