"""The completion scripts, in the shells that are here."""

import os
import pty
import select
import shutil
import subprocess
import unittest

from program import USAGE, ProgramTest


class Completion(ProgramTest):
    def complete(self, *words):
        """What bash offers for the last word."""
        script = self.write("completion.bash", self.assert_prints("completion", "bash"))
        lines = [f"source '{script}'", "COMP_WORDS=(%s)" % " ".join(f"'{word}'" for word in words),
                 f"COMP_CWORD={len(words) - 1}", "_goshawk", 'printf "%s\\n" "${COMPREPLY[@]}"']
        result = subprocess.run(["bash", "--norc", "-c", "\n".join(lines)], cwd=self.folder, capture_output=True, text=True,
                                env=self.environment, timeout=30)
        self.assertEqual(result.stderr, "")
        return set(result.stdout.splitlines())

    def test_scripts_are_valid(self):
        for shell in ("bash", "zsh", "fish"):
            path = self.write(f"completion.{shell}", self.assert_prints("completion", shell))
            if shutil.which(shell):
                result = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, timeout=30)
                self.assertEqual((result.returncode, result.stderr), (0, ""), shell)

    def test_bash_completes_commands(self):
        self.assertEqual(self.complete("goshawk", "tr"), {"track", "train"})
        self.assertEqual(self.complete("goshawk", "models", ""), {"list", "pull", "info"})
        self.assertEqual(self.complete("goshawk", "completion", "z"), {"zsh"})

    def test_bash_completes_flags_and_values(self):
        self.assertEqual(self.complete("goshawk", "config", "show", "--prec"), {"--precision"})
        self.assertEqual(self.complete("goshawk", "config", "show", "--precision", "fp"), {"fp16", "fp32"})
        self.assertEqual(self.complete("goshawk", "models", "pull", "yolox_t"), {"yolox_tiny"})
        self.assertNotIn("--conf", self.complete("goshawk", "version", "--"))

    def test_bash_completes_a_command_that_has_commands(self):
        self.write("verbs.onnx", "")
        self.assertEqual(self.complete("goshawk", "package", "ver"), {"verify", "verbs.onnx"})
        self.assertIn("--out", self.complete("goshawk", "package", "m.onnx", "--"))
        self.assertNotIn("--out", self.complete("goshawk", "package", "verify", "--"))

    def test_bash_completes_values_by_command(self):
        self.write("fine.txt", "")
        self.assertEqual(self.complete("goshawk", "convert", "m.onnx", "--to", "f"), {"fp16", "fp16-storage", "fp32"})
        self.assertIn("coco", self.complete("goshawk", "data", "convert", "d", "--to", "c"))
        self.assertEqual(self.complete("goshawk", "bench", "m.onnx", "--prefer", ""), {"latency", "throughput"})
        self.assertEqual(self.complete("goshawk", "bench", "m.onnx", "--seconds", "f"), {""})

    def test_bash_takes_a_name_with_a_space_for_one(self):
        self.write("my video.mp4", "")
        self.assertEqual(self.complete("goshawk", "track", "my"), {"my video.mp4"})

    def test_bash_takes_commands_for_no_folders(self):
        """As one sees it: TAB behind "mod", in a folder that has a "models"."""
        self.write("models/a.onnx", "")
        script = self.write("completion.bash", self.assert_prints("completion", "bash"))
        leader, follower = pty.openpty()
        shell = subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], cwd=self.folder, stdin=follower, stdout=follower,
                                 stderr=follower, start_new_session=True,
                                 env=self.environment | {"TERM": "dumb", "PS1": "ready> "})
        os.close(follower)

        def seen_until(*marks):
            seen = b""
            while not any(mark in seen for mark in marks):
                ready, _, _ = select.select([leader], [], [], 10)
                self.assertTrue(ready, seen)
                seen += os.read(leader, 4096)
            return seen

        try:
            seen_until(b"ready> ")
            os.write(leader, f"source '{script}'\n".encode())
            seen_until(b"ready> ")
            os.write(leader, b"goshawk mod\t")
            self.assertIn(b"models ", seen_until(b"models ", b"models/"))
        finally:
            shell.kill()
            shell.wait(10)
            os.close(leader)

    def test_bash_completes_files(self):
        self.write("street.mp4", "")
        self.assertEqual(self.complete("goshawk", "track", "str"), {"street.mp4"})
        self.assertEqual(self.complete("goshawk", "track", "--config", "str"), {"street.mp4"})

    def test_unknown_shell(self):
        self.assert_fails(USAGE, "completion", "bsh", says="did you mean 'bash'?")


if __name__ == "__main__":
    unittest.main()
