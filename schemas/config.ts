import Type, { type Static } from 'typebox'
import { rowsFor } from './config-row.ts'
import { TOKEN_SCOPES } from './deployments.ts'

/**
 * Every variable of the environment that the service reads. `description` and `examples` are what an operator is shown,
 * `writeOnly` marks a secret: it is never printed, and may come as `<NAME>_FILE`. Each row begins with who uses it:
 * `always` is read over both transports, `http` is neither read nor checked with `--stdio`, so that a variable which is
 * meant for another program cannot stop a client's server.
 */

const always = rowsFor('always')
const http = rowsFor('http')

const MINUTE = 60_000
const MIB = 1_048_576

export const ConfigSchema = Type.Object({
  AZURE_BASE_URL: Type.Optional(
    always.text(
      'Endpoint of the Azure AI Foundry resource; may carry a path',
      'https://your-endpoint.services.ai.azure.com',
      {
        pattern: '^https?://[^\\s?#@]+$',
      },
    ),
  ),
  AZURE_API_KEY: Type.Optional(
    always.secret('Key of the resource; its file is read again when it changes', 'your-api-key'),
  ),
  AZURE_DEPLOYMENT_NAME: Type.Optional(
    always.text('Name of the deployed model', 'FLUX.1-Kontext-pro', { pattern: '^[\\w.-]{1,64}$' }),
  ),
  AZURE_MODEL: Type.Optional(
    always.text(
      'Model behind the deployment; unset: what its name says (docs/models.md), else `flux.1-kontext-pro`',
      'flux.1-kontext-pro',
      { pattern: '^[\\w.-]{1,64}$' },
    ),
  ),
  AZURE_API_VERSION: Type.Optional(
    always.text(
      '`api-version` of the deployment route; unset: `2025-04-01-preview`, and FLUX.1 is tried on the provider route first',
      '2025-04-01-preview',
      { pattern: '^[\\w.-]{1,32}$' },
    ),
  ),
  AZURE_API_DIALECT: always.choice(
    'Route to Azure: `auto` chooses by model',
    ['auto', 'deployments', 'v1', 'bfl', 'mai'],
    'auto',
  ),
  AZURE_AUTH: always.choice(
    '`entra` takes tokens of a managed or workload identity instead of a key',
    ['key', 'entra'],
    'key',
  ),
  AZURE_TOKEN_SCOPE: Type.Optional(
    Type.Enum([...TOKEN_SCOPES], {
      description: "Audience of those tokens; unset: the route's own. Azure's AI services only, of any of its clouds",
      examples: [TOKEN_SCOPES[0]],
      usedBy: 'always',
    }),
  ),
  AZURE_DEPLOYMENTS_FILE: Type.Optional(
    always.text('JSON file with several deployments, see docs/models.md', '/run/secrets/deployments.json'),
  ),
  AZURE_MODELS_FILE: Type.Optional(
    always.text('JSON file that adds to or changes the table of models, see docs/models.md', './models.json'),
  ),
  AZURE_REQUESTS_PER_MINUTE: Type.Optional(
    always.count("The deployment's quota, until Azure tells it", 10, 1, 100_000, false),
  ),
  AZURE_MAX_WAITING_CALLS: always.count('Calls that may wait for a turn at one deployment', 100, 0, 100_000),
  AZURE_BLOCK_PAUSE_MS: always.count(
    'How long no call is sent after Azure has blocked the account',
    5 * MINUTE,
    1000,
    24 * 60 * MINUTE,
  ),
  AZURE_STREAM: always.choice(
    'When gpt-image draws in an event stream, which costs extra tokens: `auto` for slow images only (n = 1 and high quality or more than 1.5 megapixels)',
    ['auto', 'always', 'never'],
    'auto',
  ),
  REPORT_COST: always.flag('Whether answers say what a call cost, as far as the price table knows', false),
  AZURE_CONNECT_TIMEOUT_MS: always.count('Longest wait for a connection to Azure', 10_000, 100, 5 * MINUTE),
  AZURE_IMAGE_HOSTS: always.text(
    'Hosts from which an image may be fetched when Azure answers with a link, by comma; `*.` stands for subdomains',
    '*.blob.core.windows.net',
    { default: '*.blob.core.windows.net' },
  ),
  AZURE_MAX_RESPONSE_BYTES: always.count(
    'Largest answer of Azure, all its images in base64 together',
    128 * MIB,
    1024,
    1024 * MIB,
  ),

  MCP_SERVER_HOST: http.text('Address to listen on (`0.0.0.0` in the container)', '127.0.0.1', {
    default: '127.0.0.1',
  }),
  MCP_SERVER_PORT: http.count('Port to listen on; 0 takes a free one', 8000, 0, 65_535),
  TRUST_PROXY: Type.Optional(
    http.text('Proxies whose `X-Forwarded-For` counts: addresses or CIDRs, by comma', '127.0.0.1,172.16.0.0/12'),
  ),
  ALLOWED_HOSTS: Type.Optional(
    http.text(
      'Names under which callers may reach the service, by comma; `*.` stands for subdomains. Local names always work. ' +
        'Unset, a service that listens on a local address serves local names only, any other serves all',
      'images.example.com',
    ),
  ),
  ALLOWED_ORIGINS: Type.Optional(
    http.text(
      'Origins whose pages may call, by comma, beside local ones and `ALLOWED_HOSTS`',
      'https://app.example.com',
    ),
  ),

  PUBLIC_URL: Type.Optional(
    http.text('Address by which callers reach the service; needed with `OAUTH_ISSUER`', 'https://images.example.com', {
      pattern: '^https?://[^\\s?#@"\\\\]+$',
    }),
  ),

  MCP_API_KEYS: Type.Optional(
    http.secret(
      'Keys of callers, `name:key` each, by comma or line; the file `MCP_API_KEYS_FILE` is read again when it changes',
      'alice:a-long-random-key',
      {
        maxLength: 1_048_576,
      },
    ),
  ),
  OAUTH_ISSUER: Type.Optional(
    http.text(
      'Issuer whose access tokens are taken; its keys are found through its metadata',
      'https://login.microsoftonline.com/your-tenant-id/v2.0',
      { pattern: '^[^\\s?#@"\\\\]+$' },
    ),
  ),
  OAUTH_AUDIENCE: Type.Optional(
    http.text(
      'Audience of those tokens, by comma if there are several; needed with `OAUTH_ISSUER`',
      'your-application-id',
    ),
  ),
  OAUTH_REQUIRED_SCOPES: Type.Optional(
    http.text('Scopes or roles that a token must grant, by space or comma', 'api://your-application-id/images.make', {
      pattern: '^[^"\\\\]+$',
    }),
  ),
  OAUTH_JWKS_URL: Type.Optional(
    http.text('Address of the issuer’s keys, if its metadata does not name it', 'https://issuer.example.com/keys'),
  ),
  REQUIRE_AUTH: http.flag('With `true` the service does not start unless callers must say who they are', false),
  METRICS_TOKEN: Type.Optional(
    http.secret('Bearer token for `/metrics`; without one it is open to private networks only', 'a-long-random-token'),
  ),

  FAILED_LOGINS_PER_MINUTE: http.count(
    'Wrong keys and tokens from one address in a minute, after which more get 429; good ones go on working. 0 sets no limit',
    60,
    0,
    1_000_000,
  ),
  RATE_LIMIT_PER_MINUTE: Type.Optional(
    http.count(
      'Requests that a caller may send in a minute; 0 sets no limit. Unset: no limit on a local bind, else 600',
      600,
      0,
      1_000_000,
      false,
    ),
  ),
  TOOL_CALLS_PER_MINUTE: always.count(
    'Calls of one tool that a caller may make in a minute; 0 sets no limit',
    0,
    0,
    1_000_000,
  ),
  IMAGES_PER_DAY: always.count('Images that a caller may have made in a day (UTC); 0 sets no limit', 0, 0, 1_000_000),
  REDIS_URL: Type.Optional(
    http.secret(
      'Redis or Valkey in which replicas count these together; without it each counts by itself',
      'redis://redis:6379',
      {
        pattern: '^rediss?://[^\\s]+$',
      },
    ),
  ),
  MAX_CONNECTIONS: http.count('Connections at a time', 2_000, 1, 100_000),
  MAX_CONCURRENT_CALLS: always.count('Tool calls at a time; more get 503', 512, 1, 100_000),
  MAX_INFLIGHT_BYTES: http.count(
    'Request bodies in memory together; more wait up to 5 s, then get 503',
    256 * MIB,
    1024,
    64 * 1024 * MIB,
  ),
  MAX_EVENT_LOOP_DELAY_MS: http.count('Delay of the event loop above which new calls get 503', 1_000, 10, MINUTE),

  DEFAULT_IMAGE_SIZE: always.text('Size of a generated image when the caller names none', '1024x1024', {
    default: '1024x1024',
    pattern: '^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$',
  }),
  IMAGES_DIR: always.text('Folder for saved images (`/app/images` in the container)', './images', {
    default: './images',
  }),
  INLINE_IMAGE_MAX_BYTES: always.count(
    'Largest image inside a response, as base64; a larger one is saved whole and returned as a JPEG preview. 0 is no limit',
    0,
    0,
    1024 * MIB,
  ),
  MAX_BODY_BYTES: always.count('Largest request body', 32 * MIB, 1024, 1024 * MIB),
  MAX_IMAGE_BYTES: always.count('Largest image a caller may send, decoded from base64', 20 * MIB, 1024, 512 * MIB),
  MAX_IMAGE_PIXELS: always.count('Largest image a caller may send, width times height', 50_000_000, 1, 1_000_000_000),
  MAX_IMAGE_EDGE: always.count('Longest edge of an image that is taken in or decoded, in pixels', 16_384, 1, 65_535),
  MAX_DECODED_BYTES: always.count(
    'Decoded pixels that all conversions, masks and previews may hold together; an image that needs more is rejected, otherwise it waits its turn',
    512 * MIB,
    MIB,
    64 * 1024 * MIB,
  ),
  MAX_BUFFERED_BYTES: always.count(
    'Answers held in memory together, as base64; beyond it they wait in temporary files',
    256 * MIB,
    0,
    64 * 1024 * MIB,
  ),
  CALL_DEADLINE_MS: always.count(
    'Longest a tool call may take, queue and retries included',
    10 * MINUTE,
    1000,
    60 * MINUTE,
  ),
  ABANDONED_RESULT_TTL_MS: always.count(
    'Images of calls whose caller left are kept this long for the identical retry; 0 keeps none',
    10 * MINUTE,
    0,
    24 * 60 * MINUTE,
  ),
  SHUTDOWN_GRACE_MS: always.count('How long running calls may go on after SIGTERM', 25_000, 0, 60 * MINUTE),

  LOG_LEVEL: always.choice(
    'Least level that is logged',
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
  ),
  LOG_FORMAT: always.choice('`auto` is pretty on a terminal, JSON elsewhere', ['auto', 'json', 'pretty'], 'auto'),
  LOG_DIR: Type.Optional(
    always.text('Folder for daily log files, besides stdout (`/app/logs` in the container)', './logs'),
  ),
  HTTPS_PROXY: Type.Optional(
    always.secret('Proxy for calls to Azure; a secret, because it may carry a password', 'http://proxy.example:3128', {
      pattern: '^(https?|socks5?)://[^\\s]+$',
    }),
  ),
  NO_PROXY: Type.Optional(
    always.text('Hosts that are reached without the proxy, by comma', 'localhost,.internal.example'),
  ),
})

/** The variables as the schema validates them, still flat: `services/config` turns them into the configuration. */
export type Settings = Static<typeof ConfigSchema>
