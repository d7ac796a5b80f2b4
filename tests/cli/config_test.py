"""goshawk config: who wins, what is wrong, profiles, and the page that is made from the schema."""

import json
import unittest

from program import CONFIG, SOURCE, USAGE, ProgramTest


class Show(ProgramTest):
    def origins(self, *words, **environment):
        document = json.loads(self.assert_prints("config", "show", "--origin", "--json", *words, **environment))
        return {key: (entry["value"], entry["from"]) for key, entry in document.items()}

    def test_each_layer_wins_over_the_one_before(self):
        self.write("goshawk.yaml", "detect:\n  conf: 0.1\n  iou: 0.2\n  max_det: 3\n")
        got = self.origins("--max-det", "30", "--profile", "edge", GOSHAWK_DETECT_IOU="0.25")
        self.assertEqual(got["detect.conf"], (0.1, "goshawk.yaml:2"))
        self.assertEqual(got["detect.iou"], (0.25, "environment GOSHAWK_DETECT_IOU"))
        self.assertEqual(got["detect.max_det"], (30, "flag --max-det"))
        self.assertEqual(got["runtime.batch"], (1, "profile edge"))
        self.assertEqual(got["source.every"], (1, "default"))

    def test_settings_by_resolution(self):
        self.assertEqual(self.origins("--size", "1920x1080")["runtime.batch"], (8, "profile auto (1080p)"))
        self.assertEqual(self.origins("--size", "7680x4320")["source.resize"], (0.5, "profile auto (8k)"))
        self.assert_fails(USAGE, "config", "show", "--size", "big", says="3840x2160")

    def test_file_named_by_the_environment(self):
        path = self.write("other.yaml", "detect: {conf: 0.7}\n")
        self.assertEqual(self.origins(GOSHAWK_CONFIG=str(path))["detect.conf"][0], 0.7)

    def test_only_what_a_command_takes(self):
        self.assertEqual(set(self.origins("models list")), {"profile", "log.level", "log.quiet"})
        self.assert_fails(USAGE, "config", "show", "verison", says="did you mean 'version'?")

    def test_flags_that_a_command_does_not_take_show_nothing(self):
        self.assert_fails(USAGE, "config", "show", "predict", "--tracker", "sort", says="has no setting track.tracker")
        self.assert_fails(USAGE, "config", "show", "train", "--model", "goshawk-s", says="has no setting model")
        self.assertIn("0.4", self.assert_prints("config", "show", "predict", "--conf", "0.4"))

    def test_bad_values_name_place_and_range(self):
        self.assert_fails(USAGE, "config", "show", "--conf", "7", says=["from 0 to 1", "flag --conf"])
        self.assert_fails(CONFIG, "config", "show", says="GOSHAWK_DETECT_CONF", GOSHAWK_DETECT_CONF="x")
        self.write("goshawk.yaml", "detect:\n  cnof: 0.3\n")
        self.assert_fails(CONFIG, "config", "show", says=["goshawk.yaml:2", "did you mean 'detect.conf'?"])


class Check(ProgramTest):
    def test_lists_all_problems(self):
        self.write("bad.yaml", "detect:\n  cnof: 1\n  iou: 3\n")
        result = self.goshawk("config", "check", "bad.yaml")
        self.assertEqual(result.returncode, CONFIG)
        self.assertIn("bad.yaml:2: unknown setting 'detect.cnof'", result.stdout)
        self.assertIn("bad.yaml:3: detect.iou must be", result.stdout)
        self.assertIn("2 problems", result.stderr)

    def test_good(self):
        self.write("good.json", '{"detect": {"conf": 0.3}}')
        self.assertEqual(self.assert_prints("config", "check", "good.json"), "good.json: good\n")

    def test_checks_a_file_even_where_the_current_one_is_broken(self):
        self.write("goshawk.yaml", "detect: {conf: 9}\n")
        result = self.goshawk("config", "check", "goshawk.yaml")
        self.assertEqual(result.returncode, CONFIG)
        self.assertIn("goshawk.yaml:1", result.stdout)


class Profiles(ProgramTest):
    def test_save_and_use(self):
        path = self.assert_prints("config", "save", "night", "--conf", "0.15", "--line", "a:1,2,3,4").strip()
        self.assertTrue(path.startswith(str(self.folder / "home")), path)
        document = json.loads(self.assert_prints("config", "show", "--profile", "night", "--origin", "--json"))
        self.assertEqual(document["detect.conf"], {"value": 0.15, "from": "profile night"})
        self.assertEqual(document["track.lines"]["value"], ["a:1,2,3,4"])
        self.assertEqual(self.assert_prints("config", "check", path), f"{path}: good\n")

    def test_saving_replaces_only_when_told(self):
        self.assert_prints("config", "save", "night", "--conf", "0.15")
        self.assert_fails(USAGE, "config", "save", "night", "--conf", "0.3", says="--force")
        self.assert_prints("config", "save", "night", "--conf", "0.3", "--force")

    def test_names(self):
        for name in ("edge", "../night", "a b"):
            self.assert_fails(CONFIG, "config", "save", name)
        self.assert_fails(USAGE, "models", "list", "--profile", "edgee", says="did you mean 'edge'?")


class Documentation(ProgramTest):
    def test_the_committed_page_is_the_one_that_is_made(self):
        page = (SOURCE / "docs/configuration.md").read_text()
        self.assertEqual(self.assert_prints("config", "docs"), page,
                         "run `build/release/bin/goshawk config docs > docs/configuration.md`")


if __name__ == "__main__":
    unittest.main()
