"""RESULTS.md: the rows as a table, and the conditions under which they were measured."""
import datetime
import os
import pathlib
import platform
import subprocess

from servers import ROOT


def said_by(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout.strip()
    except OSError:
        return ''


def processor():
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.split(':', 1)[1].strip()
    return platform.machine()


def conditions(bench, load_before):
    source, kind = (said_by('findmnt', '-n', '-o', 'SOURCE,FSTYPE', '-T', str(bench.folder)).split() + ['?', '?'])[:2]
    mosquitto, rabbitmq = (said_by('dpkg-query', '-W', '-f', '${Version}', package) for package in ('mosquitto', 'rabbitmq-server'))
    commit = said_by('git', 'describe', '--always', '--dirty')
    return [
        f'- date: {datetime.date.today().isoformat()}; twinhub {commit}, build/release',
        f'- machine: {os.cpu_count()} cores, {processor()}; Linux {platform.release()}; load average before the run {load_before:.2f}',
        f'- disk: {source} ({kind}); durability `sync`, every other setting at its default',
        f'- peer: Mosquitto {mosquitto}, `set_tcp_nodelay true`, no persistence; TLS with the same P-256 certificate',
        f'- peer of AMQP: RabbitMQ {rabbitmq} with its AMQP 1.0 plugin, one durable classic queue that nobody reads, persistent messages',
        f'- generator: bench/load on the same machine, loopback; ' + (
            'servers on core 0, generator on core 1' if bench.pin else 'nothing pinned to a core'),
        f'- {bench.pairs} interleaved pairs of {bench.seconds} s each; every figure is a median, the ratio that of the pairs (least to most)',
        '- errors: 0 in every run that is listed' + ('; **a quick run: fewer pairs, connections and twins**' if bench.quick else ''),
    ]


def number(value):
    if value >= 1000:
        return f'{value:,.0f}'
    return f'{value:.1f}' if value >= 100 else f'{value:.2f}' if value >= 1 else f'{value:.3f}'


def side(values):
    return f'{number(values.median)} {values.unit} ({values.what})' if values else ''


def line(row):
    ratio = f'{row.ratio:.2f} ({min(row.ratios):.2f} to {max(row.ratios):.2f})' if row.ratios else ''
    aim = row.aim_text or ('' if row.aim is None else f'{">=" if row.at_least else "<="} {row.aim}')
    reached = getattr(row, 'holds', row.reached)
    verdict = '' if reached is None else 'yes' if reached else '**no**'
    return f'| {row.measure} | {ratio} | {aim} | {verdict} | {side(row.ours)} | {side(row.peer)} |'


def text_of(bench, rows, failures, load_before):
    lines = ['# Results of `./dev bench`', '', 'Written by it; how it measures stands in [README.md](README.md).', '']
    lines += conditions(bench, load_before)
    lines += ['', '| measure | ours / peer | aim | reached | ours | peer |', '| --- | --- | --- | --- | --- | --- |']
    lines += [line(row) for row in rows]
    for name, why in failures:
        lines += ['', f'**Failed: {name}**', '', '```', why.strip(), '```']
    return '\n'.join(lines) + '\n'
