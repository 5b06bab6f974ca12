"""Runs a Postfix as the smart host and mail server of an organisation, with its own folders and port."""

import mailbox
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from string import Template

from tests.served import free_port

BINARY = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


class Postfix:
    """A running Postfix: its folder, its port, and the mails in its mailboxes."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port

    def mails(self, user: str) -> list[EmailMessage]:
        """Return the mails in the mailbox of ``user@corp.example``, oldest first."""
        if not (self.folder / "mail" / user / "new").is_dir():
            return []
        parser = BytesParser(policy=policy.default)
        box = mailbox.Maildir(str(self.folder / "mail" / user), factory=None, create=False)
        found = [parser.parsebytes(box.get_bytes(key)) for key in sorted(box.keys())]
        return sorted(found, key=lambda mail: str(mail["Date"] and mail["Date"].datetime))

    def wait_for(self, user: str, count: int) -> list[EmailMessage]:
        """Wait until a user has this many mails; return them."""
        for _ in range(1200):
            found = self.mails(user)
            if len(found) >= count:
                return found
            time.sleep(0.1)
        raise AssertionError((self.folder / "log" / "mail.log").read_text())


@contextmanager
def postfix(intake_port: int, *users: str) -> Iterator[Postfix]:
    """Run a Postfix that forwards ``intake@corp.example`` to a local port and stores the mail of ``users``."""
    assert BINARY is not None
    folder = Path(tempfile.mkdtemp(prefix="sodan-postfix-"))
    folder.chmod(0o755)  # for the users of Postfix
    owner, nobody = pwd.getpwnam("postfix"), pwd.getpwnam("nobody")
    for name in ("conf", "spool", "data", "log", "mail"):
        (folder / name).mkdir()
    os.chown(folder / "data", owner.pw_uid, owner.pw_gid)
    os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)
    port = free_port()
    values = {"folder": folder, "port": port, "uid": nobody.pw_uid, "gid": nobody.pw_gid}
    for file in (Path(__file__).parent / "postfix_conf").iterdir():
        (folder / "conf" / file.name).write_text(Template(file.read_text()).substitute(values))
    (folder / "conf" / "transport").write_text(f"intake@corp.example smtp:[127.0.0.1]:{intake_port}\n")
    (folder / "conf" / "mailboxes").write_text("".join(f"{user}@corp.example {user}/\n" for user in ("intake", *users)))
    command = [BINARY, "-c", str(folder / "conf")]
    subprocess.run([*command, "start"], check=True, capture_output=True, timeout=60)
    try:
        yield Postfix(folder, port)
    finally:
        subprocess.run([*command, "stop"], check=False, capture_output=True, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
