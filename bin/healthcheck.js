// The container's HEALTHCHECK: exits 0 if GET /health succeeds on this machine, else 1 with the reason.
const setting = (name, fallback) => (process.env[name] ?? '').trim().replace(/^(["'])(.*)\1$/, '$2') || fallback

// Clients cannot crowd out ADMIN_PORT.
const port = setting('ADMIN_PORT', setting('MCP_SERVER_PORT', '8000'))
const bound = setting('MCP_SERVER_HOST', '127.0.0.1')
// A server can listen on a wildcard address, but a client cannot connect to it.
const host = bound === '0.0.0.0' || bound === '::' ? '127.0.0.1' : bound.includes(':') ? `[${bound}]` : bound

try {
  const response = await fetch(`http://${host}:${port}/health`, { signal: AbortSignal.timeout(5_000) })
  if (!response.ok) throw new Error(`/health returned ${response.status}`)
} catch (error) {
  process.stderr.write(`unhealthy: ${error.cause?.message ?? error.message}\n`)
  process.exitCode = 1
}
