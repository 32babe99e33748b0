"""Which models there are, where they lie, how missing ones are fetched, and whether they are whole.

manifest = load_manifest()
for state in installed(manifest, settings.paths.models): ...   # emoedge models list
fetch(manifest.get("vosk-model-small-es-0.42"), settings.paths.models, progress=bar)
for finding in verify(manifest, settings.paths.models): ...     # emoedge models verify
folder = resolve(settings.speech.model, settings.paths.models)
"""

from emoedge.model_store.fetch import fetch
from emoedge.model_store.manifest import Manifest, ModelEntry, load_manifest
from emoedge.model_store.places import Installed, installed, package_models_dir, resolve
from emoedge.model_store.verify import Finding, verify

__all__ = [
    "Finding",
    "Installed",
    "Manifest",
    "ModelEntry",
    "fetch",
    "installed",
    "load_manifest",
    "package_models_dir",
    "resolve",
    "verify",
]
