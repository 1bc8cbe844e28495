"""Neural networks as pure functions of parameter pytrees: a function takes what it needs and returns what it makes.

The wings, each read after those before it: `lowering`, `networks`, `devices`, `differentiation`, `learning`,
`training`, `connectivity`.

The API is the list in `__init__.pyi`. All of it takes 0.1 s to import, so a module is imported when it is first used.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

_WINGS = ("lowering", "networks", "devices", "differentiation", "learning", "training", "connectivity")
_API = {
    name: module
    for module, name in re.findall(
        r"^from (jaxnet\.\S+) import \(?\s*(\w+)", Path(__file__).with_suffix(".pyi").read_text("utf-8"), re.MULTILINE
    )
}
__all__ = sorted(_API)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import what is asked for; of the wings all files that the API needs, so that they can be reached by dots."""
    if name in _API:
        globals()[name] = found = getattr(import_module(_API[name]), name)
        return found
    if name in _WINGS:
        for module in {*_API.values(), f"jaxnet.{name}"}:
            import_module(module)
        return globals()[name]
    raise AttributeError(f"module 'jaxnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the API and the wings; files that happen to be loaded are left out."""
    return sorted([*_API, *_WINGS, "__version__"])
