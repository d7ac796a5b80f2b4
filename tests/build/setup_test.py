"""tools/setup: two at once take turns. The parts themselves are fetched by every fresh checkout's first make."""

import fcntl
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

TOOLS = Path(__file__).resolve().parents[2] / "tools"


class Setup(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "tools").mkdir()
        (self.folder / ".deps").mkdir()
        shutil.copy(TOOLS / "setup", self.folder / "tools")
        (self.folder / "tools" / "debian-packages.txt").write_text("# none\n")
        # In place of the real one: is the lock held while parts are fetched?
        (self.folder / "tools" / "fetch_parts.py").write_text(
            "import fcntl, os\n"
            "try:\n"
            "    fcntl.flock(os.open('.deps', os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
            "    print('free')\n"
            "except BlockingIOError:\n"
            "    print('held')\n")

    def start(self):
        return subprocess.Popen([self.folder / "tools" / "setup"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_the_lock_is_held_while_parts_are_fetched(self):
        self.assertEqual(self.start().communicate(timeout=20)[0], "held\n")

    def test_a_second_one_says_so_and_waits(self):
        lock = os.open(self.folder / ".deps", os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = self.start()
        self.assertIn("waiting", second.stdout.readline())
        with self.assertRaises(subprocess.TimeoutExpired):
            second.wait(timeout=0.3)
        os.close(lock)
        self.assertEqual(second.communicate(timeout=20)[0], "held\n")
        self.assertEqual(second.returncode, 0)


if __name__ == "__main__":
    unittest.main()
