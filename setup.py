"""What pyproject.toml cannot say: files from outside the package that go into the wheel."""

import ast
import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

# Since Python 3.12 setuptools alone provides it.
from distutils.command.install_data import install_data  # isort: skip

ROOT = Path(__file__).resolve().parent
FOLDERS = ("models", "systemd", "config")
"""At the top of the tree, in `emoedge/data/` of the wheel; `emoedge/package_files.py` finds them in both."""
LEFT_OUT = shutil.ignore_patterns("figures", "vosk-model-*", "*.partial", "__pycache__")
MAN = "share/man/man1"
COMMIT = Path("emoedge", "data", "commit")
"""Written into archives: where there is no Git to ask, `emoedge --version` reads it there."""
# The installed click writes them, so that they fit its version.
COMPLETION = {
    "share/bash-completion/completions/emoedge": 'eval "$(_EMOEDGE_COMPLETE=bash_source emoedge)"\n',
    "share/zsh/site-functions/_emoedge": '#compdef emoedge\neval "$(_EMOEDGE_COMPLETE=zsh_source emoedge)"\n',
    "share/fish/vendor_completions.d/emoedge.fish": "_EMOEDGE_COMPLETE=fish_source emoedge | source\n",
}


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
            shutil.copyfile(ROOT / "CHANGELOG.md", Path(self.build_lib) / "emoedge" / "data" / "CHANGELOG.md")
            write_commit(Path(self.build_lib))


class SourceArchive(sdist):
    """Writes the commit into the archive."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files as usual, then add the commit."""
        super().make_release_tree(base_dir, files)
        write_commit(Path(base_dir))


class InstallWithManPage(install_data):
    """Writes the manual page, with the commands as they are in the source, and the completion of shells."""

    def run(self) -> None:
        """Install as usual, then add the files."""
        super().run()
        for name, text in {f"{MAN}/emoedge.1": manual_page(), **COMPLETION}.items():
            path = Path(self.install_dir, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            self.outfiles.append(str(path))


def write_commit(root: Path) -> None:
    """Note the commit below a folder, where the source is in Git."""
    if (ROOT / ".git").exists():
        argv = ("git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD")
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode == 0:
            (root / COMMIT).parent.mkdir(parents=True, exist_ok=True)
            (root / COMMIT).write_text(done.stdout, encoding="utf-8")


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
    cmdclass={"build_py": BuildWithFolders, "sdist": SourceArchive, "install_data": InstallWithManPage},
    data_files=[(MAN, [])],
)
