#!/usr/bin/env python3
"""Puts the native parts that goshawk links or loads into .deps/. Called by tools/setup; standard library only.

.deps/onnxruntime/{lib,include}   ONNX Runtime: library from its wheel, headers from Debian's libonnxruntime-dev
.deps/providers/                  execution-provider plug-ins, each with the libraries it needs
.deps/onnx/                       onnx.proto, out of the wheel `onnx`
.deps/libtorch/, .deps/nvidia/    LibTorch for training, on request: CPU libraries and headers, and the two NVIDIA libraries
                                  that its CPU library is linked with
.deps/demo/                       the demo clip, from Debian's opencv-doc
.deps/oracles/, .deps/peers/      Python environments, on request only
"""
import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPS = ROOT / ".deps"
LOCK = ROOT / "tools" / "parts.lock"
# Suites that are asked in turn for headers new enough to hold the plug-in API (1.22) and not newer than the library.
HEADER_SUITES = ("forky", "sid", "trixie")
OLDEST_HEADER_API = 23
# Which of a package's wheels are taken: they are carriers of libraries, so Debian's own Python does not matter.
WHEELS = ["--only-binary=:all:", "--python-version=3.12", "--implementation=cp",
          *(f"--platform=manylinux{tag}_x86_64" for tag in ("_2_28", "_2_27", "_2_25", "_2_17", "2014"))]


def fail(message):
    sys.exit(f"setup: {message}")


def run(command, **options):
    result = subprocess.run(command, capture_output=True, text=True, **options)
    if result.returncode != 0:
        fail(f"`{' '.join(map(str, command))}` failed:\n{(result.stdout + result.stderr).strip()[-2000:]}")
    return result.stdout


def done(name, key):
    """True when part `name` was finished with the same `key` before."""
    stamp = DEPS / f".{name}.stamp"
    return stamp.exists() and stamp.read_text() == key


def mark_undone(name):
    """An interrupted replacement must not look finished."""
    (DEPS / f".{name}.stamp").unlink(missing_ok=True)


def mark_done(name, key):
    (DEPS / f".{name}.stamp").write_text(key)


def locked_requirements():
    """{package: requirement line} of the lock file."""
    lines = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    return {line.split("==")[0]: line for line in lines}


def fetch_wheel(requirement, folder):
    """Downloads one locked wheel through pip, which checks its SHA-256 and follows the user's index and proxy."""
    lock = folder / "requirement.txt"
    lock.write_text(requirement + "\n")
    run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--require-hashes", *WHEELS,
         f"--dest={folder}", f"--requirement={lock}"])
    return next(folder.glob("*.whl"))


def unpack_wheel(requirement, target, wanted):
    """Unpacks the members for which wanted(name) gives a path relative to `target`, and replaces `target` as a whole."""
    with tempfile.TemporaryDirectory(dir=DEPS) as scratch:
        wheel = fetch_wheel(requirement, Path(scratch))
        staging = Path(scratch) / "staging"
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                relative = wanted(member.filename)
                if relative is None or member.is_dir():
                    continue
                path = staging / relative
                path.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(member) as source, open(path, "wb") as sink:
                    shutil.copyfileobj(source, sink)
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        staging.rename(target)


def wheel_part(name, package, target, wanted, finish=lambda target: None):
    requirement = locked_requirements()[package]
    if done(name, requirement) and target.is_dir():
        return
    print(f"setup: {requirement.split()[0]} -> {target.relative_to(ROOT)}", flush=True)
    mark_undone(name)
    unpack_wheel(requirement, target, wanted)
    finish(target)
    mark_done(name, requirement)


def link_soname(target):
    """libonnxruntime.so.1.31.0 gets the names the linker (.so) and the loader (.so.1) look for."""
    library = next(target.glob("libonnxruntime.so.*"))
    for alias in ("libonnxruntime.so.1", "libonnxruntime.so"):
        (target / alias).symlink_to(library.name)


def library_only(name):
    base = os.path.basename(name)
    return base if base.startswith("libonnxruntime.so") else None


def provider_file(name):
    base = os.path.basename(name)
    keep = ".so" in base or base == "cache.json" or "third-party" in base or base.startswith("LICENSE")
    return base if keep else None


def onnx_proto(name):
    return "onnx.proto" if name == "onnx/onnx.proto" else "LICENSE" if name.endswith("/LICENSE") else None


TORCH_LIBRARIES = {"libc10.so", "libtorch_cpu.so", "libtorch.so", "libgomp.so.1"}
NVIDIA_LIBRARIES = {"nvidia-cuda-runtime": "libcudart.so.13", "nvidia-cuda-cupti": "libcupti.so.13"}


def torch_file(name):
    if name.startswith("torch/include/"):
        return name.removeprefix("torch/")
    base = os.path.basename(name)
    if name.startswith("torch/lib/") and base in TORCH_LIBRARIES:
        return "lib/" + base
    return base if "dist-info/" in name and base in ("LICENSE", "NOTICE") else None


def libtorch():
    """LibTorch out of PyPI's `torch`. Its CPU library is linked with CUDA's runtime and CUPTI, and looks for them in
    ../../nvidia/cu13/lib from where it lies."""
    wheel_part("libtorch", "torch", DEPS / "libtorch", torch_file)
    for package, library in NVIDIA_LIBRARIES.items():
        wheel_part(package, package, DEPS / "nvidia" / package, lambda name, only=library: only if os.path.basename(name) == only else None)
        link = DEPS / "nvidia" / "cu13" / "lib" / library
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(Path("../..") / package / library)


def debian_mirror():
    """The URI of the machine's own Debian archive, from its apt configuration."""
    for line in run(["apt-get", "indextargets", "--format", "$(SITE) $(REPO_URI) $(ORIGIN)"]).splitlines():
        site, uri, origin = (line.split() + ["", "", ""])[:3]
        if origin == "Debian" and "security" not in uri:
            return uri.rstrip("/")
    fail("no Debian archive in this machine's apt configuration (apt-get indextargets)")


def header_api_version(include):
    match = re.search(r"#define ORT_API_VERSION (\d+)", (include / "onnxruntime_c_api.h").read_text())
    return int(match.group(1))


def onnxruntime_headers():
    """ONNX Runtime's headers, from one package of a newer Debian suite, fetched in a private apt directory."""
    library_api = int(locked_requirements()["onnxruntime"].split("==")[1].split(".")[1])
    key = f"{HEADER_SUITES} {library_api}"
    include = DEPS / "onnxruntime" / "include"
    if done("onnxruntime-headers", key) and include.is_dir():
        return
    mirror = debian_mirror()
    for suite in HEADER_SUITES:
        with tempfile.TemporaryDirectory(dir=DEPS) as scratch_name:
            scratch = Path(scratch_name)
            for folder in ("lists/partial", "cache/archives/partial"):
                (scratch / folder).mkdir(parents=True)
            sources = scratch / "sources.list"
            sources.write_text(f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} {suite} main\n")
            private = ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null",
                       "-o", f"Dir::State::lists={scratch}/lists", "-o", f"Dir::Cache={scratch}/cache",
                       "-o", "Dir::State::status=/dev/null", "-o", "APT::Sandbox::User=root"]
            for command in (["update", "-qq"], ["download", "-qq", "libonnxruntime-dev"]):
                result = subprocess.run(["apt-get", *private, *command], cwd=scratch, capture_output=True, text=True)
            packages = list(scratch.glob("libonnxruntime-dev_*.deb"))
            if not packages:
                continue
            run(["dpkg-deb", "--extract", packages[0], scratch / "unpacked"])
            found = scratch / "unpacked" / "usr" / "include" / "onnxruntime"
            api = header_api_version(found)
            if not OLDEST_HEADER_API <= api <= library_api:
                continue
            print(f"setup: ONNX Runtime headers (API {api}, Debian {suite}) -> {include.relative_to(ROOT)}", flush=True)
            mark_undone("onnxruntime-headers")
            shutil.rmtree(include, ignore_errors=True)
            shutil.move(found, include)
            mark_done("onnxruntime-headers", key)
            return
    fail(f"none of the Debian suites {', '.join(HEADER_SUITES)} has libonnxruntime-dev with an API version of "
         f"{OLDEST_HEADER_API} to {library_api}.\n  Point CMake at an official ONNX Runtime archive instead: "
         f"-DOnnxRuntime_ROOT=DIR\n{result.stderr.strip()[-500:]}")


def download_debian_package(package, folder):
    """The .deb of this machine's own suite. Where its lists are missing or stale, newer ones are fetched into a private place,
    which any user may do and which leaves the system as it is."""
    download = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package]
    if subprocess.run(download, cwd=folder, capture_output=True).returncode != 0:
        for name in ("lists/partial", "cache/archives/partial"):
            (folder / name).mkdir(parents=True)
        private = ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]
        run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *private, "update"])
        run([*download[:-2], *private, *download[-2:]], cwd=folder)
    return next(folder.glob(f"{package}_*.deb"))


def demo_clip():
    """vtest.avi (768x576, 795 frames, people on a square) out of Debian's opencv-doc, and nothing else of it."""
    clip = DEPS / "demo" / "vtest.avi"
    if clip.exists():
        return
    clip.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DEPS) as scratch:
        package = download_debian_package("opencv-doc", Path(scratch))
        listing = run(["dpkg-deb", "--contents", package])
        member = next((line.split()[5] for line in listing.splitlines() if re.search(r"/vtest\.avi(\.gz)?$", line)), None)
        if member is None:
            fail("Debian's opencv-doc no longer holds vtest.avi; give `goshawk track` a video of your own")
        print(f"setup: demo clip (vtest.avi of opencv-doc) -> {clip.relative_to(ROOT)}", flush=True)
        archive = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
        data = subprocess.run(["tar", "-xO", member], stdin=archive.stdout, capture_output=True, check=True).stdout
        archive.stdout.close()
        archive.wait()
        if member.endswith(".gz"):
            import gzip
            data = gzip.decompress(data)
        partial = clip.with_suffix(".part")
        partial.write_bytes(data)
        partial.rename(clip)


def python_environment(name):
    """A virtual environment of its own from tools/NAME.lock (hashes required)."""
    lock = ROOT / "tools" / f"{name}.lock"
    key = hashlib.sha256(lock.read_bytes()).hexdigest()
    folder = DEPS / name
    if done(name, key) and (folder / "bin" / "python").exists():
        return
    print(f"setup: Python environment {name} ({lock.relative_to(ROOT)}) -> {folder.relative_to(ROOT)}", flush=True)
    mark_undone(name)
    shutil.rmtree(folder, ignore_errors=True)
    # Debian's own interpreter, so that the lock's wheels fit whatever else is first on PATH.
    run(["/usr/bin/python3", "-m", "venv", folder])
    install = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
               "--only-binary=:all:", "--no-build-isolation", "--requirement"]
    builder = [line for line in lock.read_text().splitlines() if line.startswith("wheel==")]
    if builder:  # the locks' source archives are built with it, so it comes first
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as first:
            first.write(builder[0] + "\n")
            first.flush()
            run([*install, first.name])
    run([*install, lock])
    mark_done(name, key)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--oracles", action="store_true", help="also the environment of the parity tests")
    parser.add_argument("--peers", action="store_true", help="also the environment of the benchmarked peers")
    parser.add_argument("--train", action="store_true", help="also LibTorch, for `goshawk train`")
    parser.add_argument("--demo", action="store_true", help="also the demo clip")
    parser.add_argument("--fuzz", action="store_true", help="nothing more here: tools/setup brings clang")
    options = parser.parse_args()
    DEPS.mkdir(exist_ok=True)
    wheel_part("onnxruntime", "onnxruntime", DEPS / "onnxruntime" / "lib", library_only, link_soname)
    wheel_part("openvino", "onnxruntime-ep-openvino", DEPS / "providers" / "openvino", provider_file)
    wheel_part("onnx", "onnx", DEPS / "onnx", onnx_proto)
    onnxruntime_headers()
    if options.train:
        libtorch()
    if options.demo:
        demo_clip()
    for name in ("oracles", "peers"):
        if getattr(options, name):
            python_environment(name)


if __name__ == "__main__":
    main()
