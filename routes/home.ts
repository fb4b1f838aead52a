import type { FastifyInstance } from 'fastify'
import { INVALID_REQUEST } from '../services/mcp/protocol-error.ts'

/** `default-src 'none'` would forbid the style of the page. */
const styled = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], styleSrc: ["'unsafe-inline'"], frameAncestors: ["'none'"] },
  },
}

/** `GET /`: how to use the service, for people who open its address in a browser. */
export default async function home(fastify: FastifyInstance): Promise<void> {
  fastify.get('/', { onRequest: fastify.guardHost, helmet: styled }, async function showPage(request, reply) {
    // Clients of the 2024 HTTP+SSE transport would take the page for an event stream.
    if (request.headers.accept?.toLowerCase().includes('text/event-stream')) {
      const error = { code: INVALID_REQUEST, message: 'Send JSON-RPC with POST.' }
      return reply.code(405).header('allow', 'POST').send({ jsonrpc: '2.0', id: null, error })
    }
    const scheme = request.protocol === 'https' ? 'https' : 'http'
    return reply
      .type('text/html; charset=utf-8')
      .send(page(`${scheme}://${plainHost(request.host)}`, fastify.appVersion))
  })
}

/** The Host header is untrusted: only characters of host names and addresses may reach the markup. */
function plainHost(host: string): string {
  return host.replaceAll(/[^\w.:[\]-]/g, '') || 'localhost'
}

const page = (address: string, version: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>azure-image-editor-mcp</title>
<style>
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark }
  pre { background: #8882; padding: .8rem; overflow-x: auto; border-radius: .4rem }
</style>
<h1>azure-image-editor-mcp</h1>
<p>Generates and edits images with the image models of Azure AI Foundry, over <a href="https://modelcontextprotocol.io">MCP</a>
and plain JSON-RPC 2.0.</p>

<h2>Connect a client</h2>
<p>Add an MCP server of type HTTP with the address <code>${address}/mcp</code>. In VS Code, <code>.vscode/mcp.json</code>:</p>
<pre>{ "servers": { "azure-image-editor": { "type": "http", "url": "${address}/mcp" } } }</pre>
<p>If the service requires a key, send it as <code>Authorization: Bearer &lt;key&gt;</code> or <code>X-API-Key: &lt;key&gt;</code>.</p>

<h2>Call it with curl</h2>
<p>List the tools and their arguments:</p>
<pre>curl -X POST ${address}/ \\
  -H "Content-Type: application/json" \\
  -d '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'</pre>
<p>Generate an image; it is returned as base64 and saved in the server's images folder:</p>
<pre>curl -X POST ${address}/ \\
  -H "Content-Type: application/json" \\
  -d '{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"generate_image","arguments":{
        "prompt":"A beautiful sunset over mountains","output_path":"sunset.png"}}}'</pre>

<h2>Operate it</h2>
<p><a href="/health">/health</a> · <a href="/ready">/ready</a> · <a href="/metrics">/metrics</a></p>
<p>Version ${version}. The documentation is in the source tree: <code>README.md</code> and <code>docs/</code>.</p>
</html>
`
