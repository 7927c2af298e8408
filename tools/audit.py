"""Look up known vulnerabilities of the packages in lock files.

python tools/audit.py PIP_AUDIT LOCK...

The exit status is 1 if a package has one, and 2 if the lock files could not be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def main(program: str, locks: Sequence[str]) -> int:
    """Print the vulnerabilities of the packages in `locks`; return the exit status."""
    found: dict[str, Mapping[str, Any]] = {}
    for lock in locks:
        command = [program, "--disable-pip", "--require-hashes", "--format", "json", "-r", lock]
        command += ["--progress-spinner", "off"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if not done.stdout.startswith("{"):
            print(f"{lock}: {done.stderr.strip().splitlines()[-1]}")
            print("no package was looked up: the service can't be reached, or the lock is invalid")
            return 2
        found |= {each["name"]: each for each in json.loads(done.stdout)["dependencies"]}
    unknown = [each["skip_reason"] for each in found.values() if "skip_reason" in each]
    vulnerable = [each for each in found.values() if each.get("vulns")]
    for each in vulnerable:
        for vulnerability in each["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version"
            print(f"{each['name']} {each['version']}: {vulnerability['id']}, fixed in {fixed}")
    known = len(found) - len(unknown)
    print(
        f"{known} of {len(found)} packages looked up: {len(vulnerable)} with known vulnerabilities"
    )
    if unknown:
        print(f"of the others nothing is known: {unknown[0]}")
        print("look them up on a machine with access to https://pypi.org")
    return 1 if vulnerable else 2 * bool(unknown)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
