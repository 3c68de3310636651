"""Become another program that cannot outlive its parent, and that is not root when it must not be.

    python -I -S leash.py <parent pid> <death signal> <user id or -> <program> [argument ...]

Runs before every child of the local stack: the kernel sends the death signal when the parent ends, however it ends
(Linux; elsewhere the pid file of `leftovers` has to do). PostgreSQL refuses to run as root, so root becomes another user
and keeps one right only, to pass folders of others: the checkout and the cache may lie in root's closed home.
Imports the standard library alone, because it runs at each start of each child.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
EXIT_NOT_FOUND = 127


def main() -> None:
    """Give up root if asked to, tie the life to the parent's, and become the program."""
    parent, death_signal, user, *program = sys.argv[1:]
    if user != "-":
        become(int(user))
    if sys.platform == "linux":  # after the change of user, which clears it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(0)  # the parent ended before the leash was on
    try:
        os.execvp(program[0], program)  # noqa: S606 - no shell is what is wanted
    except OSError as exc:
        print(f"{program[0]}: {exc.strerror}", file=sys.stderr)
        sys.exit(EXIT_NOT_FOUND)


def become(user: int) -> None:
    """Change to the user for good, keeping the right to pass closed folders where the system grants it."""
    libc = ctypes.CDLL(None, use_errno=True)
    linux = sys.platform == "linux"
    if linux:
        # The change of user keeps the rights, which are then cut down to one; and access(2) counts that one too.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    if not linux:
        return
    right = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(right, right, right, 0, 0, 0)  # effective, permitted, inheritable
    if libc.capset(header, sets) == 0:
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)
    else:
        libc.capset(header, (ctypes.c_uint32 * 6)())


if __name__ == "__main__":
    main()
