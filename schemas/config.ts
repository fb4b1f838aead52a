import Type, { type Static, type TSchema } from 'typebox'

/**
 * Every variable of the environment that the service reads. `description` and `examples` are what an operator is shown,
 * `writeOnly` marks a secret: it is never printed, and may come as `<NAME>_FILE`.
 */

const text = (description: string, example: string, options: object = {}) =>
  Type.String({ description, examples: [example], minLength: 1, maxLength: 2048, ...options })

const secret = (description: string, example: string, options: object = {}) =>
  text(description, example, { writeOnly: true, ...options })

/** A whole number; its unit stands in the variable's name. */
const count = (description: string, value: number, minimum: number, maximum: number, isDefault = true) =>
  Type.Integer({ description, examples: [value], ...(isDefault ? { default: value } : {}), minimum, maximum })

const choice = <T extends string[]>(description: string, values: readonly [...T], value: T[number]) =>
  Type.Enum([...values], { description, examples: [value], default: value })

const MINUTE = 60_000
const MIB = 1_048_576

export const ConfigSchema = Type.Object({
  AZURE_BASE_URL: Type.Optional(
    text('Endpoint of the Azure AI Foundry resource; may carry a path', 'https://your-endpoint.services.ai.azure.com', {
      pattern: '^https?://[^\\s?#@]+$',
    }),
  ),
  AZURE_API_KEY: Type.Optional(secret('Key of the resource; its file is read again when it changes', 'your-api-key')),
  AZURE_DEPLOYMENT_NAME: Type.Optional(
    text('Name of the deployed model', 'FLUX.1-Kontext-pro', { pattern: '^[\\w.-]{1,64}$' }),
  ),
  AZURE_MODEL: Type.Optional(
    text(
      'Model behind the deployment; unset: the one that the deployment is named after, else `flux.1-kontext-pro`',
      'flux.1-kontext-pro',
      { pattern: '^[\\w.-]{1,64}$' },
    ),
  ),
  AZURE_API_VERSION: Type.Optional(
    text(
      '`api-version` of the deployment route; unset: `2025-04-01-preview`, and FLUX.1 is tried on the provider route first',
      '2025-04-01-preview',
      { pattern: '^[\\w.-]{1,32}$' },
    ),
  ),
  AZURE_API_DIALECT: choice(
    'Route to Azure: `auto` chooses by model',
    ['auto', 'deployments', 'v1', 'bfl', 'mai'],
    'auto',
  ),
  AZURE_AUTH: choice(
    '`entra` takes tokens of a managed or workload identity instead of a key',
    ['key', 'entra'],
    'key',
  ),
  AZURE_TOKEN_SCOPE: Type.Optional(
    text("Audience of those tokens; unset: the route's own", 'https://cognitiveservices.azure.com/.default'),
  ),
  AZURE_DEPLOYMENTS_FILE: Type.Optional(
    text('JSON file with several deployments, see docs/models.md', '/run/secrets/deployments.json'),
  ),
  AZURE_MODELS_FILE: Type.Optional(
    text('JSON file that adds to or changes the table of models, see docs/models.md', './models.json'),
  ),
  AZURE_REQUESTS_PER_MINUTE: Type.Optional(
    count("The deployment's quota, until Azure tells it", 10, 1, 100_000, false),
  ),
  AZURE_MAX_WAITING_CALLS: count('Calls that may wait for a turn at one deployment', 100, 0, 100_000),
  AZURE_BLOCK_PAUSE_MS: count(
    'How long no call is sent after Azure has blocked the account',
    5 * MINUTE,
    1000,
    24 * 60 * MINUTE,
  ),
  AZURE_STREAM: choice(
    'When gpt-image draws in an event stream, which costs extra tokens: `auto` for slow pictures only (n = 1 and high quality or more than 1.5 megapixels)',
    ['auto', 'always', 'never'],
    'auto',
  ),
  REPORT_COST: Type.Boolean({
    description: 'Whether answers say what a call cost, as far as the price table knows',
    examples: [true],
    default: false,
  }),
  AZURE_CONNECT_TIMEOUT_MS: count('Longest wait for a connection to Azure', 10_000, 100, 5 * MINUTE),
  AZURE_IMAGE_HOSTS: text(
    'Hosts from which a picture may be fetched when Azure answers with a link, by comma; `*.` stands for subdomains',
    '*.blob.core.windows.net',
    { default: '*.blob.core.windows.net' },
  ),
  AZURE_MAX_ANSWER_BYTES: count(
    'Largest answer of Azure, all its pictures in base64 together',
    128 * MIB,
    1024,
    1024 * MIB,
  ),

  MCP_SERVER_HOST: text('Address to listen on (`0.0.0.0` in the container)', '127.0.0.1', { default: '127.0.0.1' }),
  MCP_SERVER_PORT: count('Port to listen on; 0 takes a free one', 8000, 0, 65_535),
  TRUST_PROXY: Type.Optional(
    text('Proxies whose `X-Forwarded-For` counts: addresses or CIDRs, by comma', '127.0.0.1,172.16.0.0/12'),
  ),
  ALLOWED_HOSTS: Type.Optional(
    text(
      'Names under which callers may reach the service, by comma; `*.` stands for subdomains. Local names always work. ' +
        'Unset, a service that listens on a local address serves local names only, any other serves all',
      'images.example.com',
    ),
  ),
  ALLOWED_ORIGINS: Type.Optional(
    text('Origins whose pages may call, by comma, beside local ones and `ALLOWED_HOSTS`', 'https://app.example.com'),
  ),

  PUBLIC_URL: Type.Optional(
    text('Address by which callers reach the service; needed with `OAUTH_ISSUER`', 'https://images.example.com', {
      pattern: '^https?://[^\\s?#@"\\\\]+$',
    }),
  ),

  MCP_API_KEYS: Type.Optional(
    secret('Keys of callers, `name:key` each, by comma or line', 'alice:a-long-random-key', { maxLength: 1_048_576 }),
  ),
  MCP_API_KEYS_FILE: Type.Optional(
    text('File of such keys, read again whenever it changes', '/run/secrets/mcp_api_keys'),
  ),
  OAUTH_ISSUER: Type.Optional(
    text(
      'Issuer whose access tokens are taken; its keys are found through its metadata',
      'https://login.microsoftonline.com/your-tenant-id/v2.0',
      { pattern: '^[^\\s?#@"\\\\]+$' },
    ),
  ),
  OAUTH_AUDIENCE: Type.Optional(
    text('Audience of those tokens, by comma if there are several; needed with `OAUTH_ISSUER`', 'your-application-id'),
  ),
  OAUTH_REQUIRED_SCOPES: Type.Optional(
    text('Scopes or roles that a token must grant, by space or comma', 'api://your-application-id/images.make', {
      pattern: '^[^"\\\\]+$',
    }),
  ),
  OAUTH_JWKS_URL: Type.Optional(
    text('Address of the issuer’s keys, if its metadata does not name it', 'https://issuer.example.com/keys'),
  ),
  REQUIRE_AUTH: choice(
    'With `true` the service does not start unless callers must say who they are',
    ['true', 'false'],
    'false',
  ),
  METRICS_TOKEN: Type.Optional(
    secret('Bearer token for `/metrics`; without one it is open to private networks only', 'a-long-random-token'),
  ),

  FAILED_LOGINS_PER_MINUTE: count(
    'Wrong keys and tokens from one address in a minute, after which more get 429; good ones go on working. 0 sets no limit',
    60,
    0,
    1_000_000,
  ),
  RATE_LIMIT_PER_MINUTE: Type.Optional(
    Type.Integer({
      description:
        'Requests that a caller may send in a minute; 0 sets no limit. Unset: no limit on a local bind, else 600',
      examples: [600],
      minimum: 0,
      maximum: 1_000_000,
    }),
  ),
  TOOL_CALLS_PER_MINUTE: count(
    'Calls of one tool that a caller may make in a minute; 0 sets no limit',
    0,
    0,
    1_000_000,
  ),
  IMAGES_PER_DAY: count('Images that a caller may have made in a day (UTC); 0 sets no limit', 0, 0, 1_000_000),
  REDIS_URL: Type.Optional(
    secret(
      'Redis or Valkey in which replicas count these together; without it each counts by itself',
      'redis://redis:6379',
      {
        pattern: '^rediss?://[^\\s]+$',
      },
    ),
  ),
  MAX_CONNECTIONS: count('Connections at a time', 2_000, 1, 100_000),
  MAX_CONCURRENT_CALLS: count('Tool calls at a time; more get 503', 512, 1, 100_000),
  MAX_INFLIGHT_BYTES: count(
    'Request bodies held together; more get 503 before they are read',
    256 * MIB,
    1024,
    64 * 1024 * MIB,
  ),
  MAX_EVENT_LOOP_DELAY_MS: count('Delay of the event loop above which new calls get 503', 1_000, 10, MINUTE),

  DEFAULT_IMAGE_SIZE: text('Size of a generated picture when the caller names none', '1024x1024', {
    default: '1024x1024',
    pattern: '^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$',
  }),
  IMAGES_DIR: text('Folder for saved pictures (`/app/images` in the container)', './images', { default: './images' }),
  INLINE_IMAGE_MAX_BYTES: count(
    'Largest picture inside an answer, as base64; a larger one is saved whole and returned as a JPEG preview. 0 is no limit',
    0,
    0,
    1024 * MIB,
  ),
  MAX_BODY_BYTES: count('Largest request body', 32 * MIB, 1024, 1024 * MIB),
  MAX_IMAGE_BYTES: count('Largest picture a caller may send, decoded from base64', 20 * MIB, 1024, 512 * MIB),
  MAX_IMAGE_PIXELS: count('Largest picture a caller may send, width times height', 50_000_000, 1, 1_000_000_000),
  MAX_IMAGE_EDGE: count('Longest edge of an image that is taken in or decoded, in pixels', 16_384, 1, 65_535),
  MAX_DECODED_BYTES: count(
    'Decoded pixels that all conversions, masks and previews may hold together; an image that needs more is rejected, otherwise it waits its turn',
    512 * MIB,
    MIB,
    64 * 1024 * MIB,
  ),
  MAX_HELD_BYTES: count(
    'Answers held in memory together, as base64; beyond it they wait in temporary files',
    256 * MIB,
    0,
    64 * 1024 * MIB,
  ),
  CALL_DEADLINE_MS: count('Longest a tool call may take, queue and retries included', 10 * MINUTE, 1000, 60 * MINUTE),
  UNDELIVERED_TTL_MS: count(
    'Pictures of calls whose caller left are kept this long for the identical retry; 0 keeps none',
    10 * MINUTE,
    0,
    24 * 60 * MINUTE,
  ),
  SHUTDOWN_GRACE_MS: count('How long running calls may go on after SIGTERM', 25_000, 0, 60 * MINUTE),

  LOG_LEVEL: choice(
    'Least level that is logged',
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
  ),
  LOG_FORMAT: choice('`auto` is pretty on a terminal, JSON elsewhere', ['auto', 'json', 'pretty'], 'auto'),
  LOG_DIR: Type.Optional(text('Folder for daily log files, besides stdout (`/app/logs` in the container)', './logs')),
  HTTPS_PROXY: Type.Optional(
    secret('Proxy for calls to Azure; a secret, because it may carry a password', 'http://proxy.example:3128', {
      pattern: '^(https?|socks5?)://[^\\s]+$',
    }),
  ),
  NO_PROXY: Type.Optional(text('Hosts that are reached without the proxy, by comma', 'localhost,.internal.example')),
})

export type Config = Static<typeof ConfigSchema>
export type Variable = keyof Config & string

/** The schema of one variable as an operator needs to read it. */
export interface VariableFacts {
  name: string
  description: string
  example: string
  /** As it would be written in the environment; absent when there is none. */
  default: string | undefined
  required: boolean
  secret: boolean
}

/** Needed unless another variable makes them needless, which `services/azure` knows. */
const needed: ReadonlySet<string> = new Set(['AZURE_BASE_URL', 'AZURE_API_KEY', 'AZURE_DEPLOYMENT_NAME'])

const annotation = (schema: TSchema, key: string): unknown => Reflect.get(schema, key)

/** Every variable in the order of the schema. */
export const variables: readonly VariableFacts[] = Object.entries(ConfigSchema.properties).map(([name, schema]) => {
  const value = annotation(schema, 'default')
  const examples = annotation(schema, 'examples')
  return {
    name,
    description: String(annotation(schema, 'description')),
    example: String(Array.isArray(examples) ? examples[0] : ''),
    default: value === undefined ? undefined : String(value),
    required: needed.has(name),
    secret: annotation(schema, 'writeOnly') === true,
  }
})
