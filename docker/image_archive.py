#!/usr/bin/env python3
"""Writes the image that docker/Dockerfile describes as an archive for `docker load`, `podman load` or `ctr image import`, without any of them.

    image_archive.py ROOT ARCHITECTURE VERSION ARCHIVE     ROOT: as image_root.sh makes it; ARCHIVE: a .tar.gz that is written

Beside what a Dockerfile can say to every engine, it has a start interval for the health check (Docker Engine 25 and later; others pass it over), and
the capability to bind port 443 stands in the archive itself, so that neither root nor a file system with capabilities is needed here.
The same files make the same bytes: times are SOURCE_DATE_EPOCH.
Source: Docker Image Specification v1.3 (moby/docker-image-spec), "Image JSON Description"; capabilities(7), "File capability extended attribute versioning".
"""
import datetime
import gzip
import hashlib
import io
import json
import os
import struct
import sys
import tarfile

OWNER = 10001  # user twinhub of image_root.sh
SECOND = 1_000_000_000

# VFS_CAP_REVISION_2 with the effective bit, then permitted and inheritable, low and high words: CAP_NET_BIND_SERVICE is the tenth.
NET_BIND_SERVICE = struct.pack('<5I', 0x02000001, 1 << 10, 0, 0, 0)


def layer_of(root, time):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w', format=tarfile.PAX_FORMAT) as layer:
        names = sorted(os.path.relpath(os.path.join(folder, name), root) for folder, folders, files in os.walk(root) for name in folders + files)
        for name in names:
            path = os.path.join(root, name)
            member = layer.gettarinfo(path, name)
            member.mtime, member.uname, member.gname = time, '', ''
            member.uid = member.gid = OWNER if name == 'data' else 0
            if member.isfile():
                member.type, member.linkname = tarfile.REGTYPE, ''
                member.size = os.path.getsize(path)
                if name == 'usr/bin/twinhub':
                    member.pax_headers = {'SCHILY.xattr.security.capability': NET_BIND_SERVICE.decode('latin-1')}
                with open(path, 'rb') as content:
                    layer.addfile(member, content)
            else:
                layer.addfile(member)
    return buffer.getvalue()


def config_of(layer, architecture, version, time):
    created = datetime.datetime.fromtimestamp(time, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    return {
        'architecture': architecture, 'os': 'linux', 'created': created,
        'config': {
            'User': 'twinhub',
            'Env': ['PATH=/usr/bin', 'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt', 'TWINHUB_DATA_DIR=/data', 'TWINHUB_LISTEN=0.0.0.0',
                    'TWINHUB_OPS_LISTEN=0.0.0.0'],
            'Entrypoint': ['twinhub'], 'Cmd': ['serve'], 'WorkingDir': '/', 'Volumes': {'/data': {}},
            'ExposedPorts': {f'{port}/tcp': {} for port in (443, 5671, 8883, 9600)},
            'Healthcheck': {'Test': ['CMD', 'twinhub', 'health'], 'Interval': 10 * SECOND, 'Timeout': 5 * SECOND, 'StartPeriod': 60 * SECOND,
                            'StartInterval': SECOND // 5, 'Retries': 3},
            'Labels': {'org.opencontainers.image.title': 'twinhub', 'org.opencontainers.image.version': version},
        },
        'rootfs': {'type': 'layers', 'diff_ids': ['sha256:' + hashlib.sha256(layer).hexdigest()]},
        'history': [{'created': created, 'created_by': 'docker/image_archive.py'}],
    }


def main():
    root, architecture, version, archive = sys.argv[1:]
    time = int(os.environ['SOURCE_DATE_EPOCH'])
    layer = layer_of(root, time)
    config = json.dumps(config_of(layer, architecture, version, time)).encode()
    name = hashlib.sha256(config).hexdigest() + '.json'
    tag = 'twinhub:' + version.replace('~', '-').replace('+', '-')  # neither may stand in a tag
    manifest = json.dumps([{'Config': name, 'RepoTags': [tag], 'Layers': ['layer.tar']}]).encode()
    with open(archive, 'wb') as file, gzip.GzipFile('', 'wb', 6, file, time) as packed, tarfile.open(fileobj=packed, mode='w') as image:
        for member_name, content in (('layer.tar', layer), (name, config), ('manifest.json', manifest)):
            member = tarfile.TarInfo(member_name)
            member.size, member.mtime, member.mode = len(content), time, 0o644
            image.addfile(member, io.BytesIO(content))
    print(tag)


if __name__ == '__main__':
    main()
