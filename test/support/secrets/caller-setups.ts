import { goodAzure } from './good-azure.ts'
import { asAlice, type Lab, prompt, type Setup, secrets } from './harness.ts'

/** Requests with secrets and the prompt in every place that a caller controls. */

const post = (body: string, headers: Record<string, string> = {}, path = '/') => ({
  act: ({ ask }: Lab) => ask(path, { method: 'POST', headers: { ...asAlice, ...headers }, body }),
})
const rpc = (method: string, params?: object) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
const toolCall = (args: object, name = 'generate_image') => rpc('tools/call', { name, arguments: args })
const strange = `${secrets.metricsToken}\n{"level":50}\r\n${prompt}`

const callers: readonly Omit<Setup, 'prepare'>[] = [
  {
    name: 'sends JSON that is broken behind the prompt',
    ...post(`{"prompt":${JSON.stringify(prompt)},"key":"${secrets.azureKey}",`),
  },
  { name: 'sends the prompt instead of JSON', ...post(prompt) },
  {
    name: 'sends a body of another type',
    ...post(prompt, { 'content-type': `text/${secrets.callerKey}` }),
    isEchoed: true,
  },
  { name: 'calls a method whose name is a secret with line breaks', ...post(rpc(strange)), isEchoed: true },
  {
    name: 'calls a tool whose name is a secret with line breaks',
    ...post(toolCall({ prompt }, strange)),
    isEchoed: true,
  },
  {
    name: 'names an argument after the prompt',
    ...post(toolCall({ prompt, [prompt]: secrets.callerKey })),
    isEchoed: true,
  },
  { name: 'asks for a prompt of that name', ...post(rpc('prompts/get', { name: strange })), isEchoed: true },
  {
    name: 'asks for a resource of that address',
    ...post(rpc('resources/read', { uri: `image:///${encodeURIComponent(strange)}` })),
    isEchoed: true,
  },
  {
    name: 'completes what is a secret',
    ...post(
      rpc('completion/complete', {
        ref: { type: 'ref/prompt', name: strange },
        argument: { name: strange, value: strange },
      }),
    ),
    isEchoed: true,
  },
  {
    name: 'speaks a revision that is a secret',
    ...post(rpc('tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': strange } })),
    isEchoed: true,
  },
  {
    name: 'sends headers of MCP that are secrets',
    ...post(toolCall({ prompt }), {
      'mcp-protocol-version': secrets.metricsToken,
      'mcp-method': secrets.callerKey,
      'mcp-name': secrets.azureKey,
    }),
    isEchoed: true,
  },
  { name: 'names the request after its key', ...post(toolCall({ prompt }), { 'x-request-id': secrets.callerKey }) },
  {
    name: 'names the request after its key and more',
    ...post(toolCall({ prompt }), { 'x-request-id': `call-${secrets.callerKey}.1` }),
  },
  {
    name: 'says the prompt in every header',
    ...post(toolCall({ prompt }), {
      'user-agent': `crimson/1 ${secrets.accessToken}`,
      cookie: `umbrella=${secrets.callerKey}`,
      referer: `https://u:${secrets.linkCredential}@page.example/crimson?key=${secrets.callerKey}`,
      'x-forwarded-for': secrets.callerKey,
      forwarded: `for=${secrets.callerKey}`,
      traceparent: secrets.callerKey,
      'idempotency-key': secrets.callerKey,
      'mcp-session-id': secrets.callerKey,
      'content-encoding': 'identity',
    }),
  },
  {
    name: 'asks a page for the prompt',
    act: ({ ask }) => ask(`/?prompt=${encodeURIComponent(prompt)}`, { method: 'QUERY', body: prompt }),
  },
  {
    name: 'has a prompt rendered with its own words',
    ...post(rpc('prompts/get', { name: 'edit_one_thing', arguments: { change: prompt, keep: secrets.callerKey } })),
    isEchoed: true,
  },
  {
    name: 'completes what is in its own words',
    ...post(
      rpc('completion/complete', {
        ref: { type: 'ref/prompt', name: 'edit_one_thing' },
        argument: { name: 'change', value: prompt },
        context: { arguments: { keep: secrets.callerKey } },
      }),
    ),
  },
  {
    name: 'writes its key into the address',
    ...post(toolCall({ prompt }), {}, `/?key=${secrets.callerKey}&prompt=${encodeURIComponent(prompt)}`),
  },
  {
    name: 'posts to a path that is the prompt',
    ...post('{}', {}, `/${encodeURIComponent(prompt)}?key=${secrets.callerKey}`),
  },
  { name: 'posts to an address that cannot be read', ...post('{}', {}, `/%zz${secrets.callerKey}`) },
  { name: 'sends a wrong key', ...post(toolCall({ prompt }), { 'x-api-key': secrets.deploymentKey }) },
  {
    name: 'sends its key as a password',
    ...post(toolCall({ prompt }), {
      'x-api-key': '',
      authorization: `Basic ${Buffer.from(`a:${secrets.callerKey}`).toString('base64')}`,
    }),
  },
  {
    name: 'comes from an origin that is a secret',
    ...post(toolCall({ prompt }), { origin: `https://${secrets.callerKey}.example` }),
  },
  { name: 'saves under the prompt', ...post(toolCall({ prompt, output_path: `../${prompt}/..` })) },
  { name: 'saves under a name that cannot be', ...post(toolCall({ prompt, output_path: `${prompt}\0.png` })) },
  { name: 'sends the prompt as an image', ...post(toolCall({ prompt, image_data_base64: prompt }, 'edit_image')) },
  {
    name: 'sends a path that is the prompt as an image',
    ...post(toolCall({ prompt, image_path: `/${prompt}.png` }, 'edit_image')),
  },
  {
    name: 'sends an image that is damaged and holds the prompt',
    ...post(
      toolCall(
        { prompt, image_data_base64: Buffer.from(`\x89PNG\r\n\x1a\n${prompt}`).toString('base64') },
        'edit_image',
      ),
    ),
  },
  { name: 'sends a prompt of a wrong type', ...post(toolCall({ prompt: [prompt, { key: secrets.callerKey }] })) },
  { name: 'sends a size that is the prompt', ...post(toolCall({ prompt, size: prompt })), isEchoed: true },
  {
    name: 'sends a batch of everything',
    ...post(`[${toolCall({ prompt })},${rpc(strange)},7,${JSON.stringify(prompt)}]`),
    isEchoed: true,
  },
  {
    name: 'says the prompt in a notification',
    ...post(JSON.stringify({ jsonrpc: '2.0', method: strange, params: { prompt } })),
    isEchoed: true,
  },
  {
    name: 'cancels for a reason that is the prompt',
    ...post(
      JSON.stringify({
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId: strange, reason: prompt },
      }),
    ),
  },
  {
    name: 'scrapes with a wrong token',
    act: ({ ask }) => ask('/metrics', { headers: { authorization: `Bearer ${secrets.callerKey}` } }),
  },
]

export const callerSetups: readonly Setup[] = callers.map((caller) => ({
  ...caller,
  name: `a caller ${caller.name}`,
  prepare: goodAzure,
}))
