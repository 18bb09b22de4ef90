"""Open pages of the web console, as the hub meets them: a session, and a stream for each page, read as fast as it comes."""
import http.client
import json
import socket
import threading

from servers import Failed

PORT = 9600
TIMEOUT_SECONDS = 30


class Pages:
    """`wishes`: what each page wants to see, the body of its stream. They are open while the block runs."""

    def __init__(self, hub, wishes):
        self.hub = hub
        self.wishes = wishes
        self.sockets = []
        self.events = [0] * len(wishes)
        self.threads = []

    def request(self, path, body, token=None):
        connection = http.client.HTTPConnection(self.hub.address, PORT, timeout=TIMEOUT_SECONDS)
        headers = {'Content-Type': 'application/json', **({'Authorization': f'Bearer {token}'} if token else {})}
        connection.connect()
        self.sockets.append(connection.sock)  # the connection forgets it once an answer has no end
        connection.request('POST', f'/console/api/{path}', json.dumps(body), headers)
        answer = connection.getresponse()
        if answer.status not in (200, 201):
            raise Failed(f'console: {path}: {answer.status} {answer.read().decode()}')
        return answer

    def __enter__(self):
        token = json.loads(self.request('session', {'connectionString': self.hub.connection_string()}).read())['token']
        for i, wish in enumerate(self.wishes):
            answer = self.request('stream', wish, token)
            thread = threading.Thread(target=self.read, args=(i, answer), daemon=True)
            thread.start()
            self.threads.append(thread)
        return self

    def read(self, i, answer):
        try:
            while chunk := answer.read1(65536):
                self.events[i] += chunk.count(b'event: ')
        except (OSError, ValueError, http.client.HTTPException):
            pass  # closed below

    def __exit__(self, *_):
        was_alive = all(thread.is_alive() for thread in self.threads)
        for each in self.sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # that of the log-in is closed already
        for thread in self.threads:
            thread.join(TIMEOUT_SECONDS)
        if not was_alive:
            raise Failed('console: a stream ended before the run did')


def everyday(devices):
    """Ten pages: four people look at the overview, four at a list of `devices`, two at one of these."""
    overview = {'topics': ['figures', 'notices', 'pending']}
    listed = {'topics': ['figures', 'state', 'notices'], 'devices': devices}
    one = {'topics': ['figures', 'state', 'notices'], 'devices': devices[:1], 'device': devices[0]}
    return [overview] * 4 + [listed] * 4 + [one] * 2
