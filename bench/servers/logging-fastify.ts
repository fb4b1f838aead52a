import Fastify from 'fastify'
import pino from 'pino'
import { Counter, Histogram, Registry } from 'prom-client'

/**
 * The floor for a server that is operated: Fastify with one buffered log line and four labelled series per request, and a
 * constant body.
 */

const body = process.env.RESPONSE ?? '{}'
const registers = [new Registry()]
const requests = new Counter({
  name: 'http_requests_total',
  help: 'Requests',
  labelNames: ['route', 'method', 'status'],
  registers,
})
const duration = new Histogram({
  name: 'http_request_duration_seconds',
  help: 'Duration',
  labelNames: ['route', 'method'],
  registers,
})
const messages = new Counter({
  name: 'rpc_requests_total',
  help: 'Messages',
  labelNames: ['method', 'outcome'],
  registers,
})
const bytes = new Counter({ name: 'sent_bytes_total', help: 'Bytes', labelNames: ['route'], registers })

const fastify = Fastify({
  loggerInstance: pino(pino.destination({ sync: false, minLength: 8_192 })),
  disableRequestLogging: true,
})
fastify.addHook('onResponse', function observe(request, reply, done) {
  const labels = { route: request.routeOptions.url ?? 'unmatched', method: request.method }
  requests.inc({ ...labels, status: reply.statusCode })
  duration.observe(labels, reply.elapsedTime / 1000)
  messages.inc({ method: 'tools/list', outcome: 'ok' })
  bytes.inc({ route: labels.route }, body.length)
  request.log.info({ ...labels, status: reply.statusCode, durationMs: reply.elapsedTime }, 'request finished')
  done()
})
fastify.get('/health', async (_request, reply) => reply.type('application/json').send('{"status":"ok"}'))
fastify.post('/', async (_request, reply) => reply.type('application/json; charset=utf-8').send(body))
await fastify.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
