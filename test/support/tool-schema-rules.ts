/**
 * What the model APIs behind MCP clients are known to reject in a tool. A client sends all tools with every request, so one
 * bad schema makes the whole chat fail. Each rule holds for the strictest API that is known.
 */

export interface PublishedTool {
  name: string
  description: string
  inputSchema: unknown
}

type Node = Readonly<Record<string, unknown>>

interface NodeRule {
  rule: string
  source: string
  isBroken(node: Node, path: readonly string[]): boolean
}

/**
 * Keywords that none of them rejects. OpenAI's strict mode takes no composition (`allOf`, `not`, `if`), Gemini's schema has
 * no `$ref` and no `const`, Kimi no `type` beside `anyOf`. `additionalProperties: false` is required by OpenAI's strict mode,
 * and has been accepted by Gemini since November 2025. `default` and `format` are unused: some reject `default: null`, others
 * formats that they do not know.
 */
const ACCEPTED_KEYWORDS: readonly string[] = [
  'type',
  'description',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
]

const TYPES: readonly unknown[] = ['object', 'array', 'string', 'integer', 'number', 'boolean']

const keysOf = (value: unknown): string[] => (typeof value === 'object' && value !== null ? Object.keys(value) : [])

const openai = 'https://platform.openai.com/docs/guides/structured-outputs#supported-schemas'
const gemini = 'https://ai.google.dev/api/caching#Schema'
const kimi = 'https://github.com/MoonshotAI/kimi-cli/issues/1595'

const nodeRules: readonly NodeRule[] = [
  { rule: 'one type', source: kimi, isBroken: ({ type }) => !TYPES.includes(type) },
  {
    rule: 'only keywords that every API accepts',
    source: `${openai} ${gemini}`,
    isBroken: (node) => Object.keys(node).some((keyword) => !ACCEPTED_KEYWORDS.includes(keyword)),
  },
  {
    rule: 'keywords of its type',
    source: openai,
    isBroken: (node) => {
      const has = (type: string, ...keywords: string[]) =>
        node.type !== type && keywords.some((keyword) => keyword in node)
      const isNumber = node.type === 'integer' || node.type === 'number'
      return (
        has('object', 'properties', 'required', 'additionalProperties') ||
        has('array', 'items', 'minItems', 'maxItems') ||
        has('string', 'pattern', 'minLength', 'maxLength', 'enum') ||
        (!isNumber && ('minimum' in node || 'maximum' in node))
      )
    },
  },
  {
    rule: 'closed objects with properties',
    source: openai,
    isBroken: ({ type, properties, additionalProperties }) =>
      type === 'object' && (additionalProperties !== false || typeof properties !== 'object' || properties === null),
  },
  {
    rule: 'requires only properties that exist',
    source: 'https://github.com/google-gemini/gemini-cli/issues/4400',
    isBroken: ({ required = [], properties }) =>
      !Array.isArray(required) || required.some((name) => !keysOf(properties).includes(name)),
  },
  {
    rule: 'arrays say what they contain',
    source: gemini,
    isBroken: ({ type, items }) => type === 'array' && (typeof items !== 'object' || items === null),
  },
  {
    rule: 'an enum has different, short, non-empty strings',
    source: gemini,
    isBroken: ({ enum: values }) =>
      values !== undefined &&
      (!Array.isArray(values) ||
        values.length === 0 ||
        values.some((value) => typeof value !== 'string' || !/^[\x20-\x7e]{1,64}$/.test(value)) ||
        new Set(values).size !== values.length),
  },
  {
    rule: 'an ASCII pattern without lookaround, references, and classes by letter',
    source: 'https://github.com/google/re2/wiki/Syntax',
    isBroken: ({ pattern }) =>
      pattern !== undefined &&
      (!/^\^[\x20-\x7e]+\$$/.test(String(pattern)) || /\(\?|\\[pPkdDwWsSbB1-9]|[*+?}]\?/.test(String(pattern))),
  },
  {
    rule: 'bounds that compile to a small grammar',
    source: 'https://github.com/googleapis/js-genai/issues/806',
    isBroken: ({ maxLength = 1, maxItems = 1, maximum = 1 }) =>
      Number(maxLength) > 32_000 || Number(maxItems) > 50 || Number(maximum) > 2 ** 32,
  },
  {
    rule: 'names of arguments that every client accepts',
    source: 'https://docs.claude.com/en/api/messages#body-tools-input-schema',
    isBroken: ({ properties }) => keysOf(properties).some((name) => !/^[a-z][a-z0-9_]{0,63}$/.test(name)),
  },
]

interface ToolRule {
  rule: string
  source: string
  isBroken(tool: PublishedTool, nodes: readonly Node[], depth: number): boolean
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
const enumValues = (node: Node): unknown[] => (Array.isArray(node.enum) ? node.enum : [])

/** Microsoft's limits for Azure are the lowest. */
const azure = 'https://learn.microsoft.com/azure/foundry/openai/how-to/structured-outputs'

const toolRules: readonly ToolRule[] = [
  {
    // Cursor counts server and tool together, Kimi wants a letter first, Gemini and OpenAI at most 64 characters.
    rule: 'a name that stays short behind the name of its server',
    source: 'https://github.com/MoonshotAI/kimi-cli/issues/2531',
    isBroken: ({ name }) => !/^[a-z][a-z0-9_]*$/.test(name) || `mcp__azure-image-editor__${name}`.length > 60,
  },
  {
    rule: 'a description of at most 1,024 characters',
    source: 'https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools',
    isBroken: ({ description }) => description.length === 0 || description.length > 1_024,
  },
  {
    rule: 'an object at the top',
    source: 'https://docs.claude.com/en/api/messages#body-tools-input-schema',
    isBroken: (_tool, [top]) => top?.type !== 'object',
  },
  { rule: 'at most five levels', source: azure, isBroken: (_tool, _nodes, depth) => depth > 5 },
  { rule: 'at most 100 arguments', source: azure, isBroken: (_tool, nodes) => nodes.length > 100 },
  {
    rule: 'at most 500 values and 15,000 characters in enums and names',
    source: openai,
    isBroken: (_tool, nodes) => {
      const values = nodes.flatMap(enumValues)
      const names = nodes.flatMap(({ properties }) => keysOf(properties))
      return values.length > 500 || sum([...values, ...names].map((text) => String(text).length)) > 15_000
    },
  },
]

function visit(schema: unknown, path: readonly string[], found: [Node, readonly string[]][]): void {
  const node: Node =
    typeof schema === 'object' && schema !== null && !Array.isArray(schema)
      ? Object.fromEntries(Object.entries(schema))
      : {}
  found.push([node, path])
  const { properties, items } = node
  if (typeof properties === 'object' && properties !== null)
    for (const [name, child] of Object.entries(properties)) visit(child, [...path, name], found)
  if (items !== undefined) visit(items, [...path, '[]'], found)
}

/** Every rule that a tool breaks, with the place and where the rule is from. */
export function schemaFaults(tool: PublishedTool): string[] {
  const found: [Node, readonly string[]][] = []
  visit(tool.inputSchema, [tool.name], found)
  const nodes = found.map(([node]) => node)
  const depth = Math.max(...found.map(([, path]) => path.length))
  return [
    ...found.flatMap(([node, path]) =>
      nodeRules
        .filter(({ isBroken }) => isBroken(node, path))
        .map(({ rule, source }) => `${path.join('.')}: ${rule} (${source})`),
    ),
    ...toolRules
      .filter(({ isBroken }) => isBroken(tool, nodes, depth))
      .map(({ rule, source }) => `${tool.name}: ${rule} (${source})`),
  ]
}

export const schemaRules: readonly string[] = [...nodeRules, ...toolRules].map(({ rule }) => rule)
