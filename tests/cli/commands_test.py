"""Help, unknown words, exit codes, signals, and where output goes."""

import json
import os
import pty
import re
import subprocess
import unittest

from program import IO, NO_INPUT, OK, USAGE, ProgramTest


class Help(ProgramTest):
    def test_alone_it_lists_the_commands(self):
        text = self.assert_prints()
        for name in ("version", "models pull", "config show", "doctor", "completion"):
            self.assertIn(f"\n  {name} ", text)
        self.assertEqual(text, self.assert_prints("--help"))
        self.assertEqual(text, self.assert_prints("help"))

    def test_each_command_has_help_in_three_ways(self):
        names = [line[2:].split("  ")[0] for line in self.assert_prints().splitlines() if line.startswith("  ")]
        self.assertGreater(len(names), 8)
        for name in names:
            text = self.assert_prints(*name.split(), "--help")
            self.assertIn(f"Usage: goshawk {name}", text)
            self.assertEqual(text, self.assert_prints("help", *name.split()))
            self.assertEqual(text, self.assert_prints(*name.split(), "-h"))

    def test_help_tells_of_each_flag(self):
        script = self.assert_prints("completion", "bash")
        for name, flags in re.findall(r"^    '([a-z ]+)'\) flags='([^']*)'", script, re.M):
            text = self.assert_prints(*name.split(), "--help")
            for flag in flags.split():
                bare = flag.removeprefix("--no-").removeprefix("--")
                if bare != "help":
                    self.assertRegex(text, rf"--(\[no-\]|no-)?{bare}\b", name)

    def test_help_of_a_command_that_has_commands(self):
        for words in (["package", "--help"], ["package", "x", "--help"], ["help", "package"]):
            text = self.assert_prints(*words)
            self.assertIn("--out PATH", text)
            self.assertIn("package verify PACKAGE", text)

    def test_family_help(self):
        self.assertIn("pull NAME", self.assert_prints("models", "--help"))
        self.assertIn("pull NAME", self.assert_prints("help", "models"))

    def test_help_fits_80_columns(self):
        for words in ([], ["config", "show", "--help"], ["models", "pull", "--help"]):
            for line in self.assert_prints(*words).splitlines():
                self.assertLessEqual(len(line), 80, line)


class Words(ProgramTest):
    def test_unknown_command(self):
        self.assert_fails(USAGE, "verison", says="did you mean 'version'?")
        self.assert_fails(USAGE, "models", "pul", says="did you mean 'pull'?")
        self.assert_fails(USAGE, "models", says="list, pull, info")

    def test_unknown_flag(self):
        self.assert_fails(USAGE, "version", "--jsno", says="did you mean '--json'?")
        self.assert_fails(USAGE, "version", "--conf", "0.3", says="does not take --conf")

    def test_missing_and_superfluous(self):
        self.assert_fails(USAGE, "models", "pull", says="needs NAME")
        self.assert_fails(USAGE, "version", "now", says="one argument too many: 'now'")
        self.assert_fails(USAGE, "models", "list", "--config", says="--config needs one value")

    def test_missing_config_file(self):
        self.assert_fails(NO_INPUT, "models", "list", "--config", "none.yaml", says="none.yaml")


    def test_broken_settings_do_not_stop_what_needs_none(self):
        self.write("goshawk.yaml", "detect: {conf: 9}\n")
        for words in (["version"], ["completion", "bash"], ["config", "docs"], ["--help"]):
            self.assert_prints(*words, GOSHAWK_DETECT_CONF="9")


class Output(ProgramTest):
    def test_version(self):
        self.assertRegex(self.assert_prints("version"), r"\Agoshawk \d+\.\d+\.\d+ ")
        document = json.loads(self.assert_prints("version", "--json"))
        self.assertIn("onnxruntime", document["libraries"])
        self.assertEqual(self.assert_prints("--version"), self.assert_prints("version"))

    def test_flags_that_would_do_nothing_are_refused(self):
        for says, *words in (("--check", "data", "split", "set", "--check", "--ratio", "80/20"),
                             ("--out", "data", "split", "set", "--in-place", "--images", "link"),
                             ("--compare", "eval", "--data", "set", "--draws", "10"),
                             ("JPEG", "frames", "a.mp4", "--out", "f", "--format", "png", "--quality", "80"),
                             ("--data", "bench", "a.onnx", "--map", "a=b"),
                             ("--source", "bench", "a.onnx", "--start", "2"),
                             ("--batch", "optimize", "a.onnx", "--data", "set", "--batch", "2")):
            with self.subTest(words):
                self.assert_fails(USAGE, *words, says=says)

    def test_doctor_says_what_auto_takes(self):
        document = json.loads(self.assert_prints("doctor", "--json"))
        available = [device["device"] for device in document["devices"] if device["available"]]
        self.assertIn("cpu", available)
        self.assertEqual(document["auto"], available[0])
        self.assertIn(f"takes {document['auto']}", self.assert_prints("doctor"))
        self.assertIn("✗ model", self.doctor_without_models())

    def test_doctor_says_what_is_wrong_with_the_settings(self):
        self.assertIn("✓ settings", self.assert_prints("doctor"))
        self.write("goshawk.yaml", "detect: {conf: 0.7}\n")
        self.assertIn("1 set by a file, 0 by the environment", self.assert_prints("doctor"))
        self.write("goshawk.yaml", "detect: {cnof: 0.7}\n")
        told = self.assert_prints("doctor")
        self.assertIn("✗ settings", told)
        self.assertIn("did you mean 'detect.conf'?", told)
        self.assertIn("goshawk.yaml:1", told)

    def doctor_without_models(self):
        self.outside_of_checkout()
        return self.assert_prints("doctor")

    def test_a_reader_that_leaves_is_no_error(self):
        long = self.write("long.yaml", "log:\n" + "".join(f"  nothing_{number}: 1\n" for number in range(3000)))
        for words in (["config", "docs"], ["config", "check", str(long)]):  # the second is longer than the buffer
            with self.subTest(words):
                reading, writing = os.pipe()
                os.close(reading)
                with os.fdopen(writing, "w") as out:
                    result = subprocess.run([str(self.binary), *words], stdout=out, stderr=subprocess.PIPE,
                                            env=self.environment, cwd=self.folder, timeout=60)
                self.assertEqual(result.returncode, OK)
                self.assertEqual(result.stderr, b"")

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w") as out:
            result = subprocess.run([str(self.binary), "config", "docs"], stdout=out, stderr=subprocess.PIPE, text=True,
                                    env=self.environment, cwd=self.folder, timeout=60)
        self.assertEqual(result.returncode, IO)
        self.assertIn("goshawk: error:", result.stderr)

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_an_error_that_cannot_be_shown_is_still_an_error(self):
        for closing in ("2>/dev/full", "2>&-", "<&- >&- 2>&-"):
            with self.subTest(closing):
                result = subprocess.run(["sh", "-c", f'"$0" config check none.yaml {closing}', str(self.binary)],
                                        env=self.environment, cwd=self.folder, timeout=60)
                self.assertEqual(result.returncode, NO_INPUT)

    def test_a_result_that_goes_nowhere_is_an_error(self):
        result = subprocess.run(["sh", "-c", '"$0" version >&-', str(self.binary)], stderr=subprocess.PIPE, text=True,
                                env=self.environment, cwd=self.folder, timeout=60)
        self.assertEqual(result.returncode, IO)
        self.assertIn("goshawk: error: cannot write the result", result.stderr)

    def on_terminal(self, *words, **environment):
        """Stdout of the program when it is a terminal."""
        main, side = pty.openpty()
        process = subprocess.Popen([str(self.binary), *words], stdout=side, stderr=side, cwd=self.folder,
                                   env={**self.environment, "TERM": "xterm", **environment})
        os.close(side)
        text = b""
        while True:
            try:
                block = os.read(main, 4096)
            except OSError:
                break
            if not block:
                break
            text += block
        process.wait(60)
        os.close(main)
        return text.decode()

    def test_colour_is_for_terminals_that_want_it(self):
        self.assertIn("\x1b[1m", self.on_terminal())
        self.assertNotIn("\x1b", self.on_terminal(NO_COLOR="1"))
        self.assertNotIn("\x1b", self.on_terminal(TERM="dumb"))
        self.assertNotIn("\x1b", self.assert_prints())
        self.assertIn("\x1b[1;31m", self.on_terminal("verison"))


if __name__ == "__main__":
    unittest.main()
