"""Every test runs under the strictest JAX there is, on eight virtual CPU devices."""

import gc
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
os.environ.setdefault("MPLBACKEND", "agg")
# Half of the time of the tests was compilation. Without the optimiser of LLVM, here and in processes that tests start,
# XLA makes the same program, its fusions included, and only the machine code differs. `make test-all` sets this to 0,
# and files that stand or fall with the machine code ask for the fixture `optimised`.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "1" and version("jaxlib").startswith("0.10."):
    # Fusions go from HLO to LLVM directly, not through dialects of MLIR, in half of the time. Later releases of XLA do
    # not know this flag, and stop at it.
    os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"
# Real circuits and data sets, which are no part of the repository: tests that need them are skipped without.
os.environ.setdefault("JAXNET_DATA", str(Path(__file__).parents[1] / "shared" / "data"))

import hypothesis
import jax
import pytest

# These are Sphinx's, and it need not be there.
collect_ignore_glob = ["docs/*.py"]

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_debug_key_reuse", True)

# Examples in a fixed order and without a deadline: the same run on a busy machine and on an idle one.
hypothesis.settings.register_profile("jaxnet", deadline=None, derandomize=True, max_examples=20)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=200)
hypothesis.settings.load_profile("jaxnet")


# What is compiled again, by another test or after programs were dropped, is read from a folder of this process.
# Processes do not share one: JAX may read what another has half written.
folder = tempfile.TemporaryDirectory()
jax.config.update("jax_compilation_cache_dir", folder.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def pytest_unconfigure():
    """Leave nothing behind."""
    folder.cleanup()


def pytest_collection_finish():
    """Collecting garbage is quick if it does not look at all that was imported: 0.1 s less for each file."""
    gc.freeze()


@pytest.fixture(scope="module")
def optimised():
    """Compiles with LLVM's optimiser, for a whole file: `pytestmark = pytest.mark.usefixtures("optimised")`."""
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


MOST_PROGRAMS = 200  # a few hundred megabytes; what is used again is read from the folder
programs = []  # that were compiled since all were last dropped; an entry each
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: programs.append(event) if "backend_compile" in event else None
)


@pytest.fixture(scope="module", autouse=True)
def compiled_programs_dropped():
    """Compiled programs are dropped after a file when they are many: all of them together would take gigabytes.

    To drop them takes a fifth of a second, even where there are none, and the next file reads them from the folder.
    """
    yield
    if len(programs) > MOST_PROGRAMS:
        programs.clear()
        jax.clear_caches()
        gc.collect()
