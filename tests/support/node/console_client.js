// The web console's API as a script uses it: a session, requests with its token, and the stream.
'use strict';

const http = require('node:http');

const { parse_connection_string } = require('./sas');
const { until, within } = require('./until');

class ConsoleClient {
  constructor(hub) {
    this.hub = hub;
    this.token = null;
    this.streams = [];
  }

  // -> { status, headers, text, json }. A `body` that is no text is sent as JSON.
  request(method, path, { body, headers = {} } = {}) {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const all = { ...headers };
    if (this.token && !('Authorization' in all)) all.Authorization = `Bearer ${this.token}`;
    if (text !== undefined) {
      if (!('Transfer-Encoding' in all)) all['Content-Length'] = Buffer.byteLength(text);
      if (!('Content-Type' in all)) all['Content-Type'] = 'application/json';
    }
    return new Promise((resolve, reject) => {
      const request = http.request({ method, host: this.hub.address, port: this.hub.ports.ops, path, headers: all, agent: false }, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString('utf8');
          const is_json = /application\/json/.test(response.headers['content-type'] || '');
          resolve({ status: response.statusCode, headers: response.headers, text: answer, json: is_json && answer ? JSON.parse(answer) : undefined });
        });
      });
      request.on('error', reject);
      if (!all.Expect) return request.end(text);
      request.flushHeaders();
      request.on('continue', () => request.end(text));
    });
  }

  api(method, path, options) { return this.request(method, `/console/api/${path}`, options); }
  get(path, options) { return this.api('GET', path, options); }
  // One of the REST routes.
  hub_api(method, path, options) {
    return this.api(method, `hub${path}${path.includes('?') ? '&' : '?'}api-version=2021-04-12`, options);
  }

  async log_in(policy = 'iothubowner') {
    const { SharedAccessKey: key } = parse_connection_string(this.hub.connection_string('--policy', policy));
    const answer = await this.api('POST', 'session', { body: { policy, key } });
    if (answer.status !== 201) throw new Error(`log-in: ${answer.status} ${answer.text}`);
    this.token = answer.json.token;
    return this;
  }

  // Opens a stream; `events` grow as they come: { id, event, data }.
  async stream(body, headers = {}) {
    const stream = { events: [], ended: false };
    const text = JSON.stringify(body);
    await within('the stream opens', new Promise((resolve, reject) => {
      stream.request = http.request({
        method: 'POST', host: this.hub.address, port: this.hub.ports.ops, path: '/console/api/stream', agent: false,
        headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), ...headers },
      }, (response) => {
        Object.assign(stream, { status: response.statusCode, headers: response.headers });
        let rest = '';
        response.on('data', (chunk) => {
          const blocks = (rest + chunk).split('\n\n');
          rest = blocks.pop();
          for (const block of blocks) {
            const event = Object.fromEntries(block.split('\n').filter((line) => !line.startsWith(':')).map((line) => line.match(/^(\w+): (.*)$/s).slice(1)));
            if (event.data) stream.events.push({ ...event, data: JSON.parse(event.data) });
          }
        });
        response.on('close', () => { stream.ended = true; });
        response.on('error', () => {});
        resolve();
      });
      stream.request.on('error', (error) => { stream.ended = true; reject(error); });
      stream.request.end(text);
    }));
    // -> the first event of that name that `accepts` takes
    stream.event = (name, accepts = () => true) => until(`the event ${name}`, () => stream.events.find((each) => each.event === name && accepts(each.data)));
    this.streams.push(stream);
    return stream;
  }

  close() { for (const stream of this.streams) stream.request.destroy(); }
}

module.exports = { ConsoleClient };
