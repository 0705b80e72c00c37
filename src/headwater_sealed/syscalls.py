"""System call numbers by name for the two architectures, in two classes.

Two classes are listed and the rest is a third, because they say different things about the child:

- `ALLOWED`: what computing on received descriptors needs. Some only with certain arguments; see `seccomp`.
- `FATAL`: what no decoder calls even to probe. The child is killed: an answer from a process that tried to start a
  program or to open a socket must not become a finding.
- everything else gets EPERM, because libraries probe for files and features on ordinary work (CPU counts under /sys,
  thread names, resource limits) and are written to go on without.

References:
    Linux, arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (arm64 uses the generic table).
"""

from __future__ import annotations

__all__ = ["ALLOWED", "FATAL", "MACHINES", "Numbers"]

Numbers = tuple[int, int]
"""The number on x86-64 and on arm64; -1 where the architecture never had the call."""

MACHINES: tuple[str, str] = ("x86_64", "aarch64")
"""The architectures, as `uname` names them, in the order of the numbers."""

_NONE = -1

ALLOWED: dict[str, Numbers] = {
    # bytes in, bytes out
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, _NONE),
    "ppoll": (271, 73),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "readv": (19, 65),
    "preadv": (295, 69),
    "preadv2": (327, 286),
    "recvmsg": (47, 212),
    # memory
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    # threads of the same process
    "clone": (56, 220),
    "clone3": (435, 435),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "gettid": (186, 178),
    "membarrier": (324, 283),
    "set_tid_address": (218, 96),
    # signals to itself
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "tgkill": (234, 131),
    # time, chance, who am I
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, _NONE),
    "times": (100, 153),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getrandom": (318, 278),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    # the end
    "restart_syscall": (219, 128),
    "exit": (60, 93),
    "exit_group": (231, 94),
}  # fmt: skip
"""Called by decoders, by the allocator or by the interpreter on ordinary work; the order is the order of the filter."""

FATAL: dict[str, Numbers] = {
    # other programs and processes
    "fork": (57, _NONE),
    "vfork": (58, _NONE),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "kcmp": (312, 272),
    # the network
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # kernel interfaces with a long list of holes
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "seccomp": (317, 277),
    # the machine
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "setns": (308, 268),
    "unshare": (272, 97),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "open_by_handle_at": (304, 265),
    "iopl": (172, _NONE),
    "ioperm": (173, _NONE),
}  # fmt: skip
"""Called by nothing that only decodes; whoever calls one is killed."""
