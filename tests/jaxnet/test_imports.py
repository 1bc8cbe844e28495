"""What `import jaxnet` loads: nothing but itself, until a name is used. Each in a process of its own."""

import subprocess
import sys

import pytest

import jaxnet


@pytest.mark.parametrize(
    "code",
    [
        "assert not {'jax', 'numpy', 'optax'} & set(sys.modules)",
        "assert jaxnet.mlp([2, 1]).structure and 'jaxnet.plots' not in sys.modules",
        "assert jaxnet.networks.layers.mlp is jaxnet.mlp and jaxnet.training.fitting.fit is jaxnet.fit",
        "assert jaxnet.mlp([2, 1])._repr_html_().startswith('<table>')",
        "from jaxnet import *; assert fit is jaxnet.fit and degrees is jaxnet.degrees",
    ],
)
def test_a_module_is_imported_when_a_name_of_it_is_used(code):
    subprocess.run([sys.executable, "-c", f"import sys, jaxnet\n{code}"], check=True)


def test_every_name_is_of_the_module_that_the_list_names():
    for name, module in jaxnet._API.items():
        assert getattr(jaxnet, name) is getattr(sys.modules[module], name)


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match=r"^module 'jaxnet' has no attribute 'mpl'$"):
        getattr(jaxnet, "mpl".lower())  # not by a dot, since names in dots have to exist
