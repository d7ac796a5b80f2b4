"""`goshawk eval-tracks` as users call it: layouts of folders, outputs, and what is wrong with files."""
import csv
import json
import unittest
from pathlib import Path

from program import BAD_DATA, IO, NO_INPUT, USAGE, ProgramTest

TRUTH = "".join(f"{frame},1,{10 * frame},10,20,40,1,1,1\n{frame},2,200,10,20,40,1,1,1\n" for frame in range(1, 6))
RESULT = "".join(f"{frame},7,{10 * frame},10,20,40,0.9,-1,-1,-1\n" for frame in range(1, 6))


class EvalTracks(ProgramTest):
    def scores(self, *arguments):
        return json.loads(self.assert_prints("eval-tracks", *arguments, "--json"))

    def fails(self, code, *arguments):
        return self.assert_fails(code, "eval-tracks", *arguments).stderr

    def test_layouts_give_the_same_scores(self):
        self.write("truth/A/gt/gt.txt", TRUTH)
        self.write("truth/A/seqinfo.ini", "[Sequence]\nname=A\nseqLength=5\n")
        self.write("beside/A/gt.txt", TRUTH)
        self.write("beside/A/test.txt", RESULT)
        self.write("flat/A.txt", TRUTH)
        self.write("results/A.txt", RESULT)
        self.write("tracker/data/A.txt", RESULT)
        self.write("runs/A/mot.txt", RESULT)
        for truth, result in [("truth", "results"), ("truth/A", "results"), ("beside", "beside"), ("flat", "tracker"),
                              ("truth/A/gt/gt.txt", "runs/A"), ("beside/A/gt.txt", "runs/A/mot.txt"), ("flat", "runs")]:
            with self.subTest(truth=truth, result=result):
                scores = self.scores("--gt", truth, "--dt", result)
                self.assertEqual([one["name"] for one in scores["sequences"]], ["A"])
                self.assertEqual(scores["combined"]["TP"], 5)
                self.assertAlmostEqual(scores["combined"]["MOTA"], 0.5)
                self.assertAlmostEqual(scores["combined"]["IDF1"], 2 / 3)
                self.assertEqual(scores["combined"]["frames"], 5)

    def test_files_are_written(self):
        self.write("gt/A.txt", TRUTH)
        self.write("gt/B.txt", TRUTH)
        self.write("dt/A.txt", RESULT)
        self.write("dt/B.txt", "")
        self.assertIn("COMBINED", self.assert_prints("eval-tracks", "--gt", "gt", "--dt", "dt", "--out", "made/here"))
        metrics = json.loads((self.folder / "made/here/metrics.json").read_text())
        self.assertEqual(len(metrics["combined"]["curves"]["HOTA"]), 19)
        with open(self.folder / "made/here/sequences.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([row["sequence"] for row in rows], ["A", "B", "COMBINED"])
        self.assertEqual([row["FN"] for row in rows], ["5", "10", "15"])
        made = self.folder / "made/here"
        page = (made / "report.html").read_text()
        self.assertIn("2 sequences, 10 frames, 4 tracks, 20 boxes", page)
        self.assertEqual(page.count("<img "), 2)
        self.assertNotIn("src=\"http", page)
        for plot in ("HOTA_parts.png", "HOTA_sequences.png"):
            self.assertEqual((made / plot).read_bytes()[:4], b"\x89PNG")
        self.assertIn("report.html", self.assert_prints("eval-tracks", "--gt", "gt/A.txt", "--dt", "dt/A.txt", "--out", "one"))
        self.assertIn("1 sequence, 5 frames", (self.folder / "one/report.html").read_text())
        self.assertFalse((self.folder / "one/HOTA_sequences.png").exists(), "of one sequence it says nothing new")

    def test_a_place_that_cannot_be_written_to_is_told_before_the_work(self):
        self.write("taken", "")
        self.write("dt.txt", "no line of MOT text\n")
        self.write("gt.txt", TRUTH)
        self.assertIn("taken", self.fails(IO, "--gt", "gt.txt", "--dt", "dt.txt", "--out", "taken"))

    def test_scores_are_kept_when_plots_cannot_be_drawn(self):
        self.write("gt.txt", TRUTH)
        self.write("dt.txt", RESULT)
        result = self.goshawk("eval-tracks", "--gt", "gt.txt", "--dt", "dt.txt", "--out", "made", PLPLOT_DRV_DIR="/nonexistent")
        self.assertEqual((result.returncode, result.stderr.count("no plots")), (0, 1), result.stderr)
        self.assertIn("HOTA", result.stdout)
        self.assertEqual({path.name for path in (self.folder / "made").iterdir()}, {"metrics.json", "report.html", "sequences.csv"})

    def test_rules_follow_from_names_and_classes(self):
        mixed = TRUTH + "".join(f"{frame},3,{10 * frame},10,20,40,0,7,1\n" for frame in range(1, 6))  # a static person
        self.write("gt/MOT17-05.txt", TRUTH)
        self.write("gt/other.txt", mixed)
        self.write("dt/MOT17-05.txt", RESULT)
        self.write("dt/other.txt", RESULT)
        scores = self.scores("--gt", "gt", "--dt", "dt", "--sequences", "MOT17-05")
        self.assertEqual(scores["sequences"][0]["rules"], "MOT17")
        self.assertIn("--benchmark", self.fails(USAGE, "--gt", "gt", "--dt", "dt"))
        plain = self.scores("--gt", "gt/other.txt", "--dt", "dt/other.txt", "--benchmark", "plain")
        self.assertEqual(plain["combined"]["gt_boxes"], 10)
        self.assertIn("pedestrians only", self.fails(USAGE, "--gt", "gt/other.txt", "--dt", "dt/other.txt", "--benchmark", "MOT20",
                                                     "--class", "car"))
        wrong = self.write("wrong.txt", "1,1,1,1,5,5,1,3,1\n")
        self.assertIn("wrong.txt:1", self.fails(BAD_DATA, "--gt", "gt/other.txt", "--dt", wrong, "--benchmark", "MOT17"))
        cars = self.write("cars.txt", "1,1,1,1,5,5,1,3,1\n1,2,50,1,5,5,1,1,1\n")
        one = self.scores("--gt", cars, "--dt", cars, "--benchmark", "plain", "--class", "car")
        self.assertEqual((one["combined"]["gt_boxes"], one["combined"]["dt_boxes"], one["combined"]["HOTA"]), (1, 1, 1))

    def test_wrong_lines_are_named(self):
        truth = self.write("gt.txt", TRUTH)
        self.write("length/gt/gt.txt", TRUTH)
        self.write("length/seqinfo.ini", "[Sequence]\nseqLength=4\n")
        for text, message in [
                (b"1,1,2,3\n", "result.txt:1"),
                (RESULT + "2,x,1,1,5,5\n", "result.txt:6"),
                (RESULT + "2,8,nan,1,5,5\n", "not a finite number"),
                (RESULT + "2,8,1,inf,5,5\n", "not a finite number"),
                (RESULT + "-2,8,1,1,5,5\n", "counted from 1"),
                (RESULT + "0,8,1,1,5,5\n", "counted from 1"),
                (RESULT + "2,7,1,1,5,5\n", "id 7 is there twice in frame 2 (result.txt:6)"),
                (RESULT + "2,-1,1,1,5,5\n", "may not be negative"),
                (b"\xff\xfe1\x00,\x00", "result.txt:1"),
                (b"\x89PNG\r\n\x1a\n\x00\x00", "result.txt:1"),
        ]:
            with self.subTest(text=text):
                (self.folder / "result.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
                self.assertIn(message, self.fails(BAD_DATA, "--gt", truth, "--dt", "result.txt"))
        self.assertIn("frame 5 of a sequence of 4 frames", self.fails(BAD_DATA, "--gt", "length", "--dt", self.write("r.txt", RESULT)))

    def test_ground_truth_with_confidences_of_a_tracker(self):
        found = "".join(f"{frame},1,{10 * frame},10,20,40,0.9\n" for frame in range(1, 6))
        self.write("found.txt", found)
        error = self.fails(BAD_DATA, "--gt", "found.txt", "--dt", "found.txt")
        self.assertIn("5 lines have a confidence between 0 and 1, such as 0.9", error)
        self.assertIn("found.txt:1", error)
        self.write("mixed.txt", found + "1,2,200,10,20,40,1\n")
        result = self.goshawk("eval-tracks", "--gt", "mixed.txt", "--dt", "mixed.txt", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("5 lines are not scored", result.stderr)
        self.assertEqual(json.loads(result.stdout)["combined"]["gt_boxes"], 1)
        self.write("none.txt", found.replace("0.9", "0"))  # left out on purpose
        self.assertEqual(self.scores("--gt", "none.txt", "--dt", "found.txt")["combined"]["gt_boxes"], 0)

    def test_a_frame_far_away_takes_no_memory(self):
        truth = self.write("gt.txt", TRUTH + "1000000000000,1,1,1,5,5,1,1,1\n")
        self.assertEqual(self.scores("--gt", truth, "--dt", truth)["combined"]["frames"], 10**12)

    def test_empty_files_and_missing_ones(self):
        empty = self.write("empty.txt", "")
        truth = self.write("gt/A.txt", TRUTH)
        self.assertEqual(self.scores("--gt", truth, "--dt", empty)["combined"]["FN"], 10)
        self.assertEqual(self.scores("--gt", empty, "--dt", truth)["combined"]["FP"], 10)
        self.assertEqual(self.scores("--gt", empty, "--dt", empty)["combined"]["MOTA"], 0)
        self.write("dt/B.txt", RESULT)
        self.assertIn("no result of the sequence 'A'", self.fails(NO_INPUT, "--gt", "gt", "--dt", "dt"))
        self.write("dt/A.txt", RESULT)
        scores = self.scores("--gt", "gt", "--dt", "dt")
        self.assertEqual([Path(name).name for name in scores["not_evaluated"]], ["B.txt"])
        self.assertIn("did you mean 'A'", self.fails(NO_INPUT, "--gt", "gt", "--dt", "dt", "--sequences", "a"))
        self.fails(NO_INPUT, "--gt", "nowhere", "--dt", "dt")
        self.fails(NO_INPUT, "--gt", "gt", "--dt", "nowhere")
        self.fails(USAGE, "--gt", "gt")
        self.fails(USAGE, "--gt", "gt", "--dt", "dt", "--benchmark", "MOT99")


if __name__ == "__main__":
    unittest.main(verbosity=2)
