"""A real ssh server on loopback, with keys and a configuration of its own, for one user: this one.

In a test::

    with ssh_server(tmp_path) as programs:
        subprocess.run([programs / "ssh", "any-name", "true"], check=True)
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 20.0

# An ordinary user's sshd cannot switch users and reads no password file; that of root takes
# PAM off, so that no account of the machine is in play.
SERVER = """\
Port {port}
ListenAddress 127.0.0.1
HostKey "{folder}/host_key"
AuthorizedKeysFile "{folder}/client_key.pub"
PidFile none
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowUsers {user}
StrictModes no
UsePAM no
"""

CLIENT = """\
Host *
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile "{folder}/client_key"
    IdentitiesOnly yes
    HostKeyAlias medbench
    UserKnownHostsFile "{folder}/known_hosts"
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
    LogLevel ERROR
"""


class SshServerError(RuntimeError):
    """No ssh server can be had here; the text says why."""


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[Path]:
    """Serve on a free port of loopback, with all files in `folder`.

    Parameters
    ----------
    folder : Path
        Made where it is not there.

    Yields
    ------
    Path
        A folder with a program `ssh` that reaches this server under any host name, to be put first
        on PATH.

    Raises
    ------
    SshServerError
        If the programs are not there, or a login does not succeed.
    """
    sshd, ssh = _program("sshd"), _program("ssh")
    folder.mkdir(parents=True, exist_ok=True)
    _make_keys(folder)
    _write_configs(folder, _free_port())
    wrapper = _write_wrapper(folder, ssh)
    if os.geteuid() == 0:
        # sshd of root insists on this folder, which the service's own start would make.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = folder / "sshd.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sshd, "-D", "-e", "-f", folder / "sshd_config"],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            _wait_for_login(wrapper, process, log)
            yield wrapper.parent
        finally:
            process.terminate()
            process.wait()


def _program(name: str) -> str:
    # Debian keeps it in a folder that is not on an ordinary user's PATH.
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SshServerError(f"no {name} here (Debian: apt-get install openssh-server)")
    return found


def _make_keys(folder: Path) -> None:
    for name in ("host_key", "client_key"):
        subprocess.run(
            [_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", folder / name],
            stdin=subprocess.DEVNULL,
            check=True,
        )


def _write_configs(folder: Path, port: int) -> None:
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise SshServerError("this user has no entry in the password database") from None
    values = {"folder": folder, "port": port, "user": user}
    (folder / "sshd_config").write_text(SERVER.format(**values), encoding="utf-8")
    (folder / "ssh_config").write_text(CLIENT.format(**values), encoding="utf-8")
    key = (folder / "host_key.pub").read_text(encoding="utf-8")
    (folder / "known_hosts").write_text(f"medbench {key}", encoding="utf-8")


def _write_wrapper(folder: Path, ssh: str) -> Path:
    wrapper = folder / "bin" / "ssh"
    wrapper.parent.mkdir()
    config = shlex.quote(str(folder / "ssh_config"))
    wrapper.write_text(f'#!/bin/sh\nexec {ssh} -F {config} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    return wrapper


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_login(ssh: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(
            [ssh, "medbench", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode == 0:
            return
        if process.poll() is not None or time.monotonic() > end:
            said = log.read_text(encoding="utf-8", errors="replace")[-500:]
            raise SshServerError(f"no login to an sshd of this user: {said}")
        time.sleep(0.05)
