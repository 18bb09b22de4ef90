"""The servers under test as processes: the hub, Mosquitto, RabbitMQ, the echo server. Each listens on a loopback address of its own."""
import base64
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / 'build' / 'release'
DEVICE_KEY = base64.b64encode(b'0123456789abcdef0123456789abcdef').decode()  # of every device, also of seed_store's

READY_SECONDS_MAX = 120


class Failed(Exception):
    """A run that measured nothing, or was answered wrongly."""


class Server:
    """A process that is started on the first core with `pin`, and ends with the block that uses it."""

    def __init__(self, address, pin):
        self.address = address
        self.pin = pin
        self.process = None

    def listens(self, port):
        try:
            socket.create_connection((self.address, port), timeout=1).close()
            return True
        except OSError:
            return False

    def spawn(self, command, log, environment=None, port=1883):
        if self.listens(port):
            raise Failed(f'something else listens on {self.address}:{port}, perhaps what an interrupted run has left')
        command = (['taskset', '-c', '0'] if self.pin else []) + [str(part) for part in command]
        with open(log, 'ab') as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(environment or {})})

    @property
    def pid(self):
        return self.process.pid

    def wait_for_port(self, port):
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if self.listens(port):
                return
            time.sleep(0.01)
        raise Failed(f'{self.process.args[0]} does not listen on {self.address}:{port}')

    def stop(self, with_signal=signal.SIGTERM):
        if self.process is None:
            return
        self.process.send_signal(with_signal)
        self.process.wait(60)
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        self.remove()

    def remove(self):
        pass


class Hub(Server):
    """A hub as its users run it: every setting at its default, the plain doors on besides."""

    def __init__(self, folder, address='127.88.0.1', pin=False, environment=None):
        super().__init__(address, pin)
        self.data = pathlib.Path(tempfile.mkdtemp(prefix='hub-', dir=folder))
        self.environment = environment

    def start(self):
        """Returns the milliseconds from exec to /readyz 200."""
        began = time.monotonic()
        self.spawn([BUILD / 'twinhub', 'serve', '--data-dir', self.data, '--listen', self.address, '--plain-listen', self.address,
                    '--mqtt-port', 1883, '--amqp-port', 5672, '--http-port', 8080, '--ops-listen', self.address], self.data / 'log', self.environment)
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - began > READY_SECONDS_MAX:
                raise Failed(f'the hub did not start: {(self.data / "log").read_text()[-2000:]}')
            time.sleep(0.001)
        return (time.monotonic() - began) * 1000

    def is_ready(self):
        try:
            connection = http.client.HTTPConnection(self.address, 9600, timeout=5)
            connection.request('GET', '/readyz')
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def connection_string(self, *flags):
        return subprocess.run([BUILD / 'twinhub', 'connection-string', '--data-dir', self.data, *flags], check=True, capture_output=True,
                              text=True).stdout.strip()

    def flags(self, tls=False):
        key = self.connection_string().split('SharedAccessKey=')[1]
        doors = ['--mqtt', f'{self.address}:{8883 if tls else 1883}', '--amqp', f'{self.address}:{5671 if tls else 5672}', '--http', f'{self.address}:{443 if tls else 8080}']
        return doors + (['--ca', self.data / 'tls' / 'ca.pem'] if tls else []) + [
            '--pid', self.pid, '--policy-key', key, '--device-key', DEVICE_KEY, '--event-hub', self.connection_string('--events').split('EntityPath=')[1]]

    def rss_kib(self):
        for line in pathlib.Path(f'/proc/{self.pid}/smaps_rollup').read_text().splitlines():
            if line.startswith('Rss:'):
                return int(line.split()[1])
        raise Failed('no memory figures')

    def remove(self):
        shutil.rmtree(self.data, ignore_errors=True)


class Mosquitto(Server):
    """Debian's broker. `certificates`: the hub's folder of them, for the same P-256 certificate."""

    def __init__(self, folder, certificates=None, address='127.88.0.2', pin=False):
        super().__init__(address, pin)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='mosquitto-', dir=folder))
        self.certificates = certificates

    def start(self):
        lines = ['user root' if os.geteuid() == 0 else '', 'per_listener_settings false', 'allow_anonymous true',
                 'set_tcp_nodelay true', 'persistence false', 'log_type error', f'listener 1883 {self.address}']
        if self.certificates:
            lines += [f'listener 8883 {self.address}', f'certfile {self.certificates}/server.pem',
                      f'keyfile {self.certificates}/server.key']
        configuration = self.folder / 'mosquitto.conf'
        configuration.write_text('\n'.join(lines) + '\n')
        program = shutil.which('mosquitto', path=f'{os.environ["PATH"]}:/usr/sbin:/usr/local/sbin')
        self.spawn([program, '-c', configuration], self.folder / 'log')
        self.wait_for_port(1883)

    def flags(self, tls=False):
        return ['--broker', '--mqtt', f'{self.address}:{8883 if tls else 1883}', '--pid', self.pid] + (
            ['--ca', self.certificates / 'ca.pem'] if tls else [])

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class RabbitMq(Server):
    """Debian's broker with its plugin for AMQP 1.0, and one durable classic queue that nobody reads. Defaults besides."""

    DISTRIBUTION_PORT = 25688
    EPMD_PORT = 4388  # an Erlang port mapper of its own, which ends with it
    PROGRAM = pathlib.Path('/usr/lib/rabbitmq/bin/rabbitmq-server')  # the one in /usr/sbin changes to a user of its own

    def __init__(self, folder, address='127.88.0.5', pin=False):
        super().__init__(address, pin)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='rabbitmq-', dir=folder))

    def environment(self):
        folder = self.folder
        return {'HOME': str(folder), 'RABBITMQ_NODENAME': 'bench@localhost', 'RABBITMQ_NODE_IP_ADDRESS': self.address, 'RABBITMQ_NODE_PORT': '5672',
                'RABBITMQ_MNESIA_BASE': str(folder / 'mnesia'), 'RABBITMQ_LOG_BASE': str(folder), 'RABBITMQ_LOGS': '-', 'RABBITMQ_PID_FILE': str(folder / 'pid'),
                'RABBITMQ_ENABLED_PLUGINS_FILE': str(folder / 'plugins'), 'RABBITMQ_CONFIG_FILE': str(folder / 'rabbitmq.conf'),
                'RABBITMQ_CONF_ENV_FILE': str(folder / 'none'), 'RABBITMQ_ADVANCED_CONFIG_FILE': str(folder / 'none.config'),
                'RABBITMQ_DIST_PORT': str(self.DISTRIBUTION_PORT), 'ERL_EPMD_PORT': str(self.EPMD_PORT), 'ERL_EPMD_ADDRESS': self.address}

    def start(self):
        if not self.PROGRAM.exists():
            raise Failed('RabbitMQ is not installed: ./dev deps bench')
        guest = {'user': 'guest', 'vhost': '/', 'configure': '.*', 'write': '.*', 'read': '.*'}
        definitions = {'vhosts': [{'name': '/'}], 'users': [{'name': 'guest', 'password': 'guest', 'tags': ''}], 'permissions': [guest],
                       'queues': [{'name': 'bench', 'vhost': '/', 'durable': True, 'auto_delete': False, 'arguments': {}}]}
        (self.folder / 'definitions.json').write_text(json.dumps(definitions))
        (self.folder / 'plugins').write_text('[rabbitmq_amqp1_0].\n')
        # Its peers say who they are no more than Mosquitto's.
        (self.folder / 'rabbitmq.conf').write_text(
            f'loopback_users = none\namqp1_0.default_user = guest\nlog.console.level = warning\nload_definitions = {self.folder}/definitions.json\n')
        self.spawn([self.PROGRAM], self.folder / 'log', self.environment(), port=5672)
        self.wait_for_port(5672)

    @property
    def pid(self):
        """Of the Erlang machine: the process that was started is a script around it."""
        return int((self.folder / 'pid').read_text())

    def flags(self):
        return ['--broker', '--amqp', f'{self.address}:5672', '--queue', '/amq/queue/bench', '--pid', self.pid]

    def stop(self, with_signal=signal.SIGTERM):
        if self.process is None:
            return
        try:
            os.kill(self.pid, with_signal)
        except (OSError, ValueError):
            self.process.send_signal(with_signal)
        self.process.wait(60)
        self.process = None
        subprocess.run(['epmd', '-port', str(self.EPMD_PORT), '-kill'], env={**os.environ, 'ERL_EPMD_ADDRESS': self.address},
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


class EchoServer(Server):
    def __init__(self, folder, address='127.88.0.3', pin=False):
        super().__init__(address, pin)
        self.folder = pathlib.Path(folder)

    def start(self):
        self.spawn([BUILD / 'bench' / 'load' / 'echo_server', f'{self.address}:1883'], self.folder / 'echo.log')
        self.wait_for_port(1883)

    def flags(self):
        return ['--mqtt', f'{self.address}:1883', '--pid', self.pid]
