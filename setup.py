"""Everything is in pyproject.toml; here only what it cannot say: the shipped models go into the wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


class BuildWithModels(build_py):
    """Copies `models/` to `emoedge/data/models/`, where an installed package looks for them."""

    def run(self) -> None:
        """Build as usual, then add the models; an editable install finds them in the checkout."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "emoedge" / "data" / "models"
            shutil.copytree(
                ROOT / "models",
                target,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("figures", "vosk-model-*"),
            )


setup(cmdclass={"build_py": BuildWithModels})
