import { isIP } from 'node:net'
import type { Settings } from '../../schemas/config.ts'
import { type ApiKey, parseApiKeys } from '../auth/api-keys.ts'
import { isLocal } from '../net/ip-address.ts'
import { parseAllowedHosts, parseAllowedOrigins } from '../net/origin-policy.ts'
import { parseTrustedProxies } from '../net/trusted-proxies.ts'
import type { ConfigurationProblem } from './configuration-error.ts'
import { type DeepReadonly, deepFreeze } from './deep-freeze.ts'
import { libraryOf } from './library.ts'
import { type ConfigSource, checkFetchable, checkProxy, checkUrl, listOf, type Parser, parsed } from './parser.ts'
import { printedValues } from './printed-values.ts'
import { Secret } from './secret.ts'
import { tracingOf } from './tracing.ts'

/** Letters of every script, as registered names have them. https://www.rfc-editor.org/rfc/rfc5890 */
const hostName = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}.])?$/u

/** Requests that a caller may send in a minute where the service is reachable from outside. */
const PUBLIC_REQUESTS_PER_MINUTE = 600

/** The configuration in values, by subject: nothing in it has to be parsed again, and nothing in it changes. */
export interface Config extends DeepReadonly<ReturnType<typeof build>> {}

/**
 * Turns validated variables into values. Every problem is reported at once; with any, the configuration must not be used.
 */
export function parseConfig(source: ConfigSource): { config: Config; problems: readonly ConfigurationProblem[] } {
  const problems: ConfigurationProblem[] = []
  const parser: Parser = {
    ...source,
    report: (variable, problem) => problems.push({ variable, problem }),
    secret: (variable) => {
      const value = source.settings[variable]
      return value === undefined ? undefined : new Secret(value, source.secretFiles[variable])
    },
  }
  return { config: deepFreeze(build(parser)), problems }
}

function build(parser: Parser) {
  return {
    azure: azureOf(parser),
    outbound: outboundOf(parser),
    server: serverOf(parser),
    auth: authOf(parser),
    limits: limitsOf(parser),
    images: imagesOf(parser),
    library: libraryOf(parser),
    receipts: receiptsOf(parser),
    logging: loggingOf(parser),
    tracing: tracingOf(parser),
    /** What `--check` prints. */
    lines: printedValues(parser),
  }
}

function azureOf({ settings, report }: Parser) {
  checkUrl('AZURE_BASE_URL', settings.AZURE_BASE_URL, report)
  return {
    maxWaitingCalls: settings.AZURE_MAX_WAITING_CALLS,
    /** Undefined: a call may wait until its deadline. */
    maxQueueMs: settings.MAX_QUEUE_WAIT_MS,
    blockPauseMs: settings.AZURE_BLOCK_PAUSE_MS,
    streaming: settings.AZURE_STREAM,
    maxResponseBytes: settings.AZURE_MAX_RESPONSE_BYTES,
    /** In lower case; `*.` matches subdomains. */
    imageHosts: listOf(settings.AZURE_IMAGE_HOSTS).map((host) => host.toLowerCase()),
  }
}

/** Connections that the service opens. */
function outboundOf({ settings, report, secret }: Parser) {
  checkProxy(settings.HTTPS_PROXY, report)
  return {
    connectTimeoutMs: settings.AZURE_CONNECT_TIMEOUT_MS,
    proxy: { https: secret('HTTPS_PROXY'), none: listOf(settings.NO_PROXY) },
  }
}

function serverOf(parser: Parser) {
  const { settings, report } = parser
  const { MCP_SERVER_HOST: host } = settings
  checkUrl('PUBLIC_URL', settings.PUBLIC_URL, report)
  if (isIP(host) === 0 && !hostName.test(host)) {
    report('MCP_SERVER_HOST', 'must be an IP address or a host name; its port is MCP_SERVER_PORT')
  }
  if (
    settings.ADMIN_PORT !== undefined &&
    settings.ADMIN_PORT !== 0 &&
    settings.ADMIN_PORT === settings.MCP_SERVER_PORT
  ) {
    report('ADMIN_PORT', 'must differ from MCP_SERVER_PORT')
  }
  return {
    host,
    port: settings.MCP_SERVER_PORT,
    adminPort: settings.ADMIN_PORT,
    /** Reachable from this machine only. */
    isLocal: isLocal(host),
    trustedProxies:
      parsed('TRUST_PROXY', () => parseTrustedProxies(settings.TRUST_PROXY), report) ?? parseTrustedProxies(undefined),
    allowedHosts: parsed('ALLOWED_HOSTS', () => parseAllowedHosts(settings.ALLOWED_HOSTS), report) ?? [],
    allowedOrigins: parsed('ALLOWED_ORIGINS', () => parseAllowedOrigins(settings.ALLOWED_ORIGINS), report) ?? [],
    /** OpenAI's image API under /v1. */
    hasOpenAiApi: settings.OPENAI_API === 'on',
    maxConnections: settings.MAX_CONNECTIONS,
    /** 0 sets no limit. */
    maxConnectionsPerAddress: settings.MAX_CONNECTIONS_PER_ADDRESS,
    keepAliveTimeoutMs: settings.KEEP_ALIVE_TIMEOUT_MS,
    maxEventLoopDelayMs: settings.MAX_EVENT_LOOP_DELAY_MS,
    shutdownGraceMs: settings.SHUTDOWN_GRACE_MS,
    /** By which clients reach the service, without a slash at the end; undefined: the address that each of them asks for. */
    publicUrl: settings.PUBLIC_URL?.replace(/(?<!\/)\/+$/, ''),
    /** Of links and uploads; undefined: each process has its own. */
    secret: serverSecretOf(parser),
  }
}

function serverSecretOf({ settings, report, secret, transport }: Parser): Secret | undefined {
  const isShared = settings.REDIS_URL !== undefined || settings.DATABASE_URL !== undefined
  if (transport === 'http' && isShared && settings.SERVER_SECRET === undefined) {
    report('SERVER_SECRET', 'is required with REDIS_URL and DATABASE_URL, and must be the same on all replicas')
  }
  return secret('SERVER_SECRET')
}

function authOf({ settings, report, secret }: Parser) {
  const auth = {
    apiKeys: apiKeysOf(settings, report),
    apiKeysFile: secret('MCP_API_KEYS')?.file,
    oauth: oauthOf(settings, report),
    metricsToken: secret('METRICS_TOKEN'),
    failedLoginsPerMinute: settings.FAILED_LOGINS_PER_MINUTE,
  }
  const isOpen = settings.MCP_API_KEYS === undefined && settings.OAUTH_ISSUER === undefined
  if (settings.REQUIRE_AUTH && isOpen) {
    report('REQUIRE_AUTH', 'is true, but neither MCP_API_KEYS (or MCP_API_KEYS_FILE) nor OAUTH_ISSUER is set')
  }
  return auth
}

/** Digests only, so that no part of the service has the keys. */
function apiKeysOf({ MCP_API_KEYS: text }: Settings, report: Parser['report']): readonly ApiKey[] | undefined {
  return text === undefined ? undefined : parsed('MCP_API_KEYS', () => parseApiKeys(text), report)
}

function oauthOf(settings: Settings, report: Parser['report']) {
  const { OAUTH_ISSUER: issuer, OAUTH_JWKS_URL: jwksUrl, OAUTH_AUDIENCE, OAUTH_REQUIRED_SCOPES, PUBLIC_URL } = settings
  checkFetchable('OAUTH_ISSUER', issuer, report)
  checkFetchable('OAUTH_JWKS_URL', jwksUrl, report)
  if (issuer === undefined) {
    if (OAUTH_AUDIENCE !== undefined || OAUTH_REQUIRED_SCOPES !== undefined) {
      report('OAUTH_ISSUER', 'is required with OAUTH_AUDIENCE and OAUTH_REQUIRED_SCOPES')
    }
    return undefined
  }
  if (OAUTH_AUDIENCE === undefined) report('OAUTH_AUDIENCE', 'is required with OAUTH_ISSUER')
  if (PUBLIC_URL === undefined) report('PUBLIC_URL', 'is required with OAUTH_ISSUER')
  return {
    issuer,
    jwksUrl,
    audiences: listOf(OAUTH_AUDIENCE),
    requiredScopes: listOf(OAUTH_REQUIRED_SCOPES),
    /** Address by which callers reach the service. */
    publicUrl: PUBLIC_URL ?? '',
  }
}

function limitsOf(parser: Parser) {
  const { settings, report, secret, transport } = parser
  const { MAX_INFLIGHT_BYTES, MAX_BODY_BYTES, RATE_LIMIT_PER_MINUTE } = settings
  if (transport === 'http' && MAX_INFLIGHT_BYTES < MAX_BODY_BYTES) {
    report('MAX_INFLIGHT_BYTES', 'must be at least MAX_BODY_BYTES')
  }
  checkUrl('REDIS_URL', settings.REDIS_URL, report)
  const defaultRequests = isLocal(settings.MCP_SERVER_HOST) ? 0 : PUBLIC_REQUESTS_PER_MINUTE
  return {
    /** 0 sets no limit, here and in the next two. */
    requestsPerMinute: RATE_LIMIT_PER_MINUTE ?? defaultRequests,
    toolCallsPerMinute: settings.TOOL_CALLS_PER_MINUTE,
    imagesPerDay: settings.IMAGES_PER_DAY,
    policyFile: settings.POLICY_FILE,
    redisUrl: secret('REDIS_URL'),
    maxConcurrentCalls: settings.MAX_CONCURRENT_CALLS,
    /** Milliseconds; `auto`: by client. */
    handOverAfterMs: handOverOf(parser),
    maxQueuedJobs: settings.MAX_QUEUED_JOBS,
    jobTtlMs: settings.JOB_TTL_MS,
    maxInflightBytes: MAX_INFLIGHT_BYTES,
    maxBodyBytes: MAX_BODY_BYTES,
    callDeadlineMs: settings.CALL_DEADLINE_MS,
  }
}

const MAX_HAND_OVER_MS = 3_600_000

function handOverOf({ settings: { HANDOFF_AFTER_MS: text }, report }: Parser): number | 'auto' {
  if (text === 'auto') return text
  const ms = Number(text)
  if (Number.isInteger(ms) && ms >= 1000 && ms <= MAX_HAND_OVER_MS) return ms
  report('HANDOFF_AFTER_MS', `must be auto, or milliseconds from 1000 to ${MAX_HAND_OVER_MS}`)
  return 'auto'
}

/** Official SDKs end a stdio connection on a line of more than 10 MiB; the rest is left to texts. */
const STDIO_IMAGE_BYTES = 8_388_608

function imagesOf({ settings, transport }: Parser) {
  const [width = 0, height = 0] = settings.DEFAULT_IMAGE_SIZE.split('x').map(Number)
  return {
    defaultSize: { width, height },
    defaultEditMaxPixels: settings.DEFAULT_EDIT_MAX_PIXELS,
    maxBytes: settings.MAX_IMAGE_BYTES,
    maxPixels: settings.MAX_IMAGE_PIXELS,
    maxEdge: settings.MAX_IMAGE_EDGE,
    maxDecodedBytes: settings.MAX_DECODED_BYTES,
    maxBufferedBytes: settings.MAX_BUFFERED_BYTES,
    /** Of all images of a result together; 0 sets no limit. */
    maxInlineBytes: settings.INLINE_IMAGE_MAX_BYTES ?? (transport === 'stdio' ? STDIO_IMAGE_BYTES : 0),
    /** Base64 characters of a resource; 0 sets no limit. The limit on results does not apply to what a client asks for. */
    maxResourceBytes: transport === 'stdio' && settings.INLINE_IMAGE_MAX_BYTES !== 0 ? STDIO_IMAGE_BYTES : 0,
    reportCost: settings.REPORT_COST,
  }
}

function receiptsOf({ settings }: Parser) {
  return {
    /** 0 sets no limit. */
    ttlMs: settings.RECEIPT_TTL_MS,
    keepsPrompts: settings.RECEIPT_PROMPTS,
  }
}

function loggingOf({ settings }: Parser) {
  return { level: settings.LOG_LEVEL, format: settings.LOG_FORMAT, folder: settings.LOG_DIR }
}
