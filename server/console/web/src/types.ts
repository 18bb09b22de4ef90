// What the hub answers, as far as pages use it.
import type { Json } from './lib/json';

export interface Session {
  token: string;
  policy: string;
  rights: string[];
  dev?: boolean; // opened by the one button of --dev
}

export interface Endpoint {
  name: string;
  lagEvents: number;
  lagSeconds: number;
  state: 'reached' | 'trying' | 'failing';
  failingSince?: string;
}

export interface Info {
  build: string;
  name: string;
  dev: boolean;
  devLogin: boolean;
  login: 'open' | 'refused';
  loginRefused?: string;
  version?: string;
  commit?: string;
  startedAt?: string;
  now?: string;
  policy?: string;
  rights?: string[];
  hostNames?: string[];
  ports?: Record<string, number>;
  sku?: string;
  durability?: string;
  faults?: boolean;
  partitions?: number;
  retentionHours?: number;
  endpoints?: Endpoint[];
  logLevel?: string;
  certificate?: { subject: string; notBefore: string; notAfter: string; names?: string[] };
  ca?: { subject: string; sha256: string; notAfter: string };
  disk?: { freeBytes: number; totalBytes: number };
  settings?: { key: string; value: string; source: string }[];
}

export interface Twin {
  deviceId: string;
  moduleId?: string;
  etag: string;
  version: number;
  status: string;
  statusReason?: string | null;
  connectionState: string;
  lastActivityTime: string;
  cloudToDeviceMessageCount: number;
  authenticationType: string;
  modelId?: string;
  tags?: Record<string, Json>;
  properties: { desired: Record<string, Json>; reported: Record<string, Json> };
  configurations?: Record<string, { status: string }>;
}

export interface Identity {
  deviceId: string;
  moduleId?: string;
  etag: string;
  generationId: string;
  status: 'enabled' | 'disabled';
  statusReason: string | null;
  statusUpdatedTime: string;
  connectionState: string;
  connectionStateUpdatedTime: string;
  lastActivityTime: string;
  cloudToDeviceMessageCount: number;
  authentication: {
    type: 'sas' | 'selfSigned' | 'certificateAuthority' | 'none';
    symmetricKey: { primaryKey: string | null; secondaryKey: string | null };
    x509Thumbprint: { primaryThumbprint: string | null; secondaryThumbprint: string | null };
  };
  capabilities?: { iotEdge: boolean };
}

export interface DriftSummary {
  state: 'applied' | 'pending' | 'rejected' | 'diverged' | 'none';
  leaves: number;
  since: string | null;
}

// Of a device that is not there, or not any more, its id is all that the hub says.
export type DeviceState = LiveState | { deviceId: string; exists: false };

export interface LiveState {
  deviceId: string;
  exists: true;
  connectionState: string;
  connectionStateUpdatedTime: string;
  lastActivityTime: string;
  cloudToDeviceMessageCount: number;
  status: string;
  version: number;
  etag: string;
  desiredVersion: number;
  reportedVersion: number;
  drift: DriftSummary;
}

export interface Notice {
  time: string;
  last: string;
  count: number;
  kind: 'refused' | 'ended';
  stage: string;
  id: string;
  address: string;
  transport: string;
  sni: string;
  code: string;
  reason: string;
  sentence: string;
  detail: string;
  hint: string;
  revision: number;
}

export interface Pending {
  countedAt: string | null;
  counting: boolean;
  twins: number;
  pending: number;
  rejected: number;
  diverged: number;
  oldest: string | null;
  devices: { deviceId: string; moduleId: string; state: string; leaves: number; since: string }[];
}

export interface HubEvent {
  id?: string;
  partition: number;
  sequenceNumber: number;
  source: string;
  deviceId: string;
  moduleId?: string;
  enqueuedTime: string;
  systemProperties?: Record<string, Json>;
  properties?: Record<string, Json>;
  body?: Json;
  bodyBase64?: string;
}

export interface Series {
  name: string;
  metric: string;
  label?: string;
  kind: 'gauge' | 'rate';
  unit: string;
  values: (number | null)[];
}
export interface Figures {
  range: string;
  stepSeconds: number;
  endsAt: string;
  series: Series[];
}

export interface WaitingMessage {
  sequenceNumber: number;
  state: 'enqueued' | 'invisible';
  enqueuedTime: string;
  expiryTime: string;
  deliveryCount: number;
  ack: string;
  messageId: string;
  correlationId: string;
  contentType: string;
  properties: Record<string, string>;
  bodyBytes: number;
  bodyCut: boolean;
  body?: string;
  bodyBase64?: string;
}
export interface MessageFeedback {
  originalMessageId: string;
  enqueuedTimeUtc: string;
  statusCode: string;
}
export interface Messages {
  messages: WaitingMessage[];
  feedback: MessageFeedback[];
}

export interface DoctorStep {
  step: string;
  state: 'waiting' | 'ok' | 'failed';
  detail: string;
  reason?: string;
  said?: string;
}
export interface Doctor {
  deviceId: string;
  steps: DoctorStep[];
  notices: Notice[];
  revision: number;
}

export interface Recipe {
  id: string;
  title: string;
  file: string;
  language: string;
  install?: string;
  trust: string;
  code: string;
  run: string;
  otherPort: boolean;
  tested: boolean;
}
export interface ConnectInfo {
  deviceId: string;
  exists: boolean;
  authentication: string;
  hosts: { name: string; kind: string; preferred: boolean }[];
  ports: Record<string, number>;
  connectionStrings?: { primary: string; secondary: string };
  ca?: { subject: string; sha256: string; path: string };
  recipes: Recipe[];
}
