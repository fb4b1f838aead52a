import Type, { type TProperties, type TSchema } from 'typebox'
import { type Example, examplesOf, readDocument } from './markdown.ts'

/** The configurations of clients in the documentation, and what the clients' own documentation allows in them. */

const closed = (properties: TProperties) => Type.Object(properties, { additionalProperties: false })
const Http = Type.String({ pattern: '^https?://[^/]+/mcp$' })
const Milliseconds = Type.Integer({ minimum: 1_000 })

const bearer = (value: string) => closed({ Authorization: Type.Literal(`Bearer ${value}`) })

/** A key is never in a file that is shared: clients expand their own spelling of a variable. */
const headers = (prefix: string) => bearer(`${prefix}IMAGE_EDITOR_KEY}`)

const servers = (member: string, entry: TSchema) => closed({ [member]: closed({ 'azure-image-editor': entry }) })

const LocalSchema = closed({
  command: Type.String({ minLength: 1 }),
  args: Type.Array(Type.String(), { minItems: 1 }),
  env: Type.Optional(Type.Record(Type.String({ pattern: '^[A-Z_]+$' }), Type.String({ minLength: 1 }))),
})

/** Members of each client's file, by the heading of its section. All `headers` and time-outs are optional for the clients. */
export const configSchemas: Readonly<Record<string, TSchema>> = {
  'VS Code': closed({
    inputs: Type.Optional(
      Type.Array(
        closed({
          type: Type.Literal('promptString'),
          id: Type.String({ pattern: '^[a-z-]+$' }),
          description: Type.String(),
          password: Type.Literal(true),
        }),
      ),
    ),
    servers: closed({
      'azure-image-editor': closed({
        type: Type.Literal('http'),
        url: Http,
        headers: Type.Optional(closed({ Authorization: Type.String({ pattern: '^Bearer \\$\\{input:[a-z-]+\\}$' }) })),
      }),
    }),
  }),
  'Claude Desktop': servers('mcpServers', LocalSchema),
  'Claude Code': servers(
    'mcpServers',
    closed({
      type: Type.Literal('http'),
      url: Http,
      headers: Type.Optional(headers('${')),
      timeout: Type.Optional(Milliseconds),
    }),
  ),
  Cursor: servers('mcpServers', closed({ url: Http, headers: Type.Optional(headers('${env:')) })),
  Windsurf: servers('mcpServers', closed({ serverUrl: Http, headers: headers('${env:') })),
  opencode: closed({
    $schema: Type.Literal('https://opencode.ai/config.json'),
    mcp: closed({
      'azure-image-editor': closed({
        type: Type.Literal('remote'),
        url: Http,
        oauth: Type.Literal(false),
        headers: headers('{env:'),
        timeout: Milliseconds,
      }),
    }),
  }),
  'Gemini CLI': servers('mcpServers', closed({ httpUrl: Http, headers: headers('${'), timeout: Milliseconds })),
  'MCP Inspector': servers(
    'mcpServers',
    closed({ type: Type.Literal('http'), url: Http, headers: bearer('your-key'), requestTimeout: Milliseconds }),
  ),
  'GitHub Copilot CLI': servers(
    'mcpServers',
    closed({ type: Type.Literal('http'), url: Http, headers: headers('${'), tools: Type.Array(Type.Literal('*')) }),
  ),
  Kiro: servers('mcpServers', closed({ url: Http, headers: Type.Optional(headers('${')) })),
  'LM Studio': servers('mcpServers', closed({ url: Http, headers: Type.Optional(bearer('your-key')) })),
  Zed: servers('context_servers', closed({ url: Http, headers: bearer('your-key') })),
  Cline: servers(
    'mcpServers',
    closed({
      type: Type.Literal('streamableHttp'),
      url: Http,
      headers: bearer('your-key'),
      // Seconds: https://docs.cline.bot/mcp/adding-and-configuring-servers
      timeout: Type.Integer({ minimum: 30, maximum: 3_600 }),
    }),
  ),
  Goose: servers(
    'extensions',
    closed({
      name: Type.String(),
      type: Type.Literal('streamable_http'),
      uri: Http,
      headers: bearer('your-key'),
      enabled: Type.Literal(true),
      timeout: Type.Integer({ minimum: 60, maximum: 3_600 }),
    }),
  ),
  LibreChat: servers(
    'mcpServers',
    closed({
      type: Type.Literal('streamable-http'),
      url: Http,
      headers: headers('${'),
      timeout: Milliseconds,
    }),
  ),
  'mcp-remote': servers('mcpServers', LocalSchema),
  supergateway: servers('mcpServers', LocalSchema),
  'mcp-proxy': servers('mcpServers', LocalSchema),
}

export interface ClientSection {
  client: string
  text: string
  examples: readonly Example[]
}

/** Sections of a client each, in order. */
export function clientSections(document: string): ClientSection[] {
  const lines = readDocument(document).split('\n')
  const heads = lines.flatMap((line, at) => (line.startsWith('### ') ? [{ client: line.slice(4), at: at + 1 }] : []))
  const examples = examplesOf(document)
  return heads.map(({ client, at }, index) => {
    const end = heads[index + 1]?.at ?? lines.length + 1
    return {
      client,
      text: lines.slice(at, end - 1).join('\n'),
      examples: examples.filter(({ line }) => line > at && line < end),
    }
  })
}

/** Pages with a section for each client: applications, and libraries. */
export const clientPages = ['docs/clients.md', 'docs/sdks.md'] as const

export function exampleOf(client: string, language: string): string {
  const section = clientPages.flatMap(clientSections).find((one) => one.client === client)
  const example = section?.examples.find((one) => one.language === language)
  if (example === undefined) throw new Error(`no page has a ${language} example for ${client}`)
  return example.code
}
