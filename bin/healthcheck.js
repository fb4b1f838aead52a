// The container's HEALTHCHECK: exits 0 if GET /health succeeds on this machine, else 1 with the reason.
import { get } from 'node:http'

const setting = (name, fallback) => (process.env[name] ?? '').trim().replace(/^(["'])(.*)\1$/, '$2') || fallback

// Kubernetes may set it to tcp://…, for a service of that name; the server ignores that too.
const portOf = (name, fallback) => setting(name, '').replace(/^\w+:\/\/.*/, '') || fallback

// Clients cannot crowd out ADMIN_PORT.
const port = portOf('ADMIN_PORT', portOf('MCP_SERVER_PORT', '8000'))
const bound = setting('MCP_SERVER_HOST', '127.0.0.1')
// A server can listen on a wildcard address, but a client cannot connect to it.
const host = bound === '0.0.0.0' || bound === '::' ? '127.0.0.1' : bound

// Not fetch, which rejects some ports, such as 6000 and 10080. https://fetch.spec.whatwg.org/#port-blocking
get({ host, port, path: '/health', signal: AbortSignal.timeout(5_000) }, (response) => {
  if (response.statusCode !== 200) fail(`/health returned ${response.statusCode}`)
  response.resume()
}).on('error', (error) => fail(error.cause?.message ?? error.message))

function fail(reason) {
  process.stderr.write(`unhealthy: ${reason}\n`)
  process.exitCode = 1
}
