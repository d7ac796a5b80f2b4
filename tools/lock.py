#!/usr/bin/env python3
"""Writes the SHA-256 of each package into a lock file of this folder (parts.lock, oracles.lock, peers.lock). Standard library
only.

    tools/lock.py tools/oracles.lock

To change a version or to add a package: edit the line (`name==version`; a bare `name` takes the newest) and run this again.
Every line gets the hash of the one file that is taken from the user's package index: by Debian 12's Python 3.11 on x86_64, or
for parts.lock by tools/fetch_parts.py; comments and pip's options stay. Dependencies are not followed: the list is meant to be
complete and as small as its programs allow.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import fetch_parts

PYTHON = "/usr/bin/python3"  # Debian's own, as in tools/fetch_parts.py


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def resolve(requirements, chosen):
    """{package: (version, sha256)} of the files that pip would install, among those that the options `chosen` allow."""
    command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run", "--ignore-installed",
               "--no-deps", "--no-build-isolation", "--report=-", *chosen, *requirements]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(result.returncode)
    wheels = {}
    for item in json.loads(result.stdout)["install"]:
        digest = item["download_info"]["archive_info"]["hash"].removeprefix("sha256=")
        wheels[canonical(item["metadata"]["name"])] = (item["metadata"]["version"], digest)
    return wheels


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    lock = Path(sys.argv[1])
    lines = lock.read_text().splitlines()
    options = [line for line in lines if line.startswith("-")]
    packages = [line.split()[0] for line in lines if line[:1].isalnum()]
    parts = lock.resolve() == fetch_parts.LOCK
    # pip looks for wheels of other platforms only when told of a target, which a dry run leaves alone.
    chosen = [*fetch_parts.WHEELS, "--target=unused"] if parts else ["--only-binary=:all:"]
    wheels = resolve(options + packages, chosen)
    written = []
    for line in lines:
        if line[:1].isalnum():
            name = line.split()[0].split("==")[0]
            version, digest = wheels[canonical(name)]
            line = f"{name}=={version} --hash=sha256:{digest}"
        written.append(line)
    partial = lock.with_suffix(".part")
    partial.write_text("\n".join(written) + "\n")
    partial.rename(lock)


if __name__ == "__main__":
    main()
