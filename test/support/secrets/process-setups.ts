import type { Environment } from '../../../services/config/environment.ts'
import { prompt, secrets } from './harness.ts'

/** The executable as an operator starts it. */
export interface ProcessSetup {
  name: string
  environment?: Environment
  args?: readonly string[]
  /** Files in its working directory, by name. */
  files?: Readonly<Record<string, string>>
  /** Its standard input. */
  input?: string
  /** Code that runs in its process before it, and fails. */
  intruder?: string
  /** Keeps running; it is stopped once it listens and this was logged. */
  until?: RegExp
}

const {
  azureKey,
  deploymentKey,
  callerKey,
  metricsToken,
  redisPassword,
  serverSecret,
  proxyPassword,
  clientSecret,
  linkCredential,
  collectorKey,
} = secrets

const error = `Object.assign(new Error(${JSON.stringify(`WRONGPASS ${redisPassword}`)}), { command: { name: 'auth', args: [${JSON.stringify(redisPassword)}] }, cause: new Error(${JSON.stringify(prompt)}) })`
/** Acts once the service listens. */
const whileItRuns = (act: string) => `import { subscribe } from 'node:diagnostics_channel'
subscribe('tracing:net.server.listen:asyncEnd', () => setImmediate(() => { ${act} }))`
const entry = { name: 'one', base_url: 'https://x.example', key: deploymentKey }

const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_BSP_SCHEDULE_DELAY: '20' }

export const processSetups: readonly ProcessSetup[] = [
  {
    name: 'the headers of the collector are printed',
    args: ['--check'],
    environment: { ...collector, OTEL_EXPORTER_OTLP_HEADERS: `api-key=${collectorKey}` },
  },
  {
    name: 'the headers of the collector are no headers',
    environment: { ...collector, OTEL_EXPORTER_OTLP_HEADERS: `${collectorKey}` },
  },
  {
    name: 'the address of the collector carries a credential',
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://u:${collectorKey}@x.example` },
  },
  {
    name: 'the address of Azure carries a credential',
    environment: { AZURE_BASE_URL: `https://u:${linkCredential}@x.example` },
  },
  {
    name: 'an allowed origin carries a credential',
    environment: { ALLOWED_ORIGINS: `https://a.example, https://u:${linkCredential}@x.example` },
  },
  { name: 'an allowed host carries a credential', environment: { ALLOWED_HOSTS: `u:${linkCredential}@x.example` } },
  {
    name: 'hosts that are printed carry credentials',
    args: ['--check'],
    environment: {
      AZURE_IMAGE_HOSTS: `u:${linkCredential}@x.example`,
      SERVER_SECRET: serverSecret,
      HTTPS_PROXY: `http://u:${proxyPassword}@127.0.0.1:9`,
      NO_PROXY: `localhost,u:${proxyPassword}@x.example`,
    },
  },
  {
    name: 'the deployments file is not JSON',
    environment: { AZURE_DEPLOYMENTS_FILE: 'd.json' },
    files: { 'd.json': `{"deployments":[{"key":"${deploymentKey}",}]` },
  },
  {
    name: 'the deployments file has a key where a list belongs',
    environment: { AZURE_DEPLOYMENTS_FILE: 'd.json' },
    files: { 'd.json': JSON.stringify({ deployments: deploymentKey }) },
  },
  {
    name: 'the deployments file has an unknown member',
    environment: { AZURE_DEPLOYMENTS_FILE: 'd.json' },
    files: { 'd.json': JSON.stringify({ deployments: [{ ...entry, keys: [deploymentKey] }] }) },
  },
  {
    name: 'a deployment has a key and a file that is not there',
    environment: { AZURE_DEPLOYMENTS_FILE: 'd.json' },
    files: { 'd.json': JSON.stringify({ deployments: [{ ...entry, key_file: '/run/secrets/none' }] }) },
  },
  {
    name: 'a deployment has a number for a key',
    environment: { AZURE_DEPLOYMENTS_FILE: 'd.json' },
    files: { 'd.json': JSON.stringify({ deployments: [{ ...entry, key: [deploymentKey] }] }) },
  },
  {
    name: 'the models file is not JSON',
    environment: { AZURE_MODELS_FILE: 'm.json' },
    files: { 'm.json': `{"models": ${azureKey}` },
  },
  {
    name: 'the models file has another form',
    environment: { AZURE_MODELS_FILE: 'm.json' },
    files: { 'm.json': JSON.stringify({ models: [{ id: 'x', max_images: azureKey }] }) },
  },
  { name: 'a key of a caller has no name', environment: { MCP_API_KEYS: callerKey } },
  { name: 'a key of a caller holds a blank', environment: { MCP_API_KEYS: `alice:${callerKey} x` } },
  { name: 'two callers have one key', environment: { MCP_API_KEYS: `alice:${callerKey},bob:${callerKey}` } },
  { name: 'the file of keys is not there', environment: { MCP_API_KEYS_FILE: `/run/secrets/none` } },
  { name: 'the address of Redis is none', environment: { REDIS_URL: `redis//:${redisPassword}@redis` } },
  { name: 'the address of Redis has no port', environment: { REDIS_URL: `redis://:${redisPassword}@redis:port` } },
  { name: 'the address of the proxy is none', environment: { HTTPS_PROXY: `http//u:${proxyPassword}@proxy` } },
  {
    name: 'the address of the proxy has no port',
    environment: { HTTPS_PROXY: `http://u:${proxyPassword}@proxy:port` },
  },
  { name: 'the issuer carries a credential', environment: { OAUTH_ISSUER: `http://u:${clientSecret}@x.example` } },
  {
    name: 'the token for metrics is given twice',
    environment: { METRICS_TOKEN: metricsToken, METRICS_TOKEN_FILE: '/run/secrets/none' },
  },
  { name: 'a secret is given as a flag', args: [`--key=${azureKey}`.slice(0, 5), azureKey] },
  { name: 'a secret is given as a word', args: [azureKey] },
  {
    name: 'it is checked with every secret set',
    args: ['--check'],
    environment: {
      MCP_API_KEYS: `alice:${callerKey}`,
      METRICS_TOKEN: metricsToken,
      REDIS_URL: `redis://:${redisPassword}@127.0.0.1:9`,
      HTTPS_PROXY: `http://u:${proxyPassword}@127.0.0.1:9`,
    },
  },
  {
    name: 'a client writes garbage to its stdin',
    args: ['--stdio'],
    input: `{"prompt": ${JSON.stringify(prompt)}, ${azureKey}\n${prompt}\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n`,
  },
  { name: 'a promise is rejected before it is ready', intruder: `Promise.reject(${error})` },
  { name: 'an error is thrown before it is ready', intruder: `setImmediate(() => { throw ${error} })` },
  { name: 'a promise is rejected while it runs', intruder: whileItRuns(`Promise.reject(${error})`) },
  {
    name: 'a text is rejected while it runs',
    intruder: whileItRuns(`Promise.reject(${JSON.stringify(prompt)})`),
  },
  { name: 'an error is thrown while it runs', intruder: whileItRuns(`throw ${error}`) },
  {
    name: 'a library warns before it is ready',
    intruder: `process.emitWarning(${JSON.stringify(prompt)}, 'Warning', ${JSON.stringify(azureKey)})`,
    until: /listening/,
  },
  {
    name: 'a library warns while it runs',
    intruder: whileItRuns(`process.emitWarning(${error})`),
    until: /process warning/,
  },
  {
    name: 'a library writes to the console while it runs',
    intruder: whileItRuns(`console.warn(${JSON.stringify(prompt)}); console.error(${error})`),
    until: /wrote to the console/,
  },
  {
    name: 'a library writes to the stdout of a client',
    args: ['--stdio'],
    intruder: `setImmediate(() => console.log(${JSON.stringify(prompt)}))`,
    input: '{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
  },
]
