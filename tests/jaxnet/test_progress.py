"""Bars are where somebody looks; a kernel is found without importing IPython."""

import importlib.machinery
import io
import sys
from types import ModuleType, SimpleNamespace

import pytest

from jaxnet.notebook import html_table, in_notebook
from jaxnet.progress import progress_bar


class Screen(io.StringIO):
    def isatty(self):
        return True


def loop(monkeypatch, stream, **options):
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(progress_bar("steps", range(3), **options)) == [0, 1, 2]
    return stream.getvalue()


@pytest.fixture
def shell(monkeypatch):
    """Pretend that IPython is loaded, with this shell."""

    def pretend(shell):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))

    return pretend


def test_on_a_terminal_a_bar_comes_and_goes(monkeypatch):
    assert "steps:   0%" in (written := loop(monkeypatch, Screen()))
    assert written.endswith("\r")
    assert "3/3" in loop(monkeypatch, Screen(), leave=True)
    assert loop(monkeypatch, Screen(), shown=False) == ""


def test_in_a_pipe_nothing(monkeypatch):
    assert loop(monkeypatch, io.StringIO()) == ""


def test_in_a_log_file_a_line_now_and_then_on_request(monkeypatch):
    monkeypatch.setattr("jaxnet.progress.LINE_EVERY", 0.0)
    lines = loop(monkeypatch, io.StringIO(), shown=True).splitlines()
    every = [f"steps: {percent}% {i}/3" for i, percent in enumerate((0, 33, 67, 100))]
    assert [line.split(" [")[0] for line in lines] == every
    monkeypatch.setattr("jaxnet.progress.LINE_EVERY", 30.0)
    lines = loop(monkeypatch, io.StringIO(), shown=True, unit=" steps").splitlines()
    assert [line.split(" [")[0] for line in lines] == [every[0], every[-1]]
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    with progress_bar(None, shown=True) as bar:
        bar.update(7)
    assert [line.split(" [")[0] for line in stream.getvalue().splitlines()] == ["0", "7"]


def test_a_terminal_of_ipython_is_no_notebook(monkeypatch, shell):
    shell(SimpleNamespace())
    assert not in_notebook()
    assert loop(monkeypatch, io.StringIO()) == ""
    shell(None)  # imported, but not running
    assert not in_notebook()


def test_a_kernel_without_ipywidgets_gets_text(monkeypatch, shell):
    shell(SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert in_notebook()
    assert "steps:   0%" in loop(monkeypatch, io.StringIO())
    assert loop(monkeypatch, io.StringIO(), shown=False) == ""


def test_a_kernel_with_ipywidgets_gets_a_widget(monkeypatch, shell):
    shell(SimpleNamespace(kernel=object()))
    widgets, bars = ModuleType("ipywidgets"), ModuleType("tqdm.auto")
    widgets.__spec__ = importlib.machinery.ModuleSpec("ipywidgets", None)
    bars.tqdm = lambda *arguments, **options: (arguments, options)
    monkeypatch.setitem(sys.modules, "ipywidgets", widgets)
    monkeypatch.setitem(sys.modules, "tqdm.auto", bars)
    assert progress_bar("steps", total=3) == ((None, "steps"), {"leave": False, "disable": False, "total": 3})


def test_tables_are_escaped_and_numbers_stand_at_the_right():
    table = html_table(["<name>", "bytes"], [("a & b", 1024), ('"', 0.5)])
    assert table.count("<tr>") == 3
    for cell in ("&lt;name&gt;", "a &amp; b", "&quot;"):
        assert f'"text-align: left">{cell}<' in table
    for cell in ("bytes", "1,024", "0.5"):
        assert f'"text-align: right">{cell}<' in table
    assert html_table(["a"], []) == '<table>\n<tr><th style="text-align: left">a</th></tr>\n</table>'
