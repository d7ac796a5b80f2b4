"""Runs the goshawk binary in a home of its own."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("GOSHAWK_SHARED_DATA", SOURCE.parent / "shared"))
BINARY = pathlib.Path(os.environ.get("GOSHAWK_BIN", SOURCE / "build/release/bin/goshawk")).resolve()

OK, USAGE, BAD_DATA, NO_INPUT, UNAVAILABLE, INTERNAL, IO, CONFIG = 0, 64, 65, 66, 69, 70, 74, 78


class ProgramTest(unittest.TestCase):
    """A test with an empty folder as current folder, home, cache and settings."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="goshawk-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH", "ASAN_OPTIONS")}
        self.environment = {**keep, "HOME": str(self.folder / "home"), "GOSHAWK_CACHE": str(self.folder / "cache"),
                            "no_proxy": "*"}
        self.binary = BINARY

    def goshawk(self, *words, timeout=60, **environment):
        return subprocess.run([str(self.binary), *map(str, words)], cwd=self.folder, capture_output=True, text=True,
                              timeout=timeout, env={**self.environment, **environment}, stdin=subprocess.DEVNULL)

    def assert_fails(self, code, *words, says=(), **environment):
        """One message on stderr that begins as all do, nothing on stdout, the exit code."""
        result = self.goshawk(*words, **environment)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertRegex(result.stderr, r"\Agoshawk: error: \S")
        self.assertEqual(result.stderr.count("error:"), 1, result.stderr)
        for text in [says] if isinstance(says, str) else says:
            self.assertIn(text, result.stderr)
        return result

    def assert_prints(self, *words, **environment):
        result = self.goshawk(*words, **environment)
        self.assertEqual(result.returncode, OK, result.stderr)
        return result.stdout

    def outside_of_checkout(self):
        """Runs a copy of the binary that sees neither bundled models nor developers' data from then on."""
        self.binary = self.folder / "bin" / "goshawk"
        self.binary.parent.mkdir()
        try:
            os.link(BINARY, self.binary)
        except OSError:
            shutil.copy2(BINARY, self.binary)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path
