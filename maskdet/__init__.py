"""maskdet: who wears a face mask, who does not, and who wears it wrongly.

The public names are loaded on first use, so that ``import maskdet`` and
``maskdet --help`` stay as light as Python itself.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Box": "maskdet.types:Box",
    "Face": "maskdet.types:Face",
    "Prediction": "maskdet.types:Prediction",
    "ImageResult": "maskdet.types:ImageResult",
    "MaskdetError": "maskdet.errors:MaskdetError",
    "Classifier": "maskdet.models.classifier:Classifier",
    "Pipeline": "maskdet.detect.pipeline:Pipeline",
    "load_pipeline": "maskdet.detect.pipeline:load_pipeline",
    "read_image": "maskdet.images:read",
}
"""Where each public name is: module and attribute."""

__all__ = ["__version__", *sorted(_PUBLIC)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PUBLIC[name].partition(":")
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
