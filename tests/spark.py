"""A Spark cluster of one master and two workers for the tests, started on loopback from the pyspark package."""

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

INSTALL = "{} is not installed here: apt-get install default-jre-headless; pip install -r requirements-spark.lock"
DEPLOY = "org.apache.spark.deploy"
CONNECT = "org.apache.spark.sql.connect.service.SparkConnectServer"
PATIENCE = 180
# Little data: one task a step, nothing compiled for every step and little of Java, which takes longer than the step.
# What Java keeps of it at this level by itself is too little for Spark's planner, and thrown away over and over.
QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m"
SMALL = {
    "spark.driver.extraJavaOptions": QUICK,
    "spark.executor.extraJavaOptions": QUICK,
    "spark.cores.max": "2",
    "spark.executor.cores": "1",
    "spark.executor.memory": "768m",
    "spark.driver.memory": "2g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.constraintPropagation.enabled": "false",
}


def home() -> Path:
    """The folder of the Spark that came with pyspark; skips the test where there is none, or no Java."""
    if not shutil.which("java"):
        pytest.skip(INSTALL.format("Java"))
    pytest.importorskip("grpc", reason=INSTALL.format("grpcio"))
    return Path(pytest.importorskip("pyspark", reason=INSTALL.format("pyspark")).__file__).parent


class Cluster:
    """Daemons in one folder, each a process of its own that is ended with the cluster."""

    def __init__(self, folder: Path):
        self.folder, self.spark = folder, home()
        self.daemons: list[subprocess.Popen] = []

    def start(self, name: str, sign: str, *command: str, memory: str = "256m") -> str:
        """Start a daemon, wait until its log shows a sign, and give what the sign's group holds."""
        log = self.folder / f"{name}.log"
        given = {"SPARK_HOME": str(self.spark), "SPARK_LOCAL_IP": "127.0.0.1"}
        given |= {"SPARK_DAEMON_MEMORY": memory, "SPARK_DAEMON_JAVA_OPTS": QUICK}
        with log.open("wb") as out:
            daemon = subprocess.Popen(
                [self.spark / "bin" / "spark-class", *command],
                env=os.environ | given, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        self.daemons.append(daemon)
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(sign, log.read_text(errors="replace"))):
            if daemon.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the {name} of Spark did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        return found[1]

    def master(self) -> str:
        """Start a master and two workers, and give the address."""
        here = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        address = self.start("master", r"Starting Spark master at (spark://\S+)", f"{DEPLOY}.master.Master", *here)
        size = ("--cores", "2", "--memory", "2g")
        for number in (1, 2):
            work = ("--work-dir", str(self.folder / f"work-{number}"))
            command = (f"{DEPLOY}.worker.Worker", *here, *size, *work, address)
            self.start(f"worker-{number}", r"(Successfully registered with master)", *command)
        return address

    def connect(self) -> str:
        """Start a server of Spark Connect that does the work itself, for each worker takes seconds to start: a client
        cannot tell. Gives its address."""
        conf = SMALL | {"spark.connect.grpc.binding.address": "127.0.0.1", "spark.connect.grpc.binding.port": "0"}
        told = [part for item in conf.items() for part in ("--conf", "=".join(item))]
        submit = ("org.apache.spark.deploy.SparkSubmit", "--master", "local[1]", *told)
        sign = r"Spark Connect server started at: \S+:(\d+)"
        return "sc://127.0.0.1:" + self.start(
            "connect", sign, *submit, "--class", CONNECT, "spark-internal", memory=SMALL["spark.driver.memory"]
        )

    def stop(self) -> None:
        """End the daemons, the newest first."""
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


@pytest.fixture(scope="session")
def cluster():
    """A running cluster's master."""
    folder = Path(tempfile.mkdtemp(prefix="salesbook-spark-"))
    cluster = Cluster(folder)
    try:
        cluster.address = cluster.master()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
