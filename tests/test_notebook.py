"""What is shown where: in a notebook, pictures, tables and bars; on a terminal, lines and bars; in a pipe, lines."""

import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient


def run(folder, monkeypatch, *sources):
    """Run cells in a fresh kernel; return for each the data that its outputs show, by type, and its streams by name."""
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(folder))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    return [
        [output.get("data") or {output["name"]: output["text"]} for output in cell.outputs] for cell in notebook.cells
    ]


def shown(outputs, kind):
    return [output[kind] for output in outputs if kind in output]


CIRCUIT = """\
import sys, circuits, jaxnet
assert "matplotlib" not in sys.modules
circuits.parse("s = a ^ b ^ c; carry = maj(a, b, c)")"""
CURVES = "jaxnet.draw_learning_curves({'loss': [2.0, 1.0, 0.1]})"


@pytest.mark.slow
def test_results_show_themselves_in_a_fresh_kernel(tmp_path, monkeypatch):
    circuit, large, curves, network, bar, silent, plotted, given = run(
        tmp_path,
        monkeypatch,
        CIRCUIT,
        "circuits.library.adder(64)",
        CURVES,
        "jaxnet.mlp([2, 3, 1])",
        "from jaxnet.progress import progress_bar\nfor _ in progress_bar('steps', range(3)):\n    pass",
        "for _ in progress_bar('steps', range(3), shown=False):\n    pass",
        f"assert 'matplotlib.pyplot' not in sys.modules\nimport matplotlib.pyplot as plt\n{CURVES}",
        "figure, ax = plt.subplots()\njaxnet.draw_learning_curves({'loss': [1.0]}, ax=ax);",
    )
    (svg,) = shown(circuit, "image/svg+xml")
    assert svg.startswith("<svg")
    assert [set(output) for output in large] == [{"text/plain"}]
    assert network[0]["text/html"].startswith("<table>")
    text = "".join(shown(bar, "stderr"))
    assert "steps:   0%" in text
    assert "ipywidgets" not in text
    assert silent == []
    # Once each: before pyplot is imported, after it, and where pyplot made the axes.
    for outputs in (curves, plotted, given):
        assert len(shown(outputs, "image/png")) == len(outputs) == 1


@pytest.mark.slow
def test_runs_and_comparisons_show_themselves_and_their_bars(tmp_path, monkeypatch):
    fit, compare = run(
        tmp_path,
        monkeypatch,
        """import jax, jax.numpy as jnp, jaxnet, optax
rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
jaxnet.fit(rule, jnp.array(0.0), jnp.arange(4.0), steps=5, key=jax.random.key(0))""",
        "import circuits\ncircuits.compare(circuits.parse('a & b'), name='<AND>', seeds=2, steps=10)",
    )
    assert len(shown(fit, "image/png")) == len(shown(compare, "text/html")) == 1
    assert "&lt;AND&gt;" in shown(compare, "text/html")[0]
    for outputs, text in ((fit, "5.00/5.00"), (compare, "28/28")):
        assert text in "".join(shown(outputs, "stderr"))


SCRIPT = """\
import circuits
from jaxnet.progress import progress_bar
for _ in progress_bar("steps", range(3)):
    pass
{show}(circuits.parse("a ^ b"))
"""


@pytest.mark.parametrize(
    ("program", "show"),
    [
        pytest.param((), "print", id="python", marks=pytest.mark.slow),  # test_progress.py pretends to have a terminal
        pytest.param(("-m", "IPython", "--no-banner"), "display", id="ipython"),
    ],
)
def test_a_terminal_gets_a_bar_and_a_line(tmp_path, program, show):
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    ours, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    command = [sys.executable, *program, "-c", SCRIPT.format(show=show)]
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path), "TERM": "xterm"}
    done = subprocess.run(
        command, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, env=environment, check=True, timeout=300
    )
    os.set_blocking(ours, False)
    written = os.read(ours, 10_000).decode()
    os.close(terminal)
    os.close(ours)
    assert "steps:   0%" in written
    assert b"Circuit(2 inputs, 1 outputs, 1 gates)" in done.stdout
    assert b"<svg" not in done.stdout


@pytest.mark.slow
def test_a_pipe_gets_lines_only():
    command = [sys.executable, "-c", SCRIPT.format(show="print")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("Circuit(2 inputs, 1 outputs, 1 gates)\n", "")
