"""goshawk models, against a server on loopback."""

import hashlib
import http.server
import json
import os
import signal
import subprocess
import threading
import time
import unittest

from program import BAD_DATA, CONFIG, NO_INPUT, SHARED, UNAVAILABLE, USAGE, ProgramTest

BODY = bytes(range(256)) * 4000


class Handler(http.server.BaseHTTPRequestHandler):
    """Knows ranges. /cut sends a part and closes, /slow trickles, anything else but /model is not there."""

    def do_GET(self):
        self.server.ranges.append(self.headers.get("Range"))
        if self.path not in ("/model", "/cut", "/slow"):
            self.send_error(404)
            return
        start = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(BODY) - 1}/{len(BODY)}")
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        if self.path == "/model":
            self.wfile.write(BODY[start:])
        elif self.path == "/cut":
            self.wfile.write(BODY[start:start + 300_000])
        else:
            for at in range(start, len(BODY), 5000):
                if self.server.ending.wait(0.05):
                    return
                try:
                    self.wfile.write(BODY[at:at + 5000])
                except OSError:  # the client has left, as the test wants
                    return

    def log_message(self, *_):
        pass


class Pull(ProgramTest):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.ranges = []
        self.server.ending = threading.Event()
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.ending.set)
        self.target = self.folder / "cache/models/tiny.onnx"

    def manifest(self, path="/model", sha256=None, size=len(BODY)):
        url = f"http://127.0.0.1:{self.server.server_port}{path}"
        return self.write("manifest.yaml", "models:\n  - {name: tiny, url: '%s', size: %d, sha256: '%s', licence: MIT, "
                          "description: for tests}\n" % (url, size, sha256 or hashlib.sha256(BODY).hexdigest()))

    def pull(self, manifest, **keywords):
        return self.goshawk("models", "pull", "tiny", "--manifest", manifest, **keywords)

    def test_pull_prints_the_path_and_the_file_is_whole(self):
        result = self.pull(self.manifest())
        self.assertEqual((result.returncode, result.stdout), (0, f"{self.target}\n"), result.stderr)
        self.assertEqual(self.target.read_bytes(), BODY)
        self.assertEqual(os.listdir(self.target.parent), ["tiny.onnx"])
        self.assertEqual(self.pull(self.manifest()).returncode, 0)
        self.assertEqual(len(self.server.ranges), 1, "a model that is here is not fetched again")

    def test_a_cut_connection_is_resumed(self):
        result = self.pull(self.manifest("/cut"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.target.read_bytes(), BODY)
        self.assertEqual(len(self.server.ranges), 4)
        self.assertIn("trying again", result.stderr)

    def test_ctrl_c_keeps_the_part_and_the_next_pull_goes_on(self):
        process = subprocess.Popen([str(self.binary), "models", "pull", "tiny", "--manifest", str(self.manifest("/slow"))],
                                   cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        part = self.target.with_suffix(".onnx.part")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (part.exists() and part.stat().st_size > 20_000):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertIn(b"goes on from here", messages)
        self.assertFalse(self.target.exists())
        self.assertGreater(part.stat().st_size, 20_000)
        self.assertEqual(self.pull(self.manifest("/model")).returncode, 0)
        self.assertEqual(self.target.read_bytes(), BODY)
        self.assertNotEqual(self.server.ranges[-1], None)

    def test_wrong_checksum(self):
        self.assert_fails_to_pull(BAD_DATA, self.manifest(sha256="0" * 64), "SHA-256")

    def test_wrong_size(self):
        self.assert_fails_to_pull(BAD_DATA, self.manifest(size=1000), "more than the 1000 bytes")

    def test_not_there(self):
        self.assert_fails_to_pull(UNAVAILABLE, self.manifest("/gone"), "404")

    def assert_fails_to_pull(self, code, manifest, says):
        result = self.pull(manifest)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn("goshawk: error:", result.stderr)
        self.assertIn(says, result.stderr)
        self.assertFalse(self.target.exists())

    def test_only_https(self):
        self.write("m.yaml", "models:\n  - {name: tiny, url: 'http://example.com/x', size: 5, sha256: '%s', licence: MIT, "
                   "description: d}\n" % ("0" * 64))
        result = self.goshawk("models", "pull", "tiny", "--manifest", "m.yaml")
        self.assertEqual(result.returncode, USAGE)
        self.assertIn("https only", result.stderr)

    def test_unknown_name_and_bad_manifest(self):
        self.assert_fails(NO_INPUT, "models", "pull", "yolox_nan", says="did you mean 'yolox_nano'?")
        self.write("bad.yaml", "models: [{name: x}]\n")
        self.assert_fails(CONFIG, "models", "list", "--manifest", "bad.yaml", says="`url` is missing")


class ListAndInfo(ProgramTest):
    def test_list_says_what_is_here(self):
        self.outside_of_checkout()
        states = {model["name"]: model["state"] for model in json.loads(self.assert_prints("models", "list", "--json"))}
        self.assertEqual(states, {"yolox_nano": "can be pulled", "yolox_tiny": "can be pulled"})
        self.assertIn("goshawk models pull", self.assert_prints("models", "list"))
        self.write("cache/models/yolox_tiny.onnx", "x")
        self.write("cache/models/mine.onnx", "x")
        states = {model["name"]: model["state"] for model in json.loads(self.assert_prints("models", "list", "--json"))}
        self.assertEqual(states, {"yolox_nano": "can be pulled", "yolox_tiny": "pulled", "mine": "in the cache"})

    def test_without_any_model_it_says_what_to_do(self):
        self.outside_of_checkout()
        self.assert_fails(NO_INPUT, "models", "info", says="goshawk models pull yolox_nano")
        self.assert_fails(NO_INPUT, "models", "info", "yolox_tiny", says="goshawk models pull yolox_tiny")

    def test_a_file_that_is_no_model(self):
        self.write("bad.onnx", "this is not protobuf")
        self.assert_fails(BAD_DATA, "models", "info", "bad.onnx", says="bad.onnx")
        self.write("empty.onnx", "")
        self.assert_fails(BAD_DATA, "models", "info", "empty.onnx", says="empty.onnx")
        self.assert_fails(NO_INPUT, "models", "info", "./none.onnx", says="none.onnx")

    def test_one_model_is_enough(self):
        self.assert_fails(USAGE, "models", "info", "a.onnx", "--model", "b.onnx", says="named already: a.onnx")
        self.assert_fails(USAGE, "eval", "a.onnx", "--data", "x", "--model", "b.onnx", says="named already: a.onnx")

    def test_info_of_a_real_model(self):
        model = SHARED / "models/yolox_nano.onnx"
        if not model.exists():
            self.skipTest("needs GOSHAWK_SHARED_DATA")
        document = json.loads(self.assert_prints("models", "info", model, "--json"))
        self.assertEqual(document["inputs"], [{"name": "images", "type": "float32", "shape": [1, 3, 416, 416]}])
        self.assertEqual(document["recipe"]["family"], "yolox")
        self.assertEqual(document["sha256"], hashlib.sha256(model.read_bytes()).hexdigest())
        self.assertIn("yolox", self.assert_prints("models", "info", model))


if __name__ == "__main__":
    unittest.main()
