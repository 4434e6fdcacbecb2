"""What all peers have in common."""
import os
import re
import shutil

from processes import Daemons


class Work:
    """A command that is measured. `kind` says what it is compared with: "ping" or "rpc". `arrival` is found in the line of each answer;
    `count` in the one line that says how many there were, where answers have no lines of their own."""

    def __init__(self, title, kind, words, environment, arrival=None, count=None):
        self.title, self.kind, self.words, self.environment = title, kind, words, environment
        self.arrival, self.count = arrival and re.compile(arrival), count and re.compile(count)

    def read(self, finished):
        """(answered, ms to the first answer or None, ms to the last one or None, ms from exec to exit or None)"""
        if self.count:
            found = [match for _, line in finished.lines if (match := self.count.search(line))]
            return int(found[-1][1]) if found else 0, None, None, finished.wall
        came = [at for at, line in finished.lines if self.arrival.search(line)]
        return len(came), came[0] if came else None, came[-1] if came else None, finished.wall


class Peer:
    name = ""
    packages = {}  # program: the Debian package that has it
    mib_each = 0.0  # memory of a daemon, roughly; what does not fit is skipped
    patience = 30  # seconds until all nodes must have answered for the first time
    caveats = ()

    def __init__(self, nodes, folder, programs):
        self.nodes, self.folder, self.programs = nodes, folder, programs
        self.daemons, self.servers = Daemons(), Daemons()  # servers: a broker, an sshd

    @classmethod
    def missing(cls):
        """{program: package} of what is not here."""
        path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
        return {program: package for program, package in cls.packages.items() if not shutil.which(program, path=path)}

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.at(name), "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text)
        return self.at(name)

    def environment(self, **more):
        """A small one: nothing of whoever runs this is read, and no proxy is in the way."""
        return {"HOME": self.folder, "LANG": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin", **more}

    def start(self):
        raise NotImplementedError

    def works(self):
        raise NotImplementedError

    def version(self):
        return ""

    def stop(self):
        self.daemons.stop()
        self.servers.stop()


def first_line(output):
    return output.strip().splitlines()[0] if output.strip() else ""
