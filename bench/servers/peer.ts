import { writeFile } from 'node:fs/promises'
import { createMcpFastifyApp } from '@modelcontextprotocol/fastify'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'

/**
 * The peer: the official SDK on Fastify, written as its documentation shows
 * (https://www.npmjs.com/package/@modelcontextprotocol/fastify), with the same two tools.
 */

const base = process.env.AZURE_BASE_URL ?? ''
const images = `${base}/openai/deployments/flux/images`
const ResponseSchema = z.object({ data: z.tuple([z.object({ b64_json: z.string() })]) })

const prompt = z.string().min(1).describe('What the image shows.')
const size = z
  .string()
  .regex(/^\d+x\d+$/)
  .optional()
const output_path = z.string().optional().describe('Where to save the image on the server.')

async function finish(response: Response, outputPath: string | undefined) {
  if (!response.ok) throw new Error(`Azure returned ${response.status}`)
  const { data } = ResponseSchema.parse(await response.json())
  const [{ b64_json }] = data
  if (outputPath !== undefined) await writeFile(outputPath, Buffer.from(b64_json, 'base64'))
  return {
    content: [
      { type: 'text' as const, text: 'Image successfully generated.' },
      { type: 'image' as const, data: b64_json, mimeType: 'image/png' },
    ],
  }
}

function createServer(): McpServer {
  const server = new McpServer({ name: 'peer', version: '1.0.0' })
  server.registerTool(
    'generate_image',
    {
      title: 'Generate image',
      description: 'Generates an image.',
      inputSchema: z.object({ prompt, size, output_path }),
    },
    async (input) => {
      const response = await fetch(`${images}/generations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: input.prompt, size: input.size, n: 1 }),
      })
      return await finish(response, input.output_path)
    },
  )
  server.registerTool(
    'edit_image',
    {
      title: 'Edit image',
      description: 'Changes an image.',
      inputSchema: z.object({ image_data_base64: z.string(), prompt, size, output_path }),
    },
    async (input) => {
      const form = new FormData()
      form.append('prompt', input.prompt)
      form.append(
        'image',
        new Blob([Buffer.from(input.image_data_base64, 'base64')], { type: 'image/png' }),
        'image.png',
      )
      return await finish(await fetch(`${images}/edits`, { method: 'POST', body: form }), input.output_path)
    },
  )
  return server
}

const app = createMcpFastifyApp()
// Fastify's own default; the driver's idle connections must outlive the turns of the other servers.
app.server.keepAliveTimeout = 72_000
app.get('/health', async () => ({ status: 'ok' }))
app.post('/', { bodyLimit: 32 * 1024 * 1024 }, async (request, reply) => {
  const mcpServer = createServer()
  const transport = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: undefined })
  await mcpServer.connect(transport)
  reply.raw.on('close', () => {
    void transport.close()
    void mcpServer.close()
  })
  await transport.handleRequest(request.raw, reply.raw, request.body)
})
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
