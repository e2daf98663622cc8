"""What mkdocs does besides, while it builds the site.

- Pages that stand at the top of the repository, such as CONTRIBUTING.md, are pages of the site.
- Links between files of the repository work on the site as they do in the repository: those to
  pages lead to the pages, those to other files lead to the repository's address.
- An entry of `nav` that ends with `/` stands for all pages of that folder, and one whose file is
  not there is left out, if `OPTIONAL` names it.
"""

from __future__ import annotations

import pathlib
import posixpath
import re
import typing as t

from mkdocs.structure.files import File, Files

if t.TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUTSIDE = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
    "LICENSE": "licence.md",
}
"""Files outside of docs/ that are pages, with their names on the site."""
OPTIONAL = ("fleet.md",)
"""Pages that `nav` names and that need not be there."""
_FENCE = re.compile(r"^(```.*?^```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()(?P<path>[^)#:\s]+)(?P<anchor>#[^)\s]*)?(?=\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Complete `nav`.

    Args:
        config: mkdocs.yml.
    """
    docs = pathlib.Path(config.docs_dir)
    config.nav = completed(t.cast("list[t.Any]", config.nav), docs)
    return config


def completed(nav: list[t.Any], docs: pathlib.Path) -> list[t.Any]:
    """A part of `nav` with its folders' pages, and without pages that are not there.

    Args:
        nav: The part.
        docs: Folder of the pages.
    """
    found: list[t.Any] = []
    for entry in nav:
        title, value = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        if isinstance(value, list):
            found.append({title: completed(value, docs)})
        elif value.endswith("/"):
            pages = sorted(path.relative_to(docs).as_posix() for path in docs.glob(f"{value}*.md"))
            pages.sort(key=lambda page: not page.endswith("/README.md"))
            found.append({title: pages})
        elif value not in OPTIONAL or (docs / value).exists():
            found.append(entry)
    return found


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of `OUTSIDE`.

    Args:
        files: Those of docs/.
        config: mkdocs.yml.
    """
    for path, name in OUTSIDE.items():
        text = (ROOT / path).read_text("utf-8")
        if name == "licence.md":
            text = f"# Licence\n\n```text\n{text.strip()}\n```\n"
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to files of the repository lead where they are on the site, or in the repository.

    Args:
        markdown: The page's text.
        page: The page.
        config: mkdocs.yml.
        files: All files of the site.
    """
    source = page.file.src_uri
    of = {name: path for path, name in OUTSIDE.items()}.get(source, f"docs/{source}")

    def lead(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(of), match["path"]))
        name = OUTSIDE.get(target, target.removeprefix("docs/"))
        if (files.get_file_from_path(name) is not None and name != target) or target in OUTSIDE:
            there = posixpath.relpath(name, posixpath.dirname(source) or ".")
            return there + (match["anchor"] or "")
        if not target.startswith("docs/") and (ROOT / target).exists():
            kind = "tree" if (ROOT / target).is_dir() else "blob"
            return f"{config.extra['repository']}/{kind}/main/{target}"
        return match[0]  # mkdocs complains of those that lead nowhere

    parts = _FENCE.split(markdown)
    return "".join(
        part if number % 2 else _LINK.sub(lead, part) for number, part in enumerate(parts)
    )
