"""mco, and the floor below it."""
import json
import os
import subprocess

from peer import Peer, Work, first_line
from processes import Skip


class Mco(Peer):
    name = "mco"
    mib_each = 12
    patience = 120
    caveats = ("mco: real daemons with CURVE, signatures, policies and audit trails; the client enters at a node by TCP",)

    def program(self, name):
        path = os.path.join(self.programs, name)
        if not os.access(path, os.X_OK):
            raise Skip(f"there is no {path}: build the release preset, or say --programs FOLDER")
        return path

    def version(self):
        return "mco " + first_line(self.ask("mco", "--version")).rpartition(" ")[2]

    def ask(self, name, *words):
        return subprocess.run([self.program(name), *words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def start(self):
        self.ask("mco-ca", "init", self.at("ca"), "--name", "compare")
        self.issue("operator", "caller")
        os.mkdir(self.at("policies"))
        self.write("policies/rpcutil.policy", "policy default deny\nallow\tcert=operator\t*\t*\t*\n")
        seeds = []
        for number in range(1, self.nodes + 1):
            name = f"node{number}"
            self.issue(name, "node")
            self.write(f"{name}.yaml", f"country: {('uk', 'us', 'de')[number % 3]}\nrack: r{number % 5}\n")
            lines = [f"identity = {name}", f"certificate = {self.at(name)}.cert", f"secret_keys = {self.at(name)}.key",
                     f"trust = {self.at('ca/root.cert')}", "listen = tcp://127.0.0.1:*", f"state_folder = {self.at(name)}.state",
                     f"plugin.yaml = {self.at(name)}.yaml", f"policies = {self.at('policies')}", "logger_type = file",
                     f"logfile = {self.at(name)}.log", f"plugin.rpcaudit.logfile = {self.at(name)}.audit"]
            config = self.write(f"{name}.conf", "\n".join([*lines, *(f"seed = {seed}" for seed in seeds)]) + "\n")
            ready = self.daemons.start_ready([self.program("mcod"), "-c", config], self.at(f"{name}.out"))
            if len(seeds) < 2:
                endpoint = next(word for word in ready.split() if word.startswith("tcp:"))
                seeds.append(f"{endpoint} {self.ask('mco-ca', 'show', '--curve-key', self.at(name + '.cert')).strip()}")
        self.write("client.cfg", f"certificate = {self.at('operator.cert')}\nsecret_keys = {self.at('operator.key')}\n"
                   f"trust = {self.at('ca/root.cert')}\n" + "".join(f"entry = {seed}\n" for seed in seeds))

    def issue(self, name, role):
        self.ask("mco-ca", "issue", "--ca", self.at("ca"), "--name", name, "--role", role, "--out", self.folder)

    def works(self):
        mco, config = self.program("mco"), ["-c", self.at("client.cfg")]
        return [Work("mco ping", "ping", [mco, "ping", *config], self.environment(), arrival=r"time=[0-9.]+ ms"),
                Work("mco rpc rpcutil ping", "rpc", [mco, "rpc", "rpcutil", "ping", "--np", *config], self.environment(),
                     count=r"Finished processing (\d+) / ")]


class FloorWork(Work):
    """Each run is a process of its own; its figure is the median of so many rounds, request to last reply, once all is connected."""

    rounds = 50

    def read(self, finished):
        figures = json.loads(finished.text())
        return int(figures["parameters"]["agents"]), None, figures["p50_us"] / 1000, None


class Floor(Mco):
    name = "floor"
    mib_each = 2
    caveats = (f"floor: N processes that only answer, connected before, and {FloorWork.rounds} rounds a run: from the request to the last reply, with nothing "
               "of mco in it; no exec, no exit",)

    def start(self):
        self.program("mco-bench")

    def works(self):
        words = [self.program("mco-bench"), "floor", "--agents", str(self.nodes), "--processes", "--rounds", str(FloorWork.rounds), "--json"]
        return [FloorWork("libzmq CURVE", "floor", words, self.environment()),
                FloorWork("plain TCP", "floor", [*words, "--transport", "tcp"], self.environment())]
