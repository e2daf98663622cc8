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
    known = {file.src_uri for file in files}
    return led(markdown, page.file.src_uri, known, config.extra["repository"])


def led(markdown: str, source: str, known: t.Collection[str], repository: str) -> str:
    """A page's text with links that are right on the site.

    Args:
        markdown: The text.
        source: The page's name on the site.
        known: The names of all files of the site.
        repository: Address of the repository.
    """
    of = {name: path for path, name in OUTSIDE.items()}.get(source, f"docs/{source}")

    def lead(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(of), match["path"]))
        name = OUTSIDE.get(path) or (path[len("docs/") :] if path.startswith("docs/") else "")
        if name in known:
            there = posixpath.relpath(name, posixpath.dirname(source) or ".")
            return there + (match["anchor"] or "")
        if not path.startswith("docs/") and (ROOT / path).exists():
            kind = "tree" if (ROOT / path).is_dir() else "blob"
            return f"{repository}/{kind}/main/{path}"
        return match[0]  # mkdocs complains of those that lead nowhere

    parts = _FENCE.split(markdown)
    return "".join(
        part if number % 2 else _LINK.sub(lead, part) for number, part in enumerate(parts)
    )
