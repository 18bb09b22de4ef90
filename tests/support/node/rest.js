// The service REST API spoken directly, without an SDK between, so that every field and header is seen as it was sent.
'use strict';

const http = require('node:http');
const https = require('node:https');

const { parse_connection_string, sas_token } = require('./sas');

const api_version = '2021-04-12';

class Rest {
  // `connection_string` names a policy. With `plain_port` the plain HTTP door is used, otherwise HTTPS on 443 with the
  // process's trusted certificates (NODE_EXTRA_CA_CERTS).
  constructor(connection_string, { plain_port } = {}) {
    const fields = parse_connection_string(connection_string);
    this.host = fields.HostName;
    this.token = sas_token({ resource: this.host, key: fields.SharedAccessKey, policy: fields.SharedAccessKeyName });
    this.module = plain_port ? http : https;
    this.port = plain_port || 443;
    this.agent = new this.module.Agent({ keepAlive: true });
  }

  // -> { status, headers, text, json }; rejects only when there is no answer.
  request(method, path, { body, if_match, headers = {}, version = api_version } = {}) {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const all = { Authorization: this.token, ...headers };
    if (text !== undefined) {
      all['Content-Type'] = 'application/json; charset=utf-8';
      all['Content-Length'] = Buffer.byteLength(text);
    }
    if (if_match !== undefined) all['If-Match'] = if_match;
    const separator = path.includes('?') ? '&' : '?';
    const options = {
      method, host: this.host, port: this.port, agent: this.agent, headers: all,
      path: version ? `${path}${separator}api-version=${version}` : path,
    };
    return new Promise((resolve, reject) => {
      const request = this.module.request(options, (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = Buffer.concat(chunks).toString('utf8');
          const is_json = /application\/json/.test(response.headers['content-type'] || '');
          resolve({
            status: response.statusCode, headers: response.headers, text: answer,
            json: is_json && answer ? JSON.parse(answer) : undefined,
          });
        });
      });
      request.on('error', reject);
      request.end(text);
    });
  }

  get(path, options) { return this.request('GET', path, options); }
  put(path, body, options) { return this.request('PUT', path, { body, ...options }); }
  patch(path, body, options) { return this.request('PATCH', path, { body, ...options }); }
  delete(path, options) { return this.request('DELETE', path, { if_match: '*', ...options }); }

  create_device(id, extra = {}) { return this.put(`/devices/${encodeURIComponent(id)}`, { deviceId: id, ...extra }); }

  close() { this.agent.destroy(); }
}

module.exports = { Rest, api_version };
