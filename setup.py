"""What pyproject.toml cannot say: files from outside the package that go into the wheel."""

import ast
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# Since Python 3.12 setuptools alone provides it.
from distutils.command.install_data import install_data  # isort: skip

ROOT = Path(__file__).resolve().parent
FOLDERS = ("models", "systemd", "config")
"""At the top of the tree, in `emoedge/data/` of the wheel; `emoedge/package_files.py` finds them in both."""
LEFT_OUT = shutil.ignore_patterns("figures", "vosk-model-*", "*.partial", "__pycache__")
MAN = "share/man/man1"


class BuildWithFolders(build_py):
    """Copies the folders; an editable install finds them in the checkout."""

    def run(self) -> None:
        """Build as usual, then add the folders."""
        super().run()
        if not self.editable_mode:
            for name in FOLDERS:
                target = Path(self.build_lib) / "emoedge" / "data" / name
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(ROOT / name, target, ignore=LEFT_OUT)


class InstallWithManPage(install_data):
    """Writes the manual page, with the commands as they are in the source."""

    def run(self) -> None:
        """Install as usual, then add the page."""
        super().run()
        page = Path(self.install_dir, MAN, "emoedge.1")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(manual_page(), encoding="utf-8")
        self.outfiles.append(str(page))


def manual_page() -> str:
    """The manual page in the format of man(7)."""
    commands = "\n".join(f".TP\n.B {name}\n{line}." for name, (_, line) in command_lines().items())
    text = (ROOT / "docs" / "emoedge.1.in").read_text(encoding="utf-8")
    return text.replace("@COMMANDS@", commands)


def command_lines() -> dict[str, tuple[str, str]]:
    """`COMMANDS` of the command line, read without importing it: at build time click is not installed."""
    tree = ast.parse((ROOT / "emoedge" / "cli" / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "COMMANDS" and node.value:
            return ast.literal_eval(node.value)
    raise LookupError("emoedge/cli/__init__.py: no COMMANDS")


setup(
    cmdclass={"build_py": BuildWithFolders, "install_data": InstallWithManPage},
    data_files=[(MAN, [])],
)
