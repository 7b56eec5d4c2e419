"""Install the packages of a lock file into the environment of this interpreter, saying what it does. Called by the Makefile.

Without an argument: requirements.lock and this package itself. With one: the lock file named, nothing else.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]


def main(lock: str = "") -> int:
    """pip's exit status; its own words where it fails."""
    packages = lock or "requirements.lock"
    total = len(re.findall(r"^[A-Za-z0-9][\w.\-]*==", Path(packages).read_text(), re.MULTILINE))
    began, seen, said, log = time.monotonic(), 0, 0.0, []
    pip = subprocess.Popen([*PIP, "--require-hashes", "-r", packages], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert pip.stdout is not None
    for text in pip.stdout:
        log.append(text)
        seen += text.startswith(("Collecting ", "Requirement already satisfied"))
        step = f"{seen} of {total} packages" if not text.startswith("Installing") else f"installing {total} packages"
        if time.monotonic() - said > 1.0 or text.startswith("Installing"):
            said = time.monotonic()
            print(f"environment      {step}, {said - began:.0f} s", flush=True)
    status = pip.wait()
    if status:
        sys.stderr.write("".join(log[-20:]))
        return status
    if not lock:
        status = subprocess.run([*PIP, "--quiet", "--no-deps", "--no-build-isolation", "-e", "."]).returncode
    print(f"environment      ready {'.' * 41} {time.monotonic() - began:.1f} s", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
