"""serf: agents that gossip, asked by a query."""
import base64
import os
import subprocess

from peer import Peer, Work, first_line
from processes import free_port


class Serf(Peer):
    name = "serf"
    packages = {"serf": "serf"}
    mib_each = 18
    patience = 180
    caveats = ("serf: profile local (its fastest), encrypted; a query ends by its timeout, which grows with the cluster unless it is given, and answers "
               "that come later are lost",)

    def version(self):
        return first_line(subprocess.run(["serf", "version"], env=self.environment(), stdout=subprocess.PIPE, text=True).stdout)

    def start(self):
        key, join = base64.b64encode(os.urandom(32)).decode(), []
        for number in range(self.nodes):
            address = f"127.1.{number // 250}.{number % 250 + 1}"  # each its own, as machines have
            bind, control = f"{address}:{free_port(address)}", f"{address}:{free_port(address)}"
            self.daemons.start(["serf", "agent", f"-node=node{number + 1}", f"-bind={bind}", f"-rpc-addr={control}", "-profile=local", f"-encrypt={key}",
                                "-log-level=err", "-event-handler=query:ping=echo pong", *join], self.at(f"node{number + 1}.out"), env=self.environment())
            if number == 0:
                self.control = control
                join = [f"-retry-join={bind}", "-retry-interval=1s"]
                self.daemons.await_port(self.daemons.started[0], int(control.rpartition(":")[2]), 20, address)

    def works(self):
        query = ["serf", "query", f"-rpc-addr={self.control}"]
        return [Work("serf query", "ping", [*query, "ping"], self.environment(), arrival=r"^Response from"),
                Work("serf query -timeout=1s", "ping", [*query, "-timeout=1s", "ping"], self.environment(), arrival=r"^Response from")]
