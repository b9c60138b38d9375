# SPDX-License-Identifier: MIT
"""What the clone starts by itself, judged by the programs that decide it: cloud-init's own code, ds-identify, systemd."""
import os
import pathlib
import shutil
import subprocess

import pytest

from test_cloudinit import UNPACKED, python
from test_rewrite import ROOTS, rehost

CASE = "bookworm-move-static-to-dhcp"
GENERATOR = "lib/systemd/system-generators/cloud-init-generator"
PROBE = """
import sys
from cloudinit import sources, stages, util
root = sys.argv[1]
paths = {"cloud_dir": root + "/var/lib/cloud", "run_dir": root + "/run/cloud-init"}
cfg = util.read_conf_with_confd(root + "/etc/cloud/cloud.cfg")
cfg["system_info"] = {"distro": "debian", "paths": paths}
class Init(stages.Init):
    def read_cfg(self, extra_fns=None):
        self._cfg = cfg
    def _extract_cfg(self, restriction):
        return paths if restriction == "paths" else super()._extract_cfg(restriction)
for deps in ([sources.DEP_FILESYSTEM], [sources.DEP_FILESYSTEM, sources.DEP_NETWORK]):
    init = Init(ds_deps=deps)
    try:
        ds = init.fetch(existing="check")
    except sources.DataSourceNotFoundException:
        continue
    init.instancify()
    network, where = init._find_networking_config()
    print(ds.dsname, ds.get_instance_id(), "new" if init.is_new_instance() else "known", "none" if network is None else "network")
    break
"""


def write(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "tree"
    shutil.copytree(ROOTS / "base-bookworm", folder, symlinks=True)
    shutil.copytree(ROOTS / CASE / "in", folder, symlinks=True, dirs_exist_ok=True)
    return folder


def with_cloud_init(tree, sources):
    """A server of a cloud: cloud-init ran there once, and would look for nothing but that cloud."""
    write(tree / "usr/bin/cloud-init", "#!/usr/bin/python3\n")
    write(tree / GENERATOR, "#!/bin/sh\n")
    write(tree / "etc/cloud/cloud.cfg", "users: [default]\n")
    write(tree / "etc/cloud/cloud.cfg.d/99_vendor.cfg", f"datasource_list: [ {sources} ]\n")
    write(tree / "var/lib/cloud/data/instance-id", "i-0123\n")
    (tree / "var/lib/cloud/instances/i-0123/sem").mkdir(parents=True)
    (tree / "run/cloud-init").mkdir(parents=True)


def said_by_cloud_init(tree, env):
    done = subprocess.run(["/usr/bin/python3", "-c", PROBE, tree], env=env, capture_output=True, text=True)
    return done.stdout.split()


def test_pinned_cloud_init_finds_nothing_to_do(tree):
    """Its own code takes the clone for an instance that it knows, and configures no network."""
    env = python()
    with_cloud_init(tree, "None")
    assert said_by_cloud_init(tree, env) == ["None", "iid-datasource-none", "new", "network"]
    shutil.rmtree(tree / "var/lib/cloud")
    shutil.rmtree(tree / "run")
    with_cloud_init(tree, "None")
    assert rehost(CASE, tree, "--cloud-init", "pin").returncode in (0, 3)
    assert said_by_cloud_init(tree, env) == ["NoCloud", "i-0123", "known", "none"]
    looked = subprocess.run([UNPACKED / "usr/lib/cloud-init/ds-identify", "--force"], capture_output=True,
                            env=dict(os.environ, PATH_ROOT=str(tree)))
    assert looked.returncode == 0
    assert (tree / "run/cloud-init/cloud-id-nocloud").exists()


def test_kept_cloud_init_sets_no_network(tree):
    env = python()
    with_cloud_init(tree, "None")
    assert rehost(CASE, tree, "--cloud-init", "keep").returncode == 3
    assert said_by_cloud_init(tree, env)[3] == "none"


def systemd(*argv):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True)


def unit(tree, name, wants="multi-user.target.wants"):
    write(tree / "lib/systemd/system" / name, f"[Unit]\nDescription={name}\n[Service]\nExecStart=/bin/true\n")
    link = tree / "etc/systemd/system" / wants / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to("/lib/systemd/system/" + name)


@pytest.mark.skipif(not shutil.which("systemctl"), reason="needs systemd's programs")
def test_systemd_reads_the_holds_and_masks(tree):
    (tree / "usr/lib").mkdir(exist_ok=True)
    shutil.copytree(tree / "lib/systemd", tree / "usr/lib/systemd", symlinks=True)
    for name in ("corosync.service", "walinuxagent.service", "nginx.service"):
        unit(tree, name)
        shutil.copytree(tree / "lib/systemd/system", tree / "usr/lib/systemd/system", dirs_exist_ok=True)
    asked = rehost(CASE, tree)
    assert asked.returncode == 1 and "--cluster" in asked.stdout + asked.stderr
    assert rehost(CASE, tree, "--cluster", "hold").returncode == 3
    state = [systemd("systemctl", "--root", tree, "is-enabled", name).stdout.strip()
             for name in ("corosync.service", "walinuxagent.service", "nginx.service")]
    assert state == ["enabled", "masked", "enabled"]
    dropin = tree / "etc/systemd/system/corosync.service.d/50-rehost-hold.conf"
    assert "ConditionPathExists=!/var/lib/rehost/holds\n" in dropin.read_text()
    copy = tree.parent / "held.service"
    copy.write_text("[Service]\nExecStart=/bin/true\n" + dropin.read_text())
    judged = systemd("systemd-analyze", "verify", "--man=no", copy)
    assert judged.returncode == 0 and not judged.stderr, judged.stderr
    there = systemd("systemd-analyze", "condition", "ConditionPathExists=!" + str(dropin))
    gone = systemd("systemd-analyze", "condition", "ConditionPathExists=!" + str(dropin) + ".no")
    assert there.returncode != 0 and gone.returncode == 0
