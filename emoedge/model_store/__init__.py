"""Which models there are and where they are stored; `fetch.fetch` gets missing ones.

manifest = load_manifest()
for state in installed(manifest, settings.paths.models): ...   # emoedge models list
fetch(manifest.get("vosk-model-small-es-0.42"), settings.paths.models, progress=bar)
folder = resolve(settings.speech.model, settings.paths.models)
"""

from emoedge.model_store.manifest import Manifest, ModelEntry, load_manifest, package_models_dir
from emoedge.model_store.places import Installed, card_of, installed, resolve

__all__ = [
    "Installed",
    "Manifest",
    "ModelEntry",
    "card_of",
    "installed",
    "load_manifest",
    "package_models_dir",
    "resolve",
]
