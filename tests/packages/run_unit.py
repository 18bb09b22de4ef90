"""Runs a unit of Type=notify in a tree as systemd would: its command as its user, with its state directory, capabilities and notify socket.

    run_unit.py TREE UNIT

Prints a JSON object per line: {"notified": {"READY": "1", ...}} for each datagram, {"exited": status} at the end. Commands on standard input, a
line each: "reload" runs ExecReload, "stop" sends SIGTERM; the end of the input kills. What hardens the unit is left to systemd.
"""
import configparser
import json
import os
import pwd
import resource
import shlex
import socket
import subprocess
import sys
import threading

PORTABLE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'


class Unit:
    def __init__(self, tree, name):
        self.tree = tree
        self.settings = configparser.RawConfigParser(strict=False, delimiters='=')  # a key may stand twice; the last one is kept
        self.settings.optionxform = str
        with open(os.path.join(tree, 'lib/systemd/system', name), encoding='utf-8') as text:
            self.settings.read_file(text)
        self.service = self.settings['Service']
        assert self.service['Type'] == 'notify'
        with open(os.path.join(tree, 'etc/passwd'), encoding='utf-8') as users:
            fields = next(line.split(':') for line in users if line.startswith(self.service['User'] + ':'))
        self.uid, self.gid = int(fields[2]), int(fields[3])

    def make_state_directory(self):
        path = os.path.join(self.tree, 'var/lib', self.service['StateDirectory'])
        os.makedirs(path, exist_ok=True)
        os.chown(path, self.uid, self.gid)
        os.chmod(path, int(self.service['StateDirectoryMode'], 8))

    def command(self):
        capabilities = ','.join('+' + name.removeprefix('CAP_').lower() for name in self.service['AmbientCapabilities'].split())
        bounding = ','.join('+' + name.removeprefix('CAP_').lower() for name in self.service['CapabilityBoundingSet'].split())
        return ['unshare', '--mount', f'--mount-proc={self.tree}/proc', 'chroot', self.tree, 'setpriv',
                f'--reuid={self.uid}', f'--regid={self.gid}', '--clear-groups', '--no-new-privs', f'--inh-caps=-all,{capabilities}',
                f'--ambient-caps=-all,{capabilities}', f'--bounding-set=-all,{bounding}', *shlex.split(self.service['ExecStart'])]

    def prepare(self):
        os.umask(int(self.service['UMask'], 8))
        files = int(self.service['LimitNOFILE'])
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(files, hard), min(files, hard)))


def say(**what):
    print(json.dumps(what), flush=True)


def main():
    unit = Unit(sys.argv[1], sys.argv[2])
    unit.make_state_directory()
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    os.makedirs(os.path.join(unit.tree, 'run/systemd'), exist_ok=True)
    path = os.path.join(unit.tree, 'run/systemd/notify')
    if os.path.exists(path):
        os.unlink(path)
    notify.bind(path)
    os.chmod(path, 0o777)
    process = subprocess.Popen(unit.command(), preexec_fn=unit.prepare, cwd='/', stdin=subprocess.DEVNULL, stdout=sys.stderr,
                               env={'PATH': PORTABLE_PATH, 'LANG': 'C.UTF-8', 'NOTIFY_SOCKET': '/run/systemd/notify'})

    def listen():
        while True:
            text = notify.recv(65536)
            say(notified=dict(line.split('=', 1) for line in text.decode().split('\n')), pid=process.pid)

    def obey():
        for line in sys.stdin:
            if line.strip() == 'stop':
                process.terminate()
            elif line.strip() == 'reload':
                words = shlex.split(unit.service['ExecReload'].replace('$MAINPID', str(process.pid)))
                subprocess.run(['chroot', unit.tree, *words], check=True)
        process.kill()

    for task in (listen, obey):
        threading.Thread(target=task, daemon=True).start()
    status = process.wait()
    notify.setblocking(False)
    say(exited=status)


if __name__ == '__main__':
    assert pwd.getpwuid(os.geteuid()).pw_uid == 0, 'only root can become another user'
    main()
