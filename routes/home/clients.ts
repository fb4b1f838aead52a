/** How each client is connected: for the page at `GET /`, for `npm run demo`, and compared with `docs/clients.md`. */

export interface ClientSetup {
  /** Also the heading of its section in `docs/clients.md`. */
  name: string
  /** Its name on the page, if that is another. */
  title?: string
  /** File or command that the text belongs to. */
  file: string
  text: string
}

/** A client that is set up in a dialog. */
export interface ClientDialog {
  name: string
  steps: { en: string; zh: string }
}

/** The environment variable of the client that holds its key. */
export const KEY_VARIABLE = 'IMAGE_EDITOR_KEY'

/** The name that the server gets in every client. */
export const server = 'azure-image-editor'
const json = (value: unknown): string => JSON.stringify(value, null, 2)

const bearer = (reference: string, hasKey: boolean) =>
  hasKey ? { headers: { Authorization: `Bearer ${reference}` } } : {}

const input = 'image-editor-key'
export const vsCodeInputs = [
  { type: 'promptString', id: input, description: 'API key of the image editor', password: true },
]

/** The entries of clients that have a file and an install link, which are the same. */
export const entries = {
  vsCode: (url: string, hasKey: boolean) => ({ type: 'http', url, ...bearer(`\${input:${input}}`, hasKey) }),
  cursor: (url: string, hasKey: boolean) => ({ url, ...bearer(`\${env:${KEY_VARIABLE}}`, hasKey) }),
  kiro: (url: string, hasKey: boolean) => ({ url, ...bearer(`\${${KEY_VARIABLE}}`, hasKey) }),
  // Expands no variables.
  lmStudio: (url: string, hasKey: boolean) => ({ url, ...bearer('your-key', hasKey) }),
}

/**
 * The files of all clients that have one.
 * @param url address of the endpoint, with `/mcp`
 * @param hasKey whether calls need an API key; clients that support OAuth find out about that by themselves
 */
export function clientSetups(url: string, hasKey: boolean): readonly ClientSetup[] {
  const shell = `$${KEY_VARIABLE}`
  return [
    {
      name: 'VS Code',
      file: '.vscode/mcp.json',
      text: json({
        ...(hasKey ? { inputs: vsCodeInputs } : {}),
        servers: { [server]: entries.vsCode(url, hasKey) },
      }),
    },
    {
      name: 'Claude Code',
      file: '.mcp.json',
      text: json({
        mcpServers: { [server]: { type: 'http', url, ...bearer(`\${${KEY_VARIABLE}}`, hasKey), timeout: 600_000 } },
      }),
    },
    {
      name: 'Cursor',
      file: '.cursor/mcp.json',
      text: json({ mcpServers: { [server]: entries.cursor(url, hasKey) } }),
    },
    {
      name: 'Windsurf',
      file: '~/.codeium/windsurf/mcp_config.json',
      text: json({ mcpServers: { [server]: { serverUrl: url, ...bearer(`\${env:${KEY_VARIABLE}}`, hasKey) } } }),
    },
    {
      name: 'Codex',
      file: '~/.codex/config.toml',
      text: [
        `[mcp_servers.${server}]`,
        `url = "${url}"`,
        ...(hasKey ? [`bearer_token_env_var = "${KEY_VARIABLE}"`] : []),
        'tool_timeout_sec = 600',
      ].join('\n'),
    },
    {
      name: 'opencode',
      file: 'opencode.json',
      text: json({
        $schema: 'https://opencode.ai/config.json',
        mcp: {
          [server]: { type: 'remote', url, oauth: false, ...bearer(`{env:${KEY_VARIABLE}}`, hasKey), timeout: 600_000 },
        },
      }),
    },
    {
      name: 'Gemini CLI',
      file: '~/.gemini/settings.json',
      text: json({
        mcpServers: { [server]: { httpUrl: url, ...bearer(`\${${KEY_VARIABLE}}`, hasKey), timeout: 600_000 } },
      }),
    },
    {
      name: 'GitHub Copilot CLI',
      file: '~/.copilot/mcp-config.json',
      text: json({
        mcpServers: {
          [server]: { type: 'http', url, ...bearer(`\${${KEY_VARIABLE}}`, hasKey), tools: ['*'] },
        },
      }),
    },
    {
      name: 'Kiro',
      file: '.kiro/settings/mcp.json',
      text: json({ mcpServers: { [server]: entries.kiro(url, hasKey) } }),
    },
    {
      name: 'LM Studio',
      file: 'mcp.json',
      text: json({ mcpServers: { [server]: entries.lmStudio(url, hasKey) } }),
    },
    {
      name: 'Zed',
      file: 'settings.json',
      text: json({ context_servers: { [server]: { url, ...bearer('your-key', hasKey) } } }),
    },
    {
      name: 'Cline',
      file: 'cline_mcp_settings.json',
      text: json({
        mcpServers: { [server]: { type: 'streamableHttp', url, ...bearer('your-key', hasKey), timeout: 600 } },
      }),
    },
    {
      name: 'Goose',
      file: '~/.config/goose/config.yaml',
      text: [
        'extensions:',
        `  ${server}:`,
        '    name: Azure Image Editor',
        '    type: streamable_http',
        `    uri: ${url}`,
        ...(hasKey ? ['    headers:', '      Authorization: Bearer your-key'] : []),
        '    enabled: true',
        '    timeout: 600',
      ].join('\n'),
    },
    {
      name: 'LibreChat',
      file: 'librechat.yaml',
      text: [
        'mcpServers:',
        `  ${server}:`,
        '    type: streamable-http',
        `    url: ${url}`,
        ...(hasKey ? ['    headers:', `      Authorization: 'Bearer \${${KEY_VARIABLE}}'`] : []),
        '    timeout: 600000',
      ].join('\n'),
    },
    {
      name: 'MCP Inspector',
      file: `mcp-inspector --config FILE --server ${server}`,
      text: json({
        mcpServers: { [server]: { type: 'http', url, ...bearer('your-key', hasKey), requestTimeout: 600_000 } },
      }),
    },
    {
      // Also for Claude Desktop, which takes no addresses in its file.
      name: 'mcp-remote',
      title: 'Claude Desktop (mcp-remote)',
      file: 'claude_desktop_config.json',
      text: json({
        mcpServers: {
          [server]: {
            command: 'npx',
            args: [
              '-y',
              'mcp-remote',
              url,
              '--transport',
              'http-only',
              // The space is in the variable, because some clients split arguments at spaces.
              // biome-ignore lint/suspicious/noTemplateCurlyInString: mcp-remote fills it in
              ...(hasKey ? ['--header', 'Authorization:${AUTH_HEADER}'] : []),
            ],
            ...(hasKey ? { env: { AUTH_HEADER: 'Bearer your-key' } } : {}),
          },
        },
      }),
    },
    {
      name: 'curl',
      file: 'curl',
      text: [
        `curl -sS --fail-with-body --max-time 660 -X POST ${url} \\`,
        `  ${hasKey ? `-H "Authorization: Bearer ${shell}" ` : ''}-H "Content-Type: application/json" \\`,
        `  -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'`,
      ].join('\n'),
    },
  ]
}

/** The clients that have no file. */
export const clientDialogs: readonly ClientDialog[] = [
  {
    name: 'claude.ai connectors',
    steps: {
      en: 'Customize → Connectors → + → Add custom connector. Claude calls from the internet: the address must be public and HTTPS, with OAuth or without authentication.',
      zh: 'Customize → Connectors → + → Add custom connector。Claude 从互联网发起调用：地址必须公开且为 HTTPS，使用 OAuth 或不启用认证。',
    },
  },
  {
    name: 'ChatGPT',
    steps: {
      en: 'Settings → Apps → Advanced settings → Developer mode, then Create app. The address must be public and HTTPS, with OAuth or without authentication.',
      zh: 'Settings → Apps → Advanced settings → Developer mode，然后选择 Create app。地址必须公开且为 HTTPS，使用 OAuth 或不启用认证。',
    },
  },
  {
    name: 'JetBrains IDEs',
    steps: {
      en: 'Settings → Tools → AI Assistant → Model Context Protocol (MCP) → +, type HTTP, and paste the JSON of Cursor.',
      zh: 'Settings → Tools → AI Assistant → Model Context Protocol (MCP) → +，类型选 HTTP，粘贴 Cursor 的 JSON。',
    },
  },
  {
    name: 'n8n',
    steps: {
      en: 'Node MCP Client Tool: Endpoint is the address, Server Transport is HTTP Streamable, Options → Timeout is 600000.',
      zh: '节点 MCP Client Tool：Endpoint 填本服务地址，Server Transport 选 HTTP Streamable，Options → Timeout 填 600000。',
    },
  },
  {
    name: 'Open WebUI',
    steps: {
      en: 'Admin Settings → External Tools → +, type MCP (Streamable HTTP).',
      zh: 'Admin Settings → External Tools → +，类型选 MCP (Streamable HTTP)。',
    },
  },
]
