// What waits for a device, and what became of what it was sent; looking takes nothing from anybody.
import { t } from '../../texts';
import type { MessageFeedback, WaitingMessage } from '../../types';
import { Badge } from '../../ui/badge';
import { DataTable } from '../../ui/table';
import { Empty } from '../../ui/parts';
import { Text, Value } from '../../ui/text';
import { Clock } from '../../ui/time';

function Content({ of }: { of: WaitingMessage }) {
  const body = of.body ?? of.bodyBase64 ?? '';
  return (
    <>
      {of.body === undefined && <span class="tag">base64</span>}{' '}
      <span class="mono">
        <Text of={body} max={200} />
      </span>
      {of.bodyCut && <span class="muted small"> {t.messages.bodyCut(of.bodyBytes)}</span>}
      {Object.keys(of.properties).length > 0 && (
        <div class="small">
          {t.live.properties}: <Value of={of.properties} />
        </div>
      )}
    </>
  );
}

export function Queue({ messages }: { messages: WaitingMessage[] }) {
  const words = t.messages;
  return (
    <DataTable
      label={words.queue}
      rows={messages}
      empty={<Empty>{words.queueNone}</Empty>}
      keyOf={(message) => String(message.sequenceNumber)}
      columns={[
        { head: words.id, isName: true, cell: (message) => <Text of={message.messageId || `#${message.sequenceNumber}`} max={64} /> },
        { head: words.enqueued, cell: (message) => <Clock at={message.enqueuedTime} /> },
        { head: words.expires, cell: (message) => <Clock at={message.expiryTime} /> },
        {
          head: words.state,
          cell: (message) => (
            <>
              <Badge tone={message.state === 'enqueued' ? 'none' : 'info'}>{words.states[message.state]}</Badge>
              {message.deliveryCount > 0 && <span class="muted small"> {words.abandoned(message.deliveryCount)}</span>}
            </>
          ),
        },
        { head: words.ack, cell: (message) => words.acks[message.ack] ?? message.ack },
        { head: words.body, cell: (message) => <Content of={message} />, class: 'break' },
      ]}
    />
  );
}

export function Feedback({ feedback }: { feedback: MessageFeedback[] }) {
  const words = t.messages;
  return (
    <DataTable
      label={words.feedback}
      rows={feedback}
      empty={<Empty>{words.feedbackNone}</Empty>}
      keyOf={(record) => `${record.originalMessageId} ${record.enqueuedTimeUtc}`}
      columns={[
        { head: words.id, isName: true, cell: (record) => <Text of={record.originalMessageId} max={64} /> },
        { head: words.outcomeAt, cell: (record) => <Clock at={record.enqueuedTimeUtc} /> },
        {
          head: words.outcome,
          cell: (record) => (
            <Badge tone={record.statusCode === 'Success' ? 'ok' : 'warn'}>{words.outcomes[record.statusCode] ?? record.statusCode}</Badge>
          ),
        },
      ]}
    />
  );
}
