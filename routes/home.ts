import type { FastifyInstance } from 'fastify'
import { INVALID_REQUEST } from '../services/mcp/protocol-error.ts'

const styled = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], styleSrc: ["'unsafe-inline'"], frameAncestors: ["'none'"] },
  },
}

/** `GET /` for people who open the address in a browser. */
export default async function home(fastify: FastifyInstance): Promise<void> {
  fastify.get('/', { onRequest: fastify.guardHost, helmet: styled }, async function showPage(request, reply) {
    // A client that probes for the old event stream would take the page for one.
    if (request.headers.accept?.toLowerCase().includes('text/event-stream')) {
      const error = { code: INVALID_REQUEST, message: 'Send JSON-RPC with POST.' }
      return reply.code(405).header('allow', 'POST').send({ jsonrpc: '2.0', id: null, error })
    }
    return reply
      .type('text/html; charset=utf-8')
      .send(page(fastify.appVersion, `${request.protocol === 'https' ? 'https' : 'http'}://${plainHost(request.host)}`))
  })
}

/** Whoever asks says the host, and a proxy the protocol; it goes back to nobody else, but not as markup. */
function plainHost(host: string): string {
  return host.replaceAll(/[^\w.:[\]-]/g, '') || 'localhost'
}

const page = (version: string, address: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Azure Image Editor MCP</title>
<style>
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color-scheme: light dark }
  pre { background: #8882; padding: .8rem; overflow-x: auto; border-radius: .4rem }
</style>
<h1>Azure Image Editor MCP</h1>
<p>This service makes and edits images with the image models of Azure AI Foundry. It speaks
<a href="https://modelcontextprotocol.io">MCP</a> and plain JSON-RPC 2.0: <code>POST /</code>, also at <code>POST /mcp</code>.</p>
<h2>Connect a client</h2>
<p>Give VS Code, Claude, Cursor or any other MCP client the address <code>${address}/mcp</code>, transport “HTTP”.</p>
<h2>Try it</h2>
<pre>curl -X POST ${address}/ \\
  -H "Content-Type: application/json" \\
  -d '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'</pre>
<p><a href="/health">health</a> · <a href="/ready">readiness</a> · <a href="/metrics">metrics</a> · version ${version} ·
<a href="https://www.npmjs.com/package/azure-image-editor-mcp">documentation</a></p>
</html>
`
