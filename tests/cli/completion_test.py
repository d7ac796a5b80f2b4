"""The completion scripts, in the shells that are here."""

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
        return set(result.stdout.split())

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

    def test_bash_completes_files(self):
        self.write("street.mp4", "")
        self.assertEqual(self.complete("goshawk", "track", "str"), {"street.mp4"})
        self.assertEqual(self.complete("goshawk", "track", "--config", "str"), {"street.mp4"})

    def test_unknown_shell(self):
        self.assert_fails(USAGE, "completion", "bsh", says="did you mean 'bash'?")


if __name__ == "__main__":
    unittest.main()
