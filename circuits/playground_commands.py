"""The command `play`: the page of the playground, which marimo serves on this machine alone."""

import argparse
import importlib.util
import os
import signal
import subprocess
import sys
from importlib.resources import files

from circuits.errors import ParseError


def play(options: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, and open it in the browser."""
    if importlib.util.find_spec("marimo") is None:
        raise ParseError("play: expected marimo, which is not installed. Install it: pip install marimo")
    page = str(files("circuits") / "playground" / "app.py")
    command = [sys.executable, "-m", "marimo", "run", page, "--host", "127.0.0.1"]
    if options.port is not None:
        command += ["--port", str(options.port)]
    if options.headless:
        command.append("--headless")
    # A process that is asked to end ends the server too.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = subprocess.Popen(command, env={**os.environ, "MARIMO_SKIP_UPDATE_CHECK": "1"})
    try:
        return server.wait()
    except KeyboardInterrupt:
        server.terminate()
        server.wait()
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
