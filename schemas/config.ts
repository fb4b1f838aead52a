import Type, { type Static } from 'typebox'
import { rowsFor } from './config-row.ts'
import { TOKEN_SCOPES } from './deployments.ts'

/**
 * Every environment variable that the service reads, by subject. `description` and `examples` are written into the
 * documentation; `writeOnly` marks a secret, which is never printed and may be read from the file `<NAME>_FILE`. Variables
 * that only HTTP uses are ignored with `--stdio`, so that a variable of another program cannot stop a client's server.
 */

const azure = rowsFor('azure', 'always')
const server = rowsFor('server', 'http')
const shutdown = rowsFor('server', 'always')
const auth = rowsFor('auth', 'http')
const httpLimits = rowsFor('limits', 'http')
const limits = rowsFor('limits', 'always')
const images = rowsFor('images', 'always')
const library = rowsFor('library', 'always')
const links = rowsFor('library', 'http')
const logging = rowsFor('logging', 'always')
const tracing = rowsFor('tracing', 'always')

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const MIB = 1_048_576

export const ConfigSchema = Type.Object({
  AZURE_BASE_URL: Type.Optional(
    azure.text(
      'Endpoint of the Azure AI Foundry resource, or of a gateway with its path; paths of operations and queries are cut off',
      'https://your-endpoint.services.ai.azure.com',
      { pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s@]+$' },
    ),
  ),
  AZURE_API_KEY: Type.Optional(
    azure.secret('API key of the resource; read again when its file changes', 'your-api-key'),
  ),
  AZURE_DEPLOYMENT_NAME: Type.Optional(
    azure.text('Name of the deployment', 'FLUX.1-Kontext-pro', { pattern: '^[\\w.-]{1,64}$' }),
  ),
  AZURE_MODEL: Type.Optional(
    azure.text(
      'Model of the deployment. If unset, derived from the name of the deployment (docs/models.md), else `flux.1-kontext-pro`',
      'flux.1-kontext-pro',
      { pattern: '^[\\w.-]{1,64}$' },
    ),
  ),
  AZURE_API_VERSION: Type.Optional(
    azure.text(
      '`api-version` of the deployments route. If unset, `2025-04-01-preview`, and FLUX.1 tries the provider route first',
      '2025-04-01-preview',
      { pattern: '^[\\w.-]{1,32}$' },
    ),
  ),
  AZURE_API_DIALECT: azure.choice(
    'Azure API to use: `auto` selects it by model',
    ['auto', 'deployments', 'v1', 'bfl', 'mai'],
    'auto',
  ),
  AZURE_AUTH: azure.choice(
    '`entra` uses tokens of a managed or workload identity instead of an API key',
    ['key', 'entra'],
    'key',
  ),
  AZURE_TOKEN_SCOPE: Type.Optional(
    azure.optionalChoice(
      'Audience of the tokens. If unset, the default of the route. Only AI services of the Azure clouds are allowed',
      TOKEN_SCOPES,
      TOKEN_SCOPES[0],
    ),
  ),
  AZURE_DEPLOYMENTS_FILE: Type.Optional(
    azure.text('JSON file that lists several deployments (docs/models.md)', '/run/secrets/deployments.json'),
  ),
  AZURE_MODELS_FILE: Type.Optional(
    azure.text('JSON file that extends or changes the model table (docs/models.md)', './models.json'),
  ),
  AZURE_REQUESTS_PER_MINUTE: Type.Optional(
    azure.count('Rate limit of the deployment, used until Azure reports its own', 10, 1, 100_000, false),
  ),
  AZURE_MAX_WAITING_CALLS: azure.count('Calls that may wait in the queue of one deployment', 100, 0, 100_000),
  AZURE_BLOCK_PAUSE_MS: azure.count(
    'Pause after Azure has blocked the account, during which no call is sent',
    5 * MINUTE,
    1000,
    24 * 60 * MINUTE,
  ),
  AZURE_STREAM: azure.choice(
    'When gpt-image streams, which costs extra tokens: `auto` streams only slow images (n = 1, and high quality or more than 1.5 megapixels)',
    ['auto', 'always', 'never'],
    'auto',
  ),
  AZURE_CONNECT_TIMEOUT_MS: azure.count('Timeout for a connection to Azure', 10_000, 100, 5 * MINUTE),
  AZURE_IMAGE_HOSTS: azure.defaultText(
    'Hosts from which images may be downloaded when Azure returns links, comma-separated; `*.` matches subdomains',
    '*.blob.core.windows.net',
  ),
  AZURE_MAX_RESPONSE_BYTES: azure.count(
    'Maximum size of a response from Azure, including all its base64 images',
    128 * MIB,
    1024,
    1024 * MIB,
  ),
  HTTPS_PROXY: Type.Optional(
    azure.secret(
      'Proxy for requests to Azure; a secret, since it may contain a password',
      'http://proxy.example:3128',
      {
        pattern: '^(https?|socks5?)://[^\\s]+$',
      },
    ),
  ),
  NO_PROXY: Type.Optional(
    azure.text('Hosts that are reached without the proxy, comma-separated', 'localhost,.internal.example'),
  ),

  MCP_SERVER_HOST: server.defaultText(
    'Address to listen on (`0.0.0.0` in the container); `localhost` is both 127.0.0.1 and ::1',
    '127.0.0.1',
  ),
  MCP_SERVER_PORT: server.count('Port to listen on; 0 picks a free one', 8000, 0, 65_535),
  ADMIN_PORT: Type.Optional(
    server.count(
      'Additional port for `/health`, `/ready` and `/metrics` only, which clients cannot crowd out; 0 picks a free one',
      9000,
      0,
      65_535,
      false,
    ),
  ),
  TRUST_PROXY: Type.Optional(
    server.text(
      'Proxies whose `X-Forwarded-For` is trusted: addresses or CIDR ranges, comma-separated',
      '127.0.0.1,172.16.0.0/12',
    ),
  ),
  ALLOWED_HOSTS: Type.Optional(
    server.text(
      'Host names under which clients may reach the service, comma-separated; `*.` matches subdomains. Local names are ' +
        'always allowed. If unset, a service on a local address allows only local names, any other service allows all',
      'images.example.com',
    ),
  ),
  ALLOWED_ORIGINS: Type.Optional(
    server.text(
      'Origins of web pages, browser extensions and desktop apps that may call the service, comma-separated: ' +
        '`scheme://host[:port]`; `*.` matches subdomains. Local ones and `ALLOWED_HOSTS` are always allowed',
      'https://app.example.com,chrome-extension://your-extension-id',
    ),
  ),
  OPENAI_API: server.choice("Whether the service also offers OpenAI's image API under `/v1`", ['on', 'off'], 'on'),
  PUBLIC_URL: Type.Optional(
    server.text(
      'URL by which clients reach the service, with its path: the beginning of links to images. If unset, the address of each request; required with `OAUTH_ISSUER`',
      'https://images.example.com',
      {
        pattern: '^https?://[^\\s?#@"\\\\]+$',
      },
    ),
  ),
  MAX_CONNECTIONS: server.count(
    'Maximum number of open connections; when it is reached, the oldest one without a complete request gives way',
    2_000,
    1,
    100_000,
  ),
  MAX_CONNECTIONS_PER_ADDRESS: server.count(
    'Maximum number of open connections from one address (IPv6: from one /64), except proxies in `TRUST_PROXY`; 0 sets no limit',
    500,
    0,
    100_000,
  ),
  KEEP_ALIVE_TIMEOUT_MS: server.count(
    'How long an idle connection stays open; must exceed the time for which the proxy in front reuses one (docs/deployment.md)',
    72_000,
    1000,
    120 * MINUTE,
  ),
  MAX_EVENT_LOOP_DELAY_MS: server.count('Event loop delay above which new calls get 503', 1_000, 10, MINUTE),
  SHUTDOWN_GRACE_MS: shutdown.count('How long running calls may continue after SIGTERM', 25_000, 0, 60 * MINUTE),

  MCP_API_KEYS: Type.Optional(
    auth.secret(
      'API keys of clients, `name:key`, separated by commas or lines; read again when `MCP_API_KEYS_FILE` changes',
      'alice:a-long-random-key',
      { maxLength: 1_048_576 },
    ),
  ),
  OAUTH_ISSUER: Type.Optional(
    auth.text(
      'Issuer whose access tokens are accepted; its signing keys are found through its metadata',
      'https://login.microsoftonline.com/your-tenant-id/v2.0',
      { pattern: '^[^\\s?#@"\\\\]+$' },
    ),
  ),
  OAUTH_AUDIENCE: Type.Optional(
    auth.text('Accepted audiences of tokens, comma-separated; required with `OAUTH_ISSUER`', 'your-application-id'),
  ),
  OAUTH_REQUIRED_SCOPES: Type.Optional(
    auth.text(
      'Scopes or roles that a token must grant, separated by spaces or commas',
      'api://your-application-id/images.make',
      { pattern: '^[^"\\\\]+$' },
    ),
  ),
  OAUTH_JWKS_URL: Type.Optional(
    auth.text("URL of the issuer's signing keys, if its metadata does not name it", 'https://issuer.example.com/keys'),
  ),
  REQUIRE_AUTH: auth.flag('With `true` the service does not start unless authentication is configured'),
  METRICS_TOKEN: Type.Optional(
    auth.secret('Bearer token for `/metrics`. If unset, private networks may read it', 'a-long-random-token'),
  ),
  FAILED_LOGINS_PER_MINUTE: auth.count(
    'Invalid keys and tokens from one address per minute, above which more get 429; valid ones still work. 0 sets no limit',
    60,
    0,
    1_000_000,
  ),

  RATE_LIMIT_PER_MINUTE: Type.Optional(
    httpLimits.count(
      'Requests per client and minute; 0 sets no limit. If unset, no limit on a local address, else 600',
      600,
      0,
      1_000_000,
      false,
    ),
  ),
  TOOL_CALLS_PER_MINUTE: limits.count('Calls per client, tool and minute; 0 sets no limit', 0, 0, 1_000_000),
  IMAGES_PER_DAY: limits.count('Images per client and day (UTC); 0 sets no limit', 0, 0, 1_000_000),
  POLICY_FILE: Type.Optional(
    limits.text(
      'JSON file of rules by caller: models, sizes, images and US dollars per day, confirmation (docs/policy.md); read again when it changes',
      '/app/config/policy.json',
    ),
  ),
  REDIS_URL: Type.Optional(
    httpLimits.secret(
      "Redis or Valkey in which replicas share Azure's quota, account blocks and all counters; without it each replica works on its own",
      'redis://redis:6379',
      { pattern: '^rediss?://[^\\s]+$' },
    ),
  ),
  MAX_CONCURRENT_CALLS: limits.count('Maximum number of tool calls in progress; more get 503', 512, 1, 100_000),
  HANDOFF_AFTER_MS: limits.defaultText(
    'After how long an MCP client gets a job id in place of an image that is not there yet. `auto`: only clients that are known to give up early',
    'auto',
    { pattern: '^(auto|[0-9]{1,9})$' },
  ),
  MAX_QUEUED_JOBS: limits.count('Maximum number of unfinished jobs, 1,000 of them of one caller', 10_000, 1, 1_000_000),
  JOB_TTL_MS: limits.count(
    'How long a job may wait for its turn, and how long its result can be fetched',
    DAY,
    MINUTE,
    30 * DAY,
  ),
  CALL_DEADLINE_MS: limits.count(
    'Maximum duration of a tool call, including queueing and retries',
    10 * MINUTE,
    1000,
    60 * MINUTE,
  ),
  MAX_QUEUE_WAIT_MS: Type.Optional(
    limits.count(
      'Longest time that a call waits for its turn at Azure, in the queue and for its quota; then it fails with a time to retry. If unset, `CALL_DEADLINE_MS`',
      60_000,
      0,
      24 * 60 * MINUTE,
      false,
    ),
  ),
  MAX_BODY_BYTES: limits.count('Maximum size of a request body', 32 * MIB, 1024, 1024 * MIB),
  MAX_INFLIGHT_BYTES: httpLimits.count(
    'Maximum size of all request bodies in memory; more wait up to 5 s, then get 503',
    256 * MIB,
    1024,
    64 * 1024 * MIB,
  ),
  MAX_BUFFERED_BYTES: limits.count(
    'Maximum size of all results buffered in memory, as base64; more are spooled to temporary files',
    256 * MIB,
    0,
    64 * 1024 * MIB,
  ),
  MAX_IMAGE_BYTES: limits.count('Maximum size of an input image, decoded from base64', 20 * MIB, 1024, 512 * MIB),
  MAX_IMAGE_PIXELS: limits.count('Maximum number of pixels of an input image', 50_000_000, 1, 1_000_000_000),
  MAX_IMAGE_EDGE: limits.count(
    'Maximum edge length in pixels of an image that is accepted or decoded',
    16_384,
    1,
    65_535,
  ),
  MAX_DECODED_BYTES: limits.count(
    'Maximum size of all decoded pixels of conversions, masks and previews; an image that alone exceeds it is rejected, others wait',
    512 * MIB,
    MIB,
    64 * 1024 * MIB,
  ),

  DEFAULT_IMAGE_SIZE: images.defaultText('Size of a generated image if the client requests none', '1024x1024', {
    pattern: '^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$',
  }),
  DEFAULT_EDIT_MAX_PIXELS: images.count(
    'Maximum number of pixels of an edit if the client requests no size; it has the shape of the image',
    1_572_864,
    1,
    1_000_000_000,
  ),
  IMAGES_DIR: images.defaultText('Folder for saved images (`/app/images` in the container)', './images'),
  INLINE_IMAGE_MAX_BYTES: Type.Optional(
    images.count(
      'Maximum size of all images of a response together, as base64; an image above its share is saved and returned as a JPEG preview. 0 sets no limit. If unset, no limit over HTTP and 8 MiB over stdio, because clients end a connection on longer lines',
      700_000,
      0,
      1024 * MIB,
      false,
    ),
  ),
  RESULT_DELIVERY: images.choice(
    'What of an image results have if the client requests nothing else: the whole image, a preview, or a link (over HTTP)',
    ['image', 'preview', 'link'],
    'image',
  ),
  TOOLS: Type.Optional(
    images.text(
      'Tools that clients see, by name; `default` stands for the default ones. `update_image`, `delete_image` and `cancel_job` are available only if named',
      'default,update_image,delete_image',
      { pattern: '^[a-z_]+([\\s,]+[a-z_]+)*$' },
    ),
  ),
  ABANDONED_RESULT_TTL_MS: images.count(
    'How long results are stored for an identical retry after the client disconnected; 0 stores none',
    10 * MINUTE,
    0,
    24 * 60 * MINUTE,
  ),
  REPORT_COST: images.flag('Adds the cost of a call to its result, if the price table has it'),

  RECEIPT_TTL_MS: limits.count(
    'How long receipts are stored, so that the database does not grow without end (docs/policy.md); 0 sets no limit',
    400 * DAY,
    0,
    3650 * DAY,
  ),
  RECEIPT_PROMPTS: limits.flag('Stores prompts in receipts, which otherwise have only their SHA-256'),

  LIBRARY: library.choice(
    'Whether every image gets an id and is stored, so that clients can edit and find it again (docs/library.md)',
    ['on', 'off'],
    'on',
  ),
  STUDIO: library.choice(
    'Whether people can edit images in the studio: at `/studio`, and in chats that show MCP Apps (docs/studio.md)',
    ['on', 'off'],
    'on',
  ),
  LIBRARY_SHARED: library.flag('Shares the images of the library among all callers; only their owners change them'),
  LIBRARY_TTL_MS: library.count(
    'How long images without an `output_path` are stored; 0 sets no limit',
    7 * DAY,
    0,
    3650 * DAY,
  ),
  LIBRARY_MAX_BYTES: library.count(
    'Maximum size of all images without an `output_path`; above it the caller with most bytes loses its oldest ones. 0 sets no limit',
    4096 * MIB,
    0,
    1024 * 1024 * 1024 * MIB,
  ),
  LIBRARY_WAIT_MS: library.count(
    'How long a result waits until its images are stored; then it is returned without ids',
    2000,
    0,
    MINUTE,
  ),
  STATE_DIR: Type.Optional(
    library.text(
      'Folder for the databases of this process, which need a local disk. If unset, `.library` in `IMAGES_DIR`',
      './state',
    ),
  ),
  IMAGES_SHARED: library.flag('Declares that all replicas have the same `IMAGES_DIR`'),
  DATABASE_URL: Type.Optional(
    library.secret(
      'Postgres database of the library, for several replicas. If unset, SQLite is used',
      'postgres://images:your-password@db/images',
      { pattern: '^[Pp][Oo][Ss][Tt][Gg][Rr][Ee][Ss]([Qq][Ll])?://' },
    ),
  ),
  AZURE_STORAGE_URL: Type.Optional(
    library.text(
      'URL of an Azure Blob container for the images. If unset, they are stored in `IMAGES_DIR`',
      'https://account.blob.core.windows.net/images',
      { pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s@?#]+$' },
    ),
  ),
  AZURE_STORAGE_KEY: Type.Optional(
    library.secret(
      'Key of the storage account. If unset, the managed or workload identity is used',
      'your-account-key',
    ),
  ),
  SERVER_SECRET: Type.Optional(
    links.secret(
      'Signs links and upload addresses, at least 32 characters, the same on all replicas; required with `REDIS_URL` and `DATABASE_URL`. If unset, a random one, so that links end with the process',
      'your-random-text-of-32-characters-or-more',
      { minLength: 32 },
    ),
  ),
  LINK_TTL_MS: links.count('How long a link to an image is valid', 60 * MINUTE, 1000, 7 * DAY),

  LOG_LEVEL: logging.choice(
    'Minimum level of log lines',
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
  ),
  LOG_FORMAT: logging.choice(
    '`auto` is readable text on a terminal, JSON elsewhere',
    ['auto', 'json', 'pretty'],
    'auto',
  ),
  LOG_DIR: Type.Optional(
    logging.text('Folder for daily log files, in addition to stdout (`/app/logs` in the container)', './logs'),
  ),

  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    tracing.text(
      'Base URL of an OpenTelemetry collector, to which `/v1/traces` is added. If unset, there are no traces',
      'http://collector:4318',
    ),
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(
    tracing.text(
      'The whole URL to which traces are posted, in place of the base URL',
      'http://collector:4318/v1/traces',
    ),
  ),
  OTEL_EXPORTER_OTLP_HEADERS: Type.Optional(
    tracing.secret(
      'Headers of the requests to the collector, `name=value` by comma, values percent-encoded',
      'api-key=your-key',
    ),
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: tracing.defaultText('`http/protobuf` or `http/json`', 'http/protobuf'),
  OTEL_EXPORTER_OTLP_TIMEOUT: tracing.defaultText('Milliseconds that an export may take, retries included', '10000'),
  OTEL_TRACES_EXPORTER: tracing.defaultText('`none` turns traces off', 'otlp'),
  OTEL_TRACES_SAMPLER: tracing.defaultText(
    'Which calls are traced: `always_on`, `always_off` or `traceidratio`, and with `parentbased_` in front by the decision of an authenticated client that sends a `traceparent`',
    'parentbased_always_on',
  ),
  OTEL_TRACES_SAMPLER_ARG: tracing.defaultText('Share of calls that `traceidratio` traces, 0 to 1', '1'),
  OTEL_SERVICE_NAME: Type.Optional(
    tracing.text(
      'Name of this service in traces; if unset, `service.name` of the attributes, or `azure-image-editor-mcp`',
      'images',
    ),
  ),
  OTEL_RESOURCE_ATTRIBUTES: Type.Optional(
    tracing.text(
      'Further attributes of this process, `name=value` by comma, values percent-encoded',
      'deployment.environment.name=production',
    ),
  ),
  OTEL_BSP_MAX_QUEUE_SIZE: tracing.defaultText('Spans that wait for their export; more are dropped', '2048'),
  OTEL_BSP_SCHEDULE_DELAY: tracing.defaultText('Milliseconds between exports', '5000'),
  OTEL_SDK_DISABLED: tracing.defaultText('`true` turns traces off', 'false'),
})

/** The variables as the schema validates them, still flat: `services/config` turns them into the configuration. */
export type Settings = Static<typeof ConfigSchema>
