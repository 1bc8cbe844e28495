"""How Sphinx builds the site: `make docs`."""

import os
import sys
from pathlib import Path

import jaxnet

sys.path.insert(0, str(Path(__file__).parent))
os.environ["MATPLOTLIBRC"] = str(Path(__file__).parent)  # where cells run, in every folder

project = "jaxnet and circuits"
project_copyright = "2026, the authors of jaxnet and circuits, Apache-2.0"
release = jaxnet.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "checked_examples",
    "mathml",
    "reference_pages",
    "repository_links",
]
html_theme = "furo"
html_static_path = ["style"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_title = project
python_maximum_signature_line_length = 100
autodoc_typehints_format = "short"
napoleon_use_rtype = False
default_role = "name"
myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
suppress_warnings = ["ref.python"]  # fields of classes that have the name of an argument
