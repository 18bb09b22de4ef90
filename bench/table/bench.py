"""One run of the table: its size, its folder, its servers, and how the generator and the limits are called."""
import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from servers import BUILD, EchoServer, Failed, Hub, Mosquitto, RabbitMq


class Side:
    """One side's figures over all pairs; shown as their median."""

    def __init__(self, values, unit, what):
        self.values = values
        self.unit = unit
        self.what = what

    @property
    def median(self):
        return statistics.median(self.values)


class Row:
    """A measure: ours and the peer's, pair by pair. `aim`: the most that the ratio may be, or with `at_least` the least; None = none."""

    def __init__(self, measure, ours, peer=None, aim=None, at_least=False, aim_text=None, note=''):
        self.measure = measure
        self.ours = ours
        self.peer = peer
        self.aim = aim
        self.at_least = at_least
        self.aim_text = aim_text
        self.note = note

    @property
    def ratios(self):
        if self.peer is None:
            return []
        return [ours / peer for ours, peer in zip(self.ours.values, self.peer.values)]

    @property
    def ratio(self):
        return statistics.median(self.ratios)

    @property
    def reached(self):
        if self.aim is None or self.peer is None:
            return None
        return self.ratio >= self.aim if self.at_least else self.ratio <= self.aim


class Bench:
    def __init__(self, options):
        self.pairs = options.pairs or (2 if options.quick else 5)
        self.seconds = options.seconds or (1 if options.quick else 3)
        self.quick = options.quick
        self.pin = options.pin
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='bench-', dir=options.folder))
        # Connections and stored twins: the table's own numbers, a tenth of them when quick.
        self.plain_connections = 1000 if options.quick else 10_000
        self.tls_connections = 200 if options.quick else 2000
        self.stored = 50_000 if options.quick else 1_000_000

    def hub(self, **more):
        return Hub(self.folder, pin=self.pin, **more)

    def mosquitto(self, **more):
        return Mosquitto(self.folder, pin=self.pin, **more)

    def rabbitmq(self):
        return RabbitMq(self.folder, pin=self.pin)

    def certificates(self):
        """The folder of a certificate as the hub makes it, for the broker; made once."""
        folder = self.folder / 'certificates'
        if not folder.exists():
            with self.hub(address='127.88.0.9') as hub:
                shutil.copytree(hub.data / 'tls', folder)
        return folder

    def echo_server(self):
        return EchoServer(self.folder, pin=self.pin)

    def load(self, scenario, *flags, seconds=None):
        command = (['taskset', '-c', '1'] if self.pin else []) + [BUILD / 'bench' / 'load' / 'load', scenario, '--seconds',
                                                                  seconds or self.seconds, *flags]
        return self.report_of(command)

    def limit(self, *arguments):
        return self.report_of([BUILD / 'bench' / 'limits', *arguments])

    @staticmethod
    def report_of(command):
        ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise Failed(f'exit code {ran.returncode}: {" ".join(map(str, command))}\n{ran.stdout}{ran.stderr}')
        return json.loads(ran.stdout)

    def in_turn(self, *sides):
        """Calls each side once per pair, in turn, every second pair in the other order; -> the reports of each side."""
        reports = [[] for _ in sides]
        for pair in range(self.pairs):
            order = list(range(len(sides)))
            for side in order if pair % 2 == 0 else reversed(order):
                reports[side].append(sides[side]())
        return reports


def figures(reports, name):
    return [report[name] for report in reports]
