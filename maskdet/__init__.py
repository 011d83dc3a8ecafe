"""maskdet: who wears a face mask, who does not, and who wears it wrongly.

The public names are loaded on first use, so that ``import maskdet`` and
``maskdet --help`` stay as light as Python itself.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Box": "maskdet.types",
    "Face": "maskdet.types",
    "Prediction": "maskdet.types",
    "ImageResult": "maskdet.types",
    "MaskdetError": "maskdet.errors",
    "Classifier": "maskdet.models.classifier",
    "Pipeline": "maskdet.detect.pipeline",
    "load_pipeline": "maskdet.detect.pipeline",
    "read_image": "maskdet.images",
}

__all__ = ["__version__", *sorted(_PUBLIC)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return __all__
