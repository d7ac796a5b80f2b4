"""cmake/FindOnnxRuntime.cmake: which ONNX Runtime is taken, and what is said when it does not fit."""

import subprocess
import tempfile
import unittest
from pathlib import Path

MODULES = Path(__file__).resolve().parents[2] / "cmake"
PROJECT = """cmake_minimum_required(VERSION 3.25)
project(find LANGUAGES NONE)
list(APPEND CMAKE_MODULE_PATH "%s")
set(CMAKE_FIND_LIBRARY_PREFIXES lib)
set(CMAKE_FIND_LIBRARY_SUFFIXES .so)
find_package(OnnxRuntime REQUIRED)
message(STATUS "took ${OnnxRuntime_LIBRARY} and ${OnnxRuntime_INCLUDE_DIR}")
"""


class FindOnnxRuntime(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "CMakeLists.txt").write_text(PROJECT % MODULES)

    def archive(self, place, api, library):
        """An ONNX Runtime as far as CMake looks at it."""
        include, lib = self.folder / place / "include", self.folder / place / "lib"
        include.mkdir(parents=True)
        lib.mkdir()
        (include / "onnxruntime_cxx_api.h").touch()
        (include / "onnxruntime_c_api.h").write_text(f"#pragma once\n#define ORT_API_VERSION {api}\n")
        (lib / f"libonnxruntime.so.{library}").touch()
        (lib / "libonnxruntime.so").symlink_to(f"libonnxruntime.so.{library}")
        return self.folder / place

    def configure(self, *flags):
        result = subprocess.run(["cmake", "-S", self.folder, "-B", self.folder / "build", *flags], capture_output=True,
                                text=True)
        return result.returncode, " ".join((result.stdout + result.stderr).split())

    def test_without_a_root_only_deps_counts(self):
        system = self.archive("system", 23, "1.23.0")
        code, text = self.configure(f"-DCMAKE_PREFIX_PATH={system}")
        self.assertNotEqual(code, 0)
        self.assertIn("run tools/setup", text)
        own = self.archive(".deps/onnxruntime", 23, "1.31.0")
        code, text = self.configure(f"-DCMAKE_PREFIX_PATH={system}")
        self.assertEqual(code, 0, text)
        self.assertIn(f"took {own}/lib/libonnxruntime.so and {own}/include", text)

    def test_a_root_wins_over_deps_also_in_a_later_run(self):
        self.archive(".deps/onnxruntime", 23, "1.31.0")
        self.assertEqual(self.configure()[0], 0)
        official = self.archive("official", 24, "1.24.1")
        code, text = self.configure(f"-DOnnxRuntime_ROOT={official}")
        self.assertEqual(code, 0, text)
        self.assertIn(f"took {official}/lib/libonnxruntime.so and {official}/include", text)

    def test_headers_newer_than_the_library_are_refused(self):
        mixed = self.archive("mixed", 25, "1.24.1")
        code, text = self.configure(f"-DOnnxRuntime_ROOT={mixed}")
        self.assertNotEqual(code, 0)
        self.assertIn("headers are newer than its library", text)
        self.assertIn("API version 25", text)
        self.assertIn("serves up to 24", text)

    def test_old_headers_are_refused(self):
        old = self.archive("old", 22, "1.22.0")
        code, text = self.configure(f"-DOnnxRuntime_ROOT={old}")
        self.assertNotEqual(code, 0)
        self.assertIn("API version 23 or newer", text)


if __name__ == "__main__":
    unittest.main()
