"""How do tests get a Slurm of their own? Real daemons on loopback: two nodes of this host, all in one folder.

munged, slurmctld and a slurmd for each node run in the foreground as children of the tests, with their own key,
socket, ports and state; nothing of an installed Slurm is touched, neither systemd nor cgroups are needed, and
what is left at the end is found by the SLURM_CONF in its environment and killed. See README.md.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retempo.farm.processes import end_with_parent

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "sinfo")
NODES = ("n1", "n2")
SLOTS = 2
"""Processors, and GPUs that are none, of each node."""
START_SECONDS = 60.0
PATIENCE = 300.0
"""How long to wait for what has to happen; far longer than it takes, for machines that are busy."""

CONFIG = """\
ClusterName=retempo
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
# a requeued job waits for this long before it starts again; 5 is the least
AuthInfo=socket={folder}/munge/socket,cred_expire=5
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0
# a node that does not answer is down after some 10 seconds
SlurmdTimeout=2
SlurmctldTimeout=2
MessageTimeout=3
TCPTimeout=1
KillWait=2
InactiveLimit=0
MinJobAge=300
ReturnToService=2
JobRequeue=1
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName=DEFAULT CPUs={slots} RealMemory=8000 Gres=gpu:{slots}
NodeName={nodes} NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]},{ports[2]}
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=other Nodes=ALL Default=NO MaxTime=60 State=UP
"""
GPUS = "NodeName={nodes} Name=gpu File=/dev/null,/dev/zero\n"


class CannotStart(Exception):
    """Slurm is not installed, or its daemons do not run here; says which and why."""


class SlurmCluster:
    """A private Slurm; ``environment`` leads the programs of Slurm to it.

    Args:
        folder: where all of it lives; short, for a socket's path may have 107 characters.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "slurm.conf"
        self.environment = {"SLURM_CONF": str(self.config)}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])

    def start(self) -> None:
        """Write the configuration and start every daemon.

        Raises:
            CannotStart: with the last lines of the log of the daemon that did not come up.
        """
        missing = [name for name in PROGRAMS if shutil.which(name, path=self._path) is None]
        if missing:
            raise CannotStart(f"not installed: {', '.join(missing)} (see packaging/debian.txt)")
        for name in ("munge", "state", "log"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        key = self.folder / "munge" / "key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        told = {
            "host": socket.gethostname().partition(".")[0],
            "user": pwd.getpwuid(os.geteuid()).pw_name,
            "folder": self.folder,
            "nodes": ",".join(NODES),
            "ports": free_ports(1 + len(NODES)),
            "slots": SLOTS,
        }
        self.config.write_text(CONFIG.format(**told))
        (self.folder / "gres.conf").write_text(GPUS.format(**told))
        self._start_munged()
        self._start("slurmctld", "slurmctld", "-D", "-c")
        for node in NODES:
            self.start_node(node)
        for node in NODES:
            self.wait(lambda node=node: self.node_state(node) == "idle", f"{node} to be idle", START_SECONDS)

    def _start_munged(self) -> None:
        munge = self.folder / "munge"
        files = {
            "key-file": "key",
            "socket": "socket",
            "pid-file": "pid",
            "log-file": "log",
            "seed-file": "seed",
        }
        flags = [f"--{flag}={munge / name}" for flag, name in files.items()]
        self._start("munged", "munged", "--foreground", "--num-threads=2", *flags)
        self.wait((munge / "socket").exists, "munged to listen", START_SECONDS)

    def _start(self, name: str, program: str, *arguments: str) -> None:
        path = shutil.which(program, path=self._path)
        assert path is not None
        with (self.folder / "log" / f"{name}.out").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [path, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True,
                env={**os.environ, **self.environment}, preexec_fn=end_with_parent,
            )  # fmt: skip

    def _stop(self, name: str) -> None:
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # ---- what tests do to it ----

    def start_node(self, node: str) -> None:
        """Start a node's daemon."""
        self._start(node, "slurmd", "-D", "-N", node)

    def start_controller(self) -> None:
        """Start the controller again, with the state that it saved."""
        self._start("slurmctld", "slurmctld", "-D")
        self.wait(lambda: self.node_state(NODES[0]) != "", "the controller to answer")

    def stop_controller(self) -> None:
        """Stop the controller; it saves its state, nodes and tasks go on."""
        self._stop("slurmctld")

    def kill_daemon(self, node: str) -> None:
        """SIGKILL to a node's daemon; the tasks of the node live on without it."""
        process = self._running.pop(node)
        process.kill()
        process.wait()

    def kill_node(self, node: str) -> None:
        """A node loses its power: the daemon and everything that runs under it are killed."""
        self.kill_daemon(node)
        ours = self._processes()
        tasks = [one for one in ours if environment_of(one).get("SLURMD_NODENAME") == node]
        watching = {parent_of(one) for one in tasks}.intersection(ours).difference(tasks)
        for process in [*watching, *tasks]:  # who would tell of a task's end goes first
            kill(process)

    # ---- what tests ask it ----

    def run(self, *command: str) -> str:
        """Standard output of one of Slurm's programs; fails the test where it fails."""
        done = self.attempt(*command)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout

    def attempt(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of Slurm's programs, for better or worse."""
        return subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip

    def node_state(self, node: str) -> str:
        """``idle``, ``mixed``, ``down*``, ...; empty while nobody answers."""
        done = self.attempt(
            "sinfo", "--noheader", "--Node", "--nodes", node, "--partition", "test", "--format", "%T"
        )
        return done.stdout.strip()

    def jobs(self) -> dict[str, str]:
        """State of every job that the controller remembers: ``{"12_0": "RUNNING", ...}``."""
        lines = self.run("squeue", "--noheader", "--array", "--states=all", "--format", "%i %T").splitlines()
        return dict(line.split() for line in lines)

    def wait(self, is_so: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait until something is so.

        Raises:
            CannotStart: it has not become so in time, or a daemon has died; with the ends of the logs.
        """
        deadline = time.monotonic() + seconds
        while not is_so():
            dead = [name for name, process in self._running.items() if process.poll() is not None]
            if dead or time.monotonic() > deadline:
                reason = f"{dead[0]} has ended" if dead else f"waited {seconds:.0f} s for {what}"
                raise CannotStart(f"{reason}\n{self.logs()}")
            time.sleep(0.1)

    def logs(self, lines: int = 12) -> str:
        """The ends of all logs."""
        parts = []
        for path in sorted((self.folder / "log").iterdir()):
            tail = path.read_text(errors="replace").splitlines()[-lines:]
            parts.append("\n".join([f"-- {path.name}", *tail]))
        return "\n".join(parts)

    # ---- the end ----

    def stop(self) -> None:
        """Stop the daemons and kill whatever of this cluster is left."""
        for process in reversed(self._running.values()):
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
        for process_id in self._processes():
            kill(process_id)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _processes(self) -> list[int]:
        """Process ids of all that carries this cluster's configuration in its environment, but the tests."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                variables = environment_of(int(entry.name))
                if variables.get("SLURM_CONF") == str(self.config):
                    found.append(int(entry.name))
        return found


def environment_of(process: int) -> dict[str, str]:
    """The environment that a process started with; empty for one that is gone, or another user's."""
    try:
        text = Path(f"/proc/{process}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in text.split("\0") if "=" in line)


def parent_of(process: int) -> int:
    """Process id of the parent; 0 for one that is gone."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0
    return int(status.rpartition(")")[2].split()[1])


def kill(process: int) -> None:
    """SIGKILL, if it is still there; never to init or a group."""
    if process > 1:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass


def free_ports(count: int) -> list[int]:
    """TCP ports of loopback that nobody listens at."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """A Slurm of the test's own, a second away, for nodes that were killed are slow to be trusted again.

    Commands of the test find it by SLURM_CONF. Where it does not start, the test is skipped with the reason.
    """
    cluster = SlurmCluster(Path(tempfile.mkdtemp(prefix="retempo-slurm-")))
    try:
        try:
            cluster.start()
        except CannotStart as reason:
            pytest.skip(f"no Slurm here: {reason}")
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
        yield cluster
    finally:
        cluster.stop()
