"""A hub for a suite of tests, as a process of its own, with pytest's fixture `hub`: copy this file. `twinhub` is found by PATH.

The hub has a loopback address of its own (all of 127.0.0.0/8 is local on Linux), since SDKs know no other ports than 443, 5671 and 8883: so
suites run side by side, those of pytest-xdist too. Ports below 1024 take root, or once: sudo sysctl net.ipv4.ip_unprivileged_port_start=443
"""

import json
import pathlib
import random
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

SEED = pathlib.Path(__file__).with_name("seed.toml")
STARTING_SECONDS_MAX = 120


class Twinhub:
    def __init__(self, folder, seed, *flags):
        self.address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
        self.folder = folder
        self.log = folder / "log"
        ready_file = folder / "ready.json"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["twinhub", "serve", "--dev", "--data-dir", folder, "--durability", "memory", "--listen", self.address, "--host-name", self.address,
                 "--ops-listen", self.address, "--ready-file", ready_file, "--seed", seed, *flags],
                stdout=log, stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + STARTING_SECONDS_MAX
        while not ready_file.exists():  # it is written in one step
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the hub is not ready:\n{self.log.read_text()}")
            time.sleep(0.01)
        self.ca = str(folder / "tls" / "ca.pem")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def command(self, *words):
        """What `twinhub ...` prints about this hub."""
        return subprocess.run(["twinhub", *words, "--data-dir", self.folder], check=True, capture_output=True, text=True).stdout.strip()

    def connection_string(self, *of):
        """The back end's; of one device: ("--device", id)."""
        return self.command("connection-string", *of)

    def request(self, method, path, body=None):
        """The service's REST API, as the back end: the answer's JSON."""
        request = urllib.request.Request(
            f"https://{self.address}{path}?api-version=2021-04-12", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self.command("token"), "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=self.ca)) as answer:
            return json.loads(answer.read() or "null")

    def reset(self):
        """Sets the hub back to its seed: in milliseconds, where a new hub takes a second. Its devices lose their connections."""
        urllib.request.urlopen(urllib.request.Request(f"http://{self.address}:9600/control/reset", method="POST")).close()

    def wait(self, device, timeout="30s", **what):
        """Returns when `condition` or `telemetry` holds, as GET /control/wait takes them: the twin, or the message."""
        query = urllib.parse.urlencode({"device": device, "timeout": timeout, **what})
        try:
            with urllib.request.urlopen(f"http://{self.address}:9600/control/wait?{query}") as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{device}, {what}: {refused.read().decode()}") from None
        return said.get("twin") or said["event"]


@pytest.fixture(scope="session")
def hub_of_the_run(tmp_path_factory):
    twinhub = Twinhub(tmp_path_factory.mktemp("twinhub"), SEED)
    yield twinhub
    twinhub.stop()


@pytest.fixture
def hub(hub_of_the_run):
    yield hub_of_the_run
    hub_of_the_run.reset()
