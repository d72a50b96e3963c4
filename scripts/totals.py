"""Adds up what the test runners of Rust and Node say at their end: scripts/totals.py LOG"""

import re
import sys


def main() -> int:
    passed = failed = 0
    for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
        rust = re.match(r"test result: \w+\. (\d+) passed; (\d+) failed;", line)
        node = re.match(r"(?:#|ℹ) (pass|fail) (\d+)\s*$", line)
        if rust:
            passed += int(rust[1])
            failed += int(rust[2])
        elif node and node[1] == "pass":
            passed += int(node[2])
        elif node:
            failed += int(node[2])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
