"""MCollective 2.12 with ActiveMQ, as Debian has them."""
import os
import shutil
import subprocess

from peer import Peer, Work, first_line
from processes import Skip, free_port

BROKER = """<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans.xsd
                      http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core" brokerName="localhost" useJmx="false" persistent="false"
          schedulerSupport="false" dataDirectory="{folder}/data">
    <plugins><simpleAuthenticationPlugin><users>
      <authenticationUser username="mcollective" password="{password}" groups="mcollective,everyone"/>
    </users></simpleAuthenticationPlugin></plugins>
    <transportConnectors><transportConnector name="stomp" uri="stomp+nio://127.0.0.1:{port}"/></transportConnectors>
  </broker>
</beans>
"""


class Mcollective(Peer):
    name = "mcollective"
    packages = {"mcollectived": "mcollective", "activemq": "activemq", "java": "default-jre-headless"}
    mib_each = 35
    patience = 300
    caveats = ("mcollective: psk security, its cheapest; ActiveMQ with its defaults and without storage, 512 MiB of heap; "
               "mco ping waits 5 s and discovery 2 s, always",)

    @classmethod
    def client(cls):
        """`mco` may be ours; MCollective's is a script."""
        path = "/usr/bin/mco"
        try:
            with open(path, "rb") as file:
                return path if b"ruby" in file.readline() else None
        except OSError:
            return None

    @classmethod
    def missing(cls):
        return {**super().missing(), **({} if cls.client() else {"/usr/bin/mco as a Ruby script": "mcollective-client"})}

    def version(self):
        environment = self.environment(RUBYOPT="-W0")
        return first_line(subprocess.run([self.client(), "--version"], env=environment, stdout=subprocess.PIPE, text=True).stdout)

    def start(self):
        self.port, self.password = free_port(), os.urandom(12).hex()
        self.start_broker()
        environment = self.environment(RUBYOPT="-W0")
        for number in range(1, self.nodes + 1):
            name = f"node{number}"
            self.write(f"{name}.yaml", f"---\ncountry: {('uk', 'us', 'de')[number % 3]}\nrack: r{number % 5}\n")
            self.write(f"{name}.classes", "common\n")
            config = self.write(f"{name}.cfg", self.common(f"{name}.log") + f"identity = {name}\ndaemonize = 0\nregisterinterval = 0\n"
                                f"plugin.yaml = {self.at(name)}.yaml\nclassesfile = {self.at(name)}.classes\n")
            program = shutil.which("mcollectived", path=environment["PATH"])
            self.daemons.start([program, "--no-daemonize", "-c", config, "-p", self.at(f"{name}.pid")], self.at(f"{name}.out"), env=environment)
        self.write("client.cfg", self.common("client.log") + "identity = operator\ncolor = 0\n")

    def start_broker(self):
        home = "/usr/share/activemq"
        if not os.path.exists(f"{home}/bin/activemq.jar"):
            raise Skip(f"there is no {home}/bin/activemq.jar, where Debian's activemq has it")
        folder = self.at("broker")
        os.makedirs(f"{folder}/data")
        self.write("broker/activemq.xml", BROKER.format(folder=folder, port=self.port, password=self.password))
        broker = self.servers.start(
            ["java", "-Xms512M", "-Xmx512M", "-Dorg.apache.activemq.UseDedicatedTaskRunner=false", f"-Dactivemq.home={home}",
             f"-Dactivemq.base={folder}", f"-Dactivemq.conf={folder}", f"-Dactivemq.data={folder}/data", f"-Djava.io.tmpdir={folder}/data",
             f"-Dactivemq.classpath={folder}", "-jar", f"{home}/bin/activemq.jar", "start", f"xbean:file:{folder}/activemq.xml"],
            self.at("broker.out"), cwd=folder, env=self.environment())
        self.servers.await_port(broker, self.port, 120)

    def common(self, log):
        broker = "plugin.activemq.pool"
        return (f"main_collective = mcollective\ncollectives = mcollective\nlibdir = /usr/share/mcollective/plugins\nloglevel = error\n"
                f"logger_type = file\nlogfile = {self.at(log)}\ndirect_addressing = 1\nfactsource = yaml\nsecurityprovider = psk\n"
                f"plugin.psk = {self.password}\nconnector = activemq\n{broker}.size = 1\n{broker}.1.host = 127.0.0.1\n"
                f"{broker}.1.port = {self.port}\n{broker}.1.user = mcollective\n{broker}.1.password = {self.password}\n")

    def works(self):
        config, environment = ["-c", self.at("client.cfg")], self.environment(RUBYOPT="-W0")
        return [Work("mco ping", "ping", [self.client(), "ping", *config], environment, arrival=r"time=[0-9.]+ ms"),
                Work("mco rpc rpcutil ping", "rpc", [self.client(), "rpc", "rpcutil", "ping", "--np", *config], environment,
                     count=r"Finished processing (\d+) / ")]
