"""What works over ssh: pdsh, clush and ansible. One sshd on loopback answers for all N names."""
import getpass
import os
import shutil
import subprocess

from peer import Peer, Work, first_line
from processes import free_port


class Ssh(Peer):
    packages = {"sshd": "openssh-server", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}
    patience = 120
    made_folder = False  # /run/sshd
    caveats = ("pdsh, clush, ansible: one sshd plays all N machines, ed25519 keys, the login shell without its start files; as many at once as there "
               "are nodes",)

    def start(self):
        self.port = free_port()
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.at(key)], env=self.environment(), check=True)
        shutil.copy(self.at("user.pub"), self.at("authorized"))
        if os.geteuid() == 0 and not os.path.isdir("/run/sshd"):
            os.mkdir("/run/sshd", 0o755)  # sshd insists; its service makes it
            self.made_folder = True
        config = self.write("sshd_config", f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.at('host')}\nAuthorizedKeysFile {self.at('authorized')}\n"
                            f"StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 2000:30:3000\n"
                            f"PidFile {self.at('sshd.pid')}\nUseDNS no\nPrintMotd no\nPrintLastLog no\n"
                            "SetEnv SHLVL=1\n")  # so that bash does not read its start files
        self.write("ssh_config", f"Host *\n  HostName 127.0.0.1\n  Port {self.port}\n  User {getpass.getuser()}\n  IdentityFile {self.at('user')}\n"
                   f"  IdentitiesOnly yes\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n  BatchMode yes\n  ConnectTimeout 60\n")
        program = shutil.which("sshd", path=self.environment()["PATH"])
        server = self.servers.start([program, "-D", "-e", "-f", config], self.at("sshd.out"), env=self.environment())
        self.servers.await_port(server, self.port, 20)

    def names(self):
        return [f"node{number}" for number in range(1, self.nodes + 1)]

    def stop(self):
        super().stop()
        if self.made_folder:
            os.rmdir("/run/sshd")

    def ask_version(self, *words):
        return first_line(subprocess.run(words, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout)


class Pdsh(Ssh):
    name = "pdsh"
    packages = {"pdsh": "pdsh", **Ssh.packages}

    def version(self):
        return self.ask_version("pdsh", "-V")

    def works(self):
        environment = self.environment(PDSH_RCMD_TYPE="ssh", PDSH_SSH_ARGS_APPEND=f"-F {self.at('ssh_config')}")
        return [Work("pdsh echo", "ping", ["pdsh", "-f", str(self.nodes), "-w", ",".join(self.names()), "echo pong"], environment, arrival=r"^node\d+: pong")]


class Clush(Ssh):
    name = "clush"
    packages = {"clush": "clustershell", **Ssh.packages}

    def version(self):
        return self.ask_version("clush", "--version")

    def works(self):
        words = ["clush", "-f", str(self.nodes), "-o", f"-F {self.at('ssh_config')}", "-w", ",".join(self.names()), "echo pong"]
        return [Work("clush echo", "ping", words, self.environment(), arrival=r"^node\d+: pong")]


class Ansible(Ssh):
    name = "ansible"
    packages = {"ansible": "ansible-core", **Ssh.packages}
    mib_each = 60  # its own workers
    caveats = (*Ssh.caveats, "ansible: connections are kept from run to run (ControlPersist), and pipelining is on; it starts Python on each node")

    def version(self):
        return self.ask_version("ansible", "--version")

    def works(self):
        self.write("inventory", "".join(f"{name}\n" for name in self.names()))
        environment = self.environment(
            ANSIBLE_CONFIG=self.write("ansible.cfg", ""), ANSIBLE_HOST_KEY_CHECKING="False", ANSIBLE_LOCAL_TEMP=self.at("local"), ANSIBLE_REMOTE_TEMP=self.at("remote"),
            ANSIBLE_PYTHON_INTERPRETER="/usr/bin/python3", ANSIBLE_PIPELINING="True", ANSIBLE_SSH_CONTROL_PATH_DIR=self.at("cp"),
            ANSIBLE_SSH_ARGS=f"-F {self.at('ssh_config')} -o ControlMaster=auto -o ControlPersist=60s")
        words = ["ansible", "all", "-i", self.at("inventory"), "-m", "ping", "-o", "-f", str(self.nodes)]
        return [Work("ansible -m ping", "ping", words, environment, arrival=r"^node\d+ \| SUCCESS")]

    def stop(self):
        for control in os.listdir(self.at("cp")) if os.path.isdir(self.at("cp")) else []:
            subprocess.run(["ssh", "-F", "none", "-o", f"ControlPath={self.at('cp', control)}", "-O", "exit", "node"], env=self.environment(),
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10)
        super().stop()
