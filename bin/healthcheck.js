// The container's HEALTHCHECK: exits 0 if the service on this machine answers GET /health, else 1 with the reason.
const setting = (name, fallback) => (process.env[name] ?? '').trim().replace(/^(["'])(.*)\1$/, '$2') || fallback

const port = setting('MCP_SERVER_PORT', '8000')
const bound = setting('MCP_SERVER_HOST', '127.0.0.1')
// A wildcard is where a server listens, not where a client connects.
const host = bound === '0.0.0.0' || bound === '::' ? '127.0.0.1' : bound.includes(':') ? `[${bound}]` : bound

try {
  const response = await fetch(`http://${host}:${port}/health`, { signal: AbortSignal.timeout(5_000) })
  if (!response.ok) throw new Error(`/health answered ${response.status}`)
} catch (error) {
  process.stderr.write(`unhealthy: ${error.cause?.message ?? error.message}\n`)
  process.exitCode = 1
}
