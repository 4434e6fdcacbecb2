"""Processes of a run: commands with their times, daemons with what they take, and ports that are free."""
import ctypes
import os
import random
import select
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


class Skip(Exception):
    """This peer cannot be measured here; the text says why and what to do."""


class Finished:
    """A command that ended: status, lines with the ms after which each came, ms in all, ms of processor time with its children's."""

    def __init__(self, status, lines, wall, processor):
        self.status, self.lines, self.wall, self.processor = status, lines, wall, processor

    def text(self):
        return "\n".join(line for _, line in self.lines)


def run(words, environment, patience=180):
    """Runs a command from exec to exit. One that takes longer than `patience` seconds is killed, and so says its status."""
    begin = time.perf_counter()
    child = subprocess.Popen(words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             start_new_session=True)
    output, lines, rest = child.stdout.fileno(), [], b""
    try:
        while True:
            left = begin + patience - time.perf_counter()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                child.kill()
            part = os.read(output, 65536)
            if not part:
                break
            now = (time.perf_counter() - begin) * 1000
            *whole, rest = (rest + part).split(b"\n")
            lines += [(now, line.decode("utf-8", "replace")) for line in whole]
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    finally:  # interrupted: it ends now
        child.stdout.close()
        if child.returncode is None:
            child.kill()
            child.wait()
    return Finished(child.returncode, lines, (time.perf_counter() - begin) * 1000, (usage.ru_utime + usage.ru_stime) * 1000)


def busy_ms():
    """Processor time of everything on this machine."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq = (int(word) for word in file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) * 1000 / TICKS


def descendants_ms(roots):
    """Processor time of these processes, of all below them, and of those they have waited for."""
    parents, times = {}, {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(name)] = int(fields[1])
        times[int(name)] = sum(int(field) for field in fields[11:15])
    ours = set(roots)
    for pid in parents:
        way = []
        while pid in parents and pid not in ours:
            way.append(pid)
            pid = parents[pid]
        if pid in ours:
            ours.update(way)
    return sum(times.get(pid, 0) for pid in ours) * 1000 / TICKS


def memory_mib(pid):
    """(Pss, Rss) of a process."""
    found = {}
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name in ("Pss", "Rss"):
                    found[name] = int(rest.split()[0]) / 1024
    except OSError:
        pass
    return found.get("Pss", 0.0), found.get("Rss", 0.0)


def available_mib():
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("MemAvailable"))


def free_port(address="127.0.0.1"):
    """A port that is free for TCP and UDP, by the kernel's choice. Until it is bound again somebody else may take it; then its daemon
    fails, and says so."""
    for _ in range(100):
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind((address, 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]
    raise Skip(f"no port of {address} is free for both TCP and UDP")


class Daemons:
    """Daemons of one peer. They end with this program, however it ends."""

    def __init__(self):
        self.started = []

    def start(self, words, log, **options):
        with open(log, "ab") as output:
            child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                                     preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), **options)
        child.log = log
        self.started.append(child)
        return child

    def start_ready(self, words, log):
        """Starts one that takes --ready-fd; the line that it writes there."""
        ours, theirs = os.pipe()
        try:
            child = self.start([*words, "--ready-fd", str(theirs)], log, pass_fds=[theirs])
        finally:
            os.close(theirs)
        with open(ours) as pipe:
            line = pipe.readline() if select.select([pipe], [], [], 60)[0] else ""
        if not line:
            self.fail(child, "did not become ready within 60 s")
        return line.strip()

    def await_port(self, child, port, patience, address="127.0.0.1"):
        end = time.monotonic() + patience
        while True:
            self.check()
            try:
                socket.create_connection((address, port), 1).close()
                return
            except OSError:
                if time.monotonic() > end:
                    self.fail(child, f"does not listen on port {port} after {patience} s")
                time.sleep(0.1)

    def check(self):
        for child in self.started:
            if child.poll() is not None:
                self.fail(child, f"ended with status {child.returncode}")

    @staticmethod
    def fail(child, what):
        with open(child.log, errors="replace") as file:
            said = [line.strip() for line in file if line.strip()][-3:]
        raise Skip(f"{os.path.basename(child.args[0])} {what}: {' / '.join(said) or 'it said nothing'}")

    def pids(self):
        return [child.pid for child in self.started]

    def stop(self, patience=20):
        for child in self.started:
            if child.poll() is None:
                child.terminate()
        end = time.monotonic() + patience
        for child in self.started:
            try:
                child.wait(max(0, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.started = []


def shuffled(things, seed):
    things = list(things)
    random.Random(seed).shuffle(things)
    return things
