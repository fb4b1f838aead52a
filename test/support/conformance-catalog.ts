import type { ResourceContents, Tool } from '../../services/calls/types.ts'
import { serviceError } from '../../services/errors/errors.ts'
import type { Catalog } from '../../services/mcp/catalog.ts'
import type { CompletionRequest, Prompt } from '../../services/prompts/types.ts'
import { fixtureTool, prompt, say, text } from './conformance-fixtures.ts'
import { askingPrompts, askingTools } from './conformance-questions.ts'
import { taskTools } from './conformance-tasks.ts'

/**
 * The fixtures that the scenarios of the official suite call by name, in terms of the types that the service's own
 * tools, resources and prompts are made of. https://github.com/modelcontextprotocol/conformance
 */

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='

/** Words of JSON Schema 2020-12 that a server must hand on as they are. */
const wideSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
}

const tools: readonly Tool[] = [
  fixtureTool('test_simple_text', async () => text('This is a simple text response for testing.')),
  fixtureTool('test_image_content', async () => ({ content: [{ type: 'image', data: PIXEL, mimeType: 'image/png' }] })),
  fixtureTool('test_audio_content', async () => ({
    content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }],
  })),
  fixtureTool('test_embedded_resource', async () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  })),
  fixtureTool('test_multiple_content_types', async () => ({
    content: [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: PIXEL, mimeType: 'image/png' },
      {
        type: 'resource',
        resource: {
          uri: 'test://mixed-content-resource',
          mimeType: 'application/json',
          text: '{"test":"data","value":123}',
        },
      },
    ],
  })),
  fixtureTool('test_error_handling', async () => {
    throw serviceError('IMG_ERR_ARGUMENTS', ['this tool intentionally returns an error for testing'])
  }),
  fixtureTool('test_tool_with_progress', async (_args, { progress }) => {
    for (const stage of ['first', 'second', 'third']) progress(stage)
    return text('Progress was reported.')
  }),
  fixtureTool('test_missing_capability', async () => text('The client can sample.'), {
    requiredCapabilities: ['sampling'],
  }),
  fixtureTool('test_streaming_elicitation', async () => text('Nothing was asked.'), {
    requiredCapabilities: ['elicitation'],
  }),
  fixtureTool('test_logging_tool', async () => text('Nothing was logged.')),
  fixtureTool('json_schema_2020_12_tool', async () => text('The schema was kept.'), { inputSchema: wideSchema }),
  ...askingTools,
  ...taskTools,
]

const resources: Readonly<Record<string, ResourceContents>> = {
  'test://static-text': {
    uri: 'test://static-text',
    mimeType: 'text/plain',
    text: 'This is the content of the static text resource.',
  },
  'test://static-binary': { uri: 'test://static-binary', mimeType: 'image/png', blob: PIXEL },
}

function readTemplate(uri: string): ResourceContents[] | undefined {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
  if (id === undefined) return undefined
  const data = { id, templateTest: true, data: `Data for ID: ${id}` }
  return [{ uri, mimeType: 'application/json', text: JSON.stringify(data) }]
}

const prompts: readonly Prompt[] = [
  prompt('test_simple_prompt', [], () => [say('This is a simple prompt for testing.')]),
  prompt('test_prompt_with_arguments', ['arg1', 'arg2'], ({ arg1, arg2 }) => [
    say(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`),
  ]),
  prompt('test_prompt_with_embedded_resource', ['resourceUri'], ({ resourceUri = '' }) => [
    {
      role: 'user',
      content: {
        type: 'resource',
        resource: { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' },
      },
    },
    say('Please process the embedded resource above.'),
  ]),
  prompt('test_prompt_with_image', [], () => [
    { role: 'user', content: { type: 'image', data: PIXEL, mimeType: 'image/png' } },
    say('Please analyze the image above.'),
  ]),
  ...askingPrompts,
]

/** A list that has one tool more or less after each call of the tool that changes it. */
function changingTools(all: readonly Tool[]): () => readonly Tool[] {
  const extra = fixtureTool('test_extra_tool', async () => text('This tool comes and goes.'))
  const trigger = fixtureTool('test_trigger_tool_change', async () => {
    listed = listed.includes(extra) ? listed.slice(0, -1) : [...listed, extra]
    return text('The list of tools was changed.')
  })
  let listed: readonly Tool[] = [...all, trigger]
  return () => listed
}

/** The service's own catalog with the fixtures beside it. */
export function withConformanceFixtures(own: Catalog): Catalog {
  const changeable = changingTools([...own.tools, ...tools])
  return {
    get tools() {
      return changeable()
    },
    tasks: own.tasks,
    prompts: [...(own.prompts ?? []), ...prompts],
    resources: {
      templates: [
        ...(own.resources?.templates ?? []),
        { uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' },
      ],
      list: async (cursor, context) => {
        const page = (await own.resources?.list(cursor, context)) ?? { resources: [] }
        const fixtures = Object.values(resources).map(({ uri, mimeType = '' }) => ({ uri, name: uri, mimeType }))
        return cursor === undefined ? { ...page, resources: [...fixtures, ...page.resources] } : page
      },
      read: async (uri, context) => {
        const fixture = resources[uri]
        return fixture === undefined ? (readTemplate(uri) ?? (await own.resources?.read(uri, context))) : [fixture]
      },
    },
    complete: async (request: CompletionRequest, context) => {
      if ('name' in request.ref && request.ref.name.startsWith('test_')) return ['paris', 'park', 'party']
      return await own.complete?.(request, context)
    },
  }
}
