# SPDX-License-Identifier: MIT
"""scripts/rehost-push for the tests: the assembled script, its line, and a stand-in for the rebooted clone."""
import copy
import os
import pathlib
import socket
import subprocess
import threading
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
PARTS = REPO / "scripts/push"
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "ash"], "bash": ["bash", "--posix"]}


def assemble(folder):
    script = folder / "rehost-push"
    script.write_bytes(subprocess.run([REPO / "scripts/assemble-push"], stdout=subprocess.PIPE, check=True).stdout)
    script.chmod(0o755)
    return script


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fingerprint(service):
    return service.read("fingerprint").strip()


class Push:
    """One line of rehost-push. stubs: a folder of programs that are found first."""

    def __init__(self, work, service, source, shell="dash"):
        self.work, self.service, self.source, self.shell = work, service, source, shell
        self.script = assemble(work)
        self.stubs = work / "stubs"
        self.stubs.mkdir(exist_ok=True)
        self.state_dir = work / "push-state"
        self.clone_port = free_port()

    def argv(self, *words, identity=True, key=None, yes=True):
        argv = [*SHELLS[self.shell], str(self.script), "127.0.0.1", "--port", str(self.service.port),
                "--clone-port", str(self.clone_port), "--host-key", key or fingerprint(self.service),
                "--source-dir", str(self.source), "--state-dir", str(self.state_dir)]
        argv += ["--yes"] if yes else []
        argv += ["--identity", self.service.keys["operator"]] if identity else []
        return argv + [str(w) for w in words]

    def env(self, **more):
        return {"PATH": f"{self.stubs}:{os.environ['PATH']}", "HOME": str(self.work), "REHOST_PUSH_PAUSE": "1", **more}

    def start(self, *words, **kw):
        return subprocess.Popen(self.argv(*words, **kw), env=self.env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def on(self, source, shell="dash"):
        """The same with another source and another shell."""
        other = copy.copy(self)
        other.source, other.shell = source, shell
        return other

    def run(self, *words, code=0, **kw):
        running = self.start(*words, **kw)
        out, _ = running.communicate(timeout=600)
        assert running.returncode == code, (running.returncode, out[-5000:])
        return out

    def state(self, key):
        for f in self.state_dir.glob(f"*-{self.service.port}/state"):
            for line in f.read_text().splitlines():
                if line.startswith(key + "="):
                    return line.split("=", 1)[1]
        return None

    def stub(self, name, text):
        (self.stubs / name).write_text("#!/bin/sh\n" + text)
        (self.stubs / name).chmod(0o755)


class FakeClone:
    """
    What answers after the reboot: an sshd with the source's host key, whose commands run in a chroot of the clone on the disk. The
    machine's own reboot, bound over in the service's namespace, starts it.
    """

    def __init__(self, push):
        self.push, self.t, self.sshd, self.thread = push, push.service.target, None, None
        self.root = push.work / "clone"
        self.root.mkdir(exist_ok=True)
        self.mark = push.work / "rebooted"

    def __enter__(self):
        fake = self.push.work / "fake-reboot"
        fake.write_text(f"#!/bin/sh\ntouch {self.mark}\n")
        fake.chmod(0o755)
        self.reboot = next(p for p in map(pathlib.Path, ("/sbin/reboot", "/usr/sbin/reboot", "/bin/reboot")) if p.exists())
        self.t.inside("mount", "--bind", fake, self.reboot)
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.wait)
        self.thread.start()
        return self

    def wait(self):
        while not self.mark.exists():
            if self.ending.wait(0.1):
                return
        time.sleep(0.5)
        work = self.push.work
        (work / "answers").write_text("#!/bin/sh\necho \"$*\" >>/clone.log\n")
        (work / "answers").chmod(0o755)
        self.t.inside("mount", self.t.root, self.root)
        self.t.inside("mount", "--bind", work / "answers", self.root / "var/lib/rehost/rehost")
        (work / "enter").write_text(
            f"#!/bin/sh\nexec nsenter -t {self.t.holder.pid} -m -- chroot {self.root} /usr/bin/env HOME=/root PATH=/usr/bin:/bin:/sbin "
            "sh -c \"$SSH_ORIGINAL_COMMAND\"\n")
        (work / "enter").chmod(0o755)
        (work / "clone-keys").write_text(self.read("root/.ssh/authorized_keys"))
        (work / "clone-host-key").write_text((self.push.source / "etc/ssh/ssh_host_ed25519_key").read_text())
        (work / "clone-host-key").chmod(0o600)
        (work / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1\nPort {self.push.clone_port}\nHostKey {work}/clone-host-key\nPidFile none\nStrictModes no\n"
            f"AuthorizedKeysFile {work}/clone-keys\nForceCommand {work}/enter\nPermitRootLogin yes\nUsePAM no\nPasswordAuthentication no\n")
        os.makedirs("/run/sshd", exist_ok=True)
        self.sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", work / "sshd_config"])

    def read(self, path):
        return self.t.inside("cat", self.root / path).stdout

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        if self.sshd:
            self.sshd.terminate()
            self.sshd.wait()
        self.t.inside("umount", self.reboot, check=False)
        self.t.inside("sh", "-c", f"umount {self.root}/var/lib/rehost/rehost; umount {self.root}", check=False)
        self.mark.unlink(missing_ok=True)
