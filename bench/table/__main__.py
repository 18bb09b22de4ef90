"""Measures the hub against its peers and writes the table: `./dev bench [--quick] [--rows update,get] ...`."""
import argparse
import os
import pathlib
import resource
import shutil
import sys
import time

import results
import rows
from bench import Bench
from servers import ROOT, Failed


def parse():
    names = ', '.join(row.__name__ for row in rows.ALL)
    parser = argparse.ArgumentParser(prog='./dev bench', description='Measures the hub against its peers.')
    parser.add_argument('--quick', action='store_true', help='a few minutes: fewer pairs, shorter, smaller')
    parser.add_argument('--rows', default='', help=f'some of: {names}')
    parser.add_argument('--pairs', type=int, help='interleaved pairs (5)')
    parser.add_argument('--seconds', type=float, help='of each run (3)')
    parser.add_argument('--pin', action='store_true', help='servers on core 0, generator on core 1')
    parser.add_argument('--folder', default=str(ROOT / 'build'), help='on the disk that is to be measured (build)')
    parser.add_argument('--output', help='bench/RESULTS.md for the whole table, else build/bench-results.md')
    return parser.parse_args()


def chosen(names):
    if not names:
        return rows.ALL
    known = {row.__name__: row for row in rows.ALL}
    wrong = [name for name in names.split(',') if name not in known]
    if wrong:
        sys.exit(f'no row {", ".join(wrong)}; known: {", ".join(known)}')
    return [known[name] for name in names.split(',')]


def main():
    options = parse()
    groups = chosen(options.rows)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # 10,000 connections, on both sides
    load_before = os.getloadavg()[0]
    bench = Bench(options)
    done, failures = [], []
    try:
        for group in groups:
            began = time.monotonic()
            try:
                found = group(bench)
            except Failed as failure:
                failures.append((group.__name__, str(failure)))
                print(f'{group.__name__}: FAILED: {failure}', file=sys.stderr, flush=True)
                continue
            done += found
            for row in found:
                print(results.line(row), flush=True)
            print(f'({group.__name__}: {time.monotonic() - began:.0f} s)', file=sys.stderr, flush=True)
    finally:
        text = results.text_of(bench, done, failures, load_before)
        whole = not options.quick and not options.rows
        output = pathlib.Path(options.output or ROOT / ('bench/RESULTS.md' if whole else 'build/bench-results.md'))
        output.write_text(text)
        print(f'written: {output}', file=sys.stderr)
        shutil.rmtree(bench.folder, ignore_errors=True)
    sys.exit(1 if failures else 0)


main()
