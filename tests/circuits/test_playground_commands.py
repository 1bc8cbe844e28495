"""`python -m circuits play`: what it runs, and what it says where marimo is missing."""

import sys
from pathlib import Path

import pytest

from circuits import playground_commands
from circuits.command_line import main


class Server:
    """A process that is told what was asked of it."""

    def __init__(self, command, env):
        self.command, self.env, self.ended = command, env, False
        Server.last = self

    def wait(self):
        if not self.ended and "4000" in self.command:
            raise KeyboardInterrupt
        return 0

    def terminate(self):
        self.ended = True


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(playground_commands.subprocess, "Popen", Server)
    monkeypatch.setattr(playground_commands.importlib.util, "find_spec", lambda name: name)
    return Server


def test_marimo_serves_the_page_on_this_machine_alone(server):
    assert main(["play", "--port", "3000", "--headless"]) == 0
    python, *rest = server.last.command
    assert python == sys.executable
    assert rest[:3] == ["-m", "marimo", "run"]
    assert Path(rest[3]).read_text().count("@app.cell") > 10
    assert rest[4:] == ["--host", "127.0.0.1", "--port", "3000", "--headless"]
    assert server.last.env["MARIMO_SKIP_UPDATE_CHECK"] == "1"


def test_an_interrupt_ends_the_server_and_is_no_error(server):
    assert main(["play", "--port", "4000"]) == 0
    assert server.last.ended


def test_without_marimo_there_is_a_line(capsys, monkeypatch):
    monkeypatch.setattr(playground_commands.importlib.util, "find_spec", lambda name: None)
    assert main(["play"]) == 2
    message = "circuits: play: expected marimo, which is not installed. Install it: pip install marimo\n"
    assert capsys.readouterr().err == message


def test_a_port_that_is_none(capsys):
    with pytest.raises(SystemExit):
        main(["play", "--port", "70000"])
    assert "--port: expected at most 65,535, got 70000" in capsys.readouterr().err
