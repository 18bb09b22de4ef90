// Server-sent events out of the text of a stream (WHATWG HTML, 9.2.6), cut anywhere.

export interface ServerEvent {
  event: string;
  data: string;
  id: string | undefined;
}

export class EventParser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private id: string | undefined;

  feed(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop()!;
    for (const line of lines) {
      if (line !== '') {
        this.field(line);
        continue;
      }
      if (this.data.length > 0) events.push({ event: this.event || 'message', data: this.data.join('\n'), id: this.id });
      this.event = '';
      this.data = [];
    }
    return events;
  }

  private field(line: string): void {
    if (line.startsWith(':')) return;
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.event = value;
    if (name === 'data') this.data.push(value);
    if (name === 'id') this.id = value;
  }
}
