"""The rows of the table: what is run for each, on both sides. One function gives the rows that share their runs."""
import os
import shutil
import signal
import subprocess
import time

from bench import Row, Side, figures
from console import Pages, everyday
from servers import BUILD, Failed

CREATE = ['--create']
MANY = ['--devices', 1000, '--in-flight', 256]
ONE = ['--devices', 1, '--in-flight', 1]
FAN_OUT = ['--devices', 1000, '--rate', 2000]


def cpu(reports, what):
    return Side(figures(reports, 'cpu_us'), 'us CPU', what)


def rate(reports, what):
    return Side(figures(reports, 'per_second'), '/s', what)


def time_of(reports, percentile, what):
    return Side(figures(reports, f'{percentile}_us'), 'us', what)


def against_mosquitto(bench, ours, peer):
    """Reports of a scenario on the hub and of one on Mosquitto: each a list of the scenario and its flags."""
    with bench.hub() as hub, bench.mosquitto() as mosquitto:
        return bench.in_turn(lambda: bench.load(ours[0], *hub.flags(), *CREATE, *ours[1:]),
                             lambda: bench.load(peer[0], *mosquitto.flags(), *peer[1:]))


def update(bench):
    ours, peer = against_mosquitto(bench, ['reported', *MANY], ['echo', *MANY])
    return [Row('CPU per durable reported update, 1,000 devices, 256 in flight, 128 B', cpu(ours, 'hub'), cpu(peer, 'QoS 1 echo'), 0.9),
            Row('updates per second of the same', rate(ours, 'hub'), rate(peer, 'QoS 1 echo'), 1.0, at_least=True)]


def get(bench):
    ours, peer = against_mosquitto(bench, ['get', *MANY], ['echo', *MANY, '--qos', 0])
    return [Row('CPU per twin GET over MQTT, 1 KiB', cpu(ours, 'hub'), cpu(peer, 'QoS 0 echo, 128 B'), 0.8)]


def telemetry(bench):
    ours, peer = against_mosquitto(bench, ['telemetry', *MANY], ['telemetry', *MANY])
    return [Row('CPU per telemetry message, durable before PUBACK', cpu(ours, 'hub'), cpu(peer, 'QoS 1 PUBACK only'), 1.0)]


def single(bench):
    with bench.hub() as hub, bench.mosquitto() as mosquitto:
        ours, echo, sync = bench.in_turn(lambda: bench.load('reported', *hub.flags(), *CREATE, *ONE),
                                         lambda: bench.load('echo', *mosquitto.flags(), *ONE),
                                         lambda: bench.limit('fdatasync', bench.folder, bench.seconds))
    sums = [a + b for a, b in zip(figures(echo, 'p50_us'), figures(sync, 'p50_us'))]
    return [Row('p50 of one durable update, nothing else in flight', time_of(ours, 'p50', 'hub'),
                Side(sums, 'us', 'QoS 1 echo + fdatasync'), 1.1)]


def fan_out(bench):
    with bench.hub() as hub, bench.mosquitto() as mosquitto:
        ours, echo, sync = bench.in_turn(lambda: bench.load('desired', *hub.flags(), *CREATE, *FAN_OUT),
                                         lambda: bench.load('echo', *mosquitto.flags(), *FAN_OUT),
                                         lambda: bench.limit('fdatasync', bench.folder, bench.seconds))
    rows = []
    for percentile, aim in (('p50', 1.2), ('p99', 1.5)):
        sums = [2 * a + b for a, b in zip(figures(echo, f'{percentile}_us'), figures(sync, f'{percentile}_us'))]
        rows.append(Row(f'fan-out: REST PATCH to delta at the device, 2,000/s open loop, {percentile}', time_of(ours, percentile, 'hub'),
                        Side(sums, 'us', '2 x QoS 1 echo + fdatasync'), aim))
    return rows


def both_doors(bench, scenario, flags):
    """Fresh servers for every run, plain and over TLS: memory that was given back would serve a second run."""

    certificates = bench.certificates()

    def run(make, count, tls, more):
        with make() as server:
            return bench.load(scenario, *server.flags(tls), '--devices', count, '--in-flight', 16, *more)

    results = []
    for tls, count in ((False, bench.plain_connections), (True, bench.tls_connections)):
        def broker():
            return bench.mosquitto(certificates=certificates)
        ours, peer, shared = bench.in_turn(lambda: run(bench.hub, count, tls, [*CREATE, *flags]), lambda: run(broker, count, tls, []),
                                           lambda: run(broker, count, tls, ['--shared-topics']))
        results.append((f'TLS P-256, {count:,}' if tls else f'plain, {count:,}', tls, ours, peer, shared))
    return results


def idle(bench):
    rows = []
    for name, tls, ours, peer, shared in both_doors(bench, 'idle', ['--rehearse']):
        def memory(reports, what):
            return Side(figures(reports, 'rss_kib_per_connection'), 'KiB', what)
        rows.append(Row(f'RSS per idle connection with twin subscriptions, {name}', memory(ours, 'hub'),
                        memory(peer, 'Mosquitto, topics of its own for each'), 0.97 if tls else 1.0))
        rows.append(Row('the same', memory(ours, 'hub'), memory(shared, 'Mosquitto, the same topics for all'), 0.97 if tls else 1.0))
        rows.append(Row(f'CPU per second of the same connections doing nothing, {name}',
                        Side(figures(ours, 'idle_cpu_us_per_second'), 'us CPU', 'hub'),
                        Side(figures(peer, 'idle_cpu_us_per_second'), 'us CPU', 'Mosquitto')))
    return rows


def connect(bench):
    rows = []
    for name, tls, ours, peer, shared in both_doors(bench, 'connect', []):
        rows.append(Row(f'CPU per connect, SAS check and durable subscriptions included, {name}', cpu(ours, 'hub'),
                        cpu(peer, 'Mosquitto, no check, nothing durable, topics of its own for each'), 0.9 if tls else 0.5))
        rows.append(Row('the same', cpu(ours, 'hub'), cpu(shared, 'Mosquitto, the same topics for all'), 0.9 if tls else 0.5))
        rows.append(Row(f'RSS per connection that was never there before, {name}',
                        Side(figures(ours, 'rss_kib_per_connection'), 'KiB', 'hub, its caches and memtables filling'),
                        Side(figures(peer, 'rss_kib_per_connection'), 'KiB', 'Mosquitto')))
    return rows


def seeded(bench, count, address):
    hub = bench.hub(address=address)
    subprocess.run([BUILD / 'bench' / 'seed_store', hub.data / 'db', str(count)], check=True, capture_output=True)
    return hub


def million(bench):
    """The same 1,000 devices of many stored ones and of no others."""
    flags = [*MANY, '--device-prefix', 'device-', '--twin', 0]
    stride = ['--stride', bench.stored // 1000]
    many = f'{bench.stored:,} stored twins'
    rows = []
    with seeded(bench, bench.stored, '127.88.0.1') as large, seeded(bench, 1000, '127.88.0.4') as small:
        for scenario, what in (('reported', 'update'), ('get', 'GET')):
            ours, peer = bench.in_turn(lambda: bench.load(scenario, *large.flags(), *flags, *stride),
                                       lambda: bench.load(scenario, *small.flags(), *flags))
            rows.append(Row(f'CPU per {what} at {many}', cpu(ours, many), cpu(peer, 'hub with 1,000'), 1.2))
        everything = "SELECT deviceId FROM devices WHERE properties.reported.property7 = 'none'"
        bench.load('query', *large.flags(), '--query', everything, '--rows', 0, '--operations', 1, '--warm-up', 0)
        mib = large.rss_kib() / 1024
        rows.append(Row(f'RSS at {many}, after updates, reads and a scan of all', Side([mib], 'MiB', 'hub'),
                        Side([64 + 200.0], 'MiB', 'cache (64 MiB) + 200 MiB'), 1.0))
        scan = [bench.load('query', *large.flags(), '--query', everything, '--rows', 0, '--operations', 3, '--warm-up', 0)
                for _ in range(bench.pairs)]
        rows.append(Row('CPU per twin that a query passes over', Side([report['cpu_us'] / bench.stored for report in scan], 'us CPU', 'hub')))
    return rows


def start(bench):
    """Start to serving, on a store of many twins: after an orderly stop, and killed under load."""
    rows = []
    hub = seeded(bench, bench.stored, '127.88.0.1')
    many = f'{bench.stored:,} twins'
    copy = bench.folder / 'copy'

    def engine_alone():
        shutil.rmtree(copy, ignore_errors=True)
        # The engine never changes a table it has written: those need no copy.
        shutil.copytree(hub.data / 'db', copy, copy_function=lambda a, b: shutil.copy2(a, b) if not a.endswith('.sst') else link(a, b))
        return bench.limit('rocksdb-open', copy)['open_ms']

    def killed():
        flags = [*MANY, '--device-prefix', 'device-', '--stride', bench.stored // 1000, '--twin', 0, '--seconds', 30]
        loader = subprocess.Popen([str(part) for part in [BUILD / 'bench' / 'load' / 'load', 'reported', *hub.flags(), *flags]],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2 + bench.seconds)
        hub.stop(signal.SIGKILL)
        loader.wait()

    try:
        hub.start()
        clean, after_kill = [], []
        for _ in range(bench.pairs):
            hub.stop()
            clean.append((engine_alone(), hub.start()))
            killed()
            after_kill.append((engine_alone(), hub.start()))
    finally:
        hub.stop(signal.SIGKILL)
        hub.remove()
    for name, pairs, aim, aim_text in (('an orderly stop', clean, None, '<= 100 ms'), ('kill -9 under load', after_kill, 1.2, None)):
        rows.append(Row(f'start to serving with {many}, after {name}', Side([ours for _, ours in pairs], 'ms', 'hub'),
                        Side([peer for peer, _ in pairs], 'ms', 'RocksDB open of the same folder'), aim, aim_text=aim_text))
    rows[0].holds = rows[0].ours.median <= 100
    return rows


def link(source, target):
    os.link(source, target)
    return target


def tls(bench):
    with bench.hub() as hub, bench.mosquitto(certificates=bench.certificates()) as mosquitto:
        sides = bench.in_turn(*[lambda server=server, scenario=scenario, secure=secure, more=more:
                                bench.load(scenario, *server.flags(secure), *MANY, *more)
                                for server, scenario, more in ((hub, 'reported', CREATE), (mosquitto, 'echo', []))
                                for secure in (True, False)])
    def tax(secure, plain):
        return [a / b for a, b in zip(figures(secure, 'cpu_us'), figures(plain, 'cpu_us'))]
    return [Row('TLS tax on CPU per update', Side(tax(*sides[:2]), 'x', 'hub'), Side(tax(*sides[2:]), 'x', 'QoS 1 echo'), 1.1)]


def large(bench):
    big = ['--twin', 31_000]
    ours, peer = against_mosquitto(bench, ['reported', *MANY, *big], ['echo', *MANY])
    rows = [Row('CPU per durable update of a 32 KiB twin, 128 B', cpu(ours, 'hub'), cpu(peer, 'QoS 1 echo'))]
    ours, peer = against_mosquitto(bench, ['get', *MANY, *big], ['echo', *MANY, '--qos', 0, '--payload', 31_000])
    return rows + [Row('CPU per twin GET over MQTT, 32 KiB', cpu(ours, 'hub'), cpu(peer, 'QoS 0 echo of 31,000 B'))]


def deep(bench):
    ours, peer = against_mosquitto(bench, ['reported', *MANY, '--depth', 10], ['echo', *MANY])
    return [Row('CPU per durable update ten levels deep, 128 B', cpu(ours, 'hub'), cpu(peer, 'QoS 1 echo'))]


def beside(bench, what, flags):
    """Fan-out with and without something else that goes on."""
    with bench.hub() as hub:
        ours, peer = bench.in_turn(lambda: bench.load('desired', *hub.flags(), *CREATE, *FAN_OUT, *flags),
                                   lambda: bench.load('desired', *hub.flags(), *CREATE, *FAN_OUT))
    return [Row(f'fan-out as above, {what}, {percentile}', time_of(ours, percentile, 'hub'), time_of(peer, percentile, 'hub without'))
            for percentile in ('p50', 'p99')]


def newcomers(bench):
    return beside(bench, '100 subscribers per second connecting', ['--connect-rate', 100])


def slow_reader(bench):
    return beside(bench, 'one slow reader among the fast', ['--slow-readers', 1])


def console(bench):
    """The same hub and devices, with pages of the web console open and without."""
    devices = ['--device-prefix', 'seen-', *MANY]
    seen = [f'seen-{i}' for i in range(100)]

    with bench.hub() as hub:
        def alone():
            return bench.load('reported', *hub.flags(), *CREATE, *devices)

        def watched(wishes):
            with Pages(hub, wishes) as pages:
                report = alone()
            if min(pages.events) < 2:  # the first one is the greeting
                raise Failed('console: a page was shown nothing')
            return report

        everything = [{'topics': ['events'], 'from': 'now'}]
        none, ten, events = bench.in_turn(alone, lambda: watched(everyday(seen)), lambda: watched(everything))
    name = 'CPU per durable reported update'
    return [Row(f'{name}, ten pages of the console open', cpu(ten, 'ten pages open'), cpu(none, 'none open'), 1.1),
            Row(f'{name}, a page open that shows every event', cpu(events, 'one page of all events'), cpu(none, 'none open'))]


def method(bench):
    ours, peer = against_mosquitto(bench, ['method', '--devices', 100, '--in-flight', 16], ['echo', '--devices', 100, '--in-flight', 16, '--qos', 0])
    return [Row('CPU per direct method, REST to device and back', cpu(ours, 'hub'), cpu(peer, 'QoS 0 echo'))]


def amqp(bench):
    """AMQP beside MQTT at the same hub, and beside RabbitMQ, in turn: as many devices and the same bytes."""
    with bench.hub() as hub, bench.rabbitmq() as rabbitmq:
        ours, mqtt, peer = bench.in_turn(lambda: bench.load('amqp-telemetry', *hub.flags(), *CREATE, *MANY),
                                         lambda: bench.load('telemetry', *hub.flags(), *CREATE, *MANY),
                                         lambda: bench.load('amqp-telemetry', *rabbitmq.flags(), *MANY))
    what = 'RabbitMQ, persistent in a durable queue'
    rows = [Row('CPU per telemetry message over AMQP, durable before accepted', cpu(ours, 'AMQP'), cpu(mqtt, 'MQTT, the same hub'), 1.5),
            Row('the same', cpu(ours, 'AMQP'), cpu(peer, what)),
            Row('telemetry messages over AMQP per second, durable before accepted', rate(ours, 'hub'), rate(peer, what))]
    reports = []
    for _ in range(bench.pairs):
        with bench.hub() as hub:  # fifty messages wait for a device at most: each run has devices of its own
            flags = ['--devices', 4000, '--in-flight', 256, '--back-ends', 8, '--warm-up', 0.2, '--operations', 80_000]
            reports.append(bench.load('amqp-messages', *hub.flags(), *CREATE, *flags))
    rows += [Row('messages to devices sent over AMQP, durable before accepted, per second', rate(reports, 'hub')),
             Row('CPU per such message', cpu(reports, 'hub'))]
    with bench.hub() as hub:
        read = [bench.load('amqp-events', *hub.flags(), *CREATE, '--in-flight', 300) for _ in range(bench.pairs)]
    rows += [Row('CPU per event to an Event Hubs reader with a credit of 300, from memory', cpu(read, 'hub'), Side([3.0] * len(read), 'us CPU', 'aim'), 1.0),
             Row('events per second of the same', rate(read, 'hub'))]
    for tls, count in ((False, bench.plain_connections), (True, bench.tls_connections)):
        with bench.hub() as hub:
            report = bench.load('amqp-idle', *hub.flags(tls), *CREATE, '--devices', count)
        name = f'TLS P-256, {count:,}' if tls else f'plain, {count:,}'
        rows.append(Row(f'RSS per idle AMQP device, {name}', Side(figures([report], 'rss_kib_per_connection'), 'KiB', 'hub')))
    return rows


def limits(bench):
    with bench.hub() as hub, bench.echo_server() as echo:
        ours, raw, sync = bench.in_turn(lambda: bench.load('get', *hub.flags(), *CREATE, *MANY),
                                        lambda: bench.load('raw', *echo.flags(), *MANY),
                                        lambda: bench.limit('fdatasync', bench.folder, bench.seconds))
    return [Row('limit: CPU per twin GET against 128 B there and back over raw loopback', cpu(ours, 'hub'), cpu(raw, 'echo server')),
            Row("limit: fdatasync of this disk, p50", time_of(sync, 'p50', 'disk')),
            Row("limit: fdatasync of this disk, p99", time_of(sync, 'p99', 'disk'))]


ALL = [update, get, telemetry, single, fan_out, idle, connect, million, start, tls, large, deep, newcomers, slow_reader, console, method, amqp, limits]
