"""Coverage-guided fuzzing of what reads bytes of strangers: `python -m tests.attacks.fuzz <target> <seconds>`, or `all`.

It ends with an input that was neither read nor refused, with one that takes more than 10 s, or with more than 1 GiB of memory.
"""

import subprocess
import sys

import atheris

with atheris.instrument_imports(include=["core", "schemas", "services"]):
    from tests.attacks.parsers import TARGETS


def main(name: str, seconds: int) -> int:
    """Fuzz one target, or each in a process of its own; return how many have failed."""
    if name == "all":
        ran = [
            subprocess.run([sys.executable, "-m", __spec__.name, each, str(seconds)], check=False) for each in TARGETS
        ]
        return sum(each.returncode != 0 for each in ran)
    options = [f"-max_total_time={seconds}", "-rss_limit_mb=1024", "-timeout=10", "-max_len=4096", "-verbosity=0"]
    atheris.Setup([name, *options, "-print_final_stats=1"], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
