import { Agent, createServer, request as send } from 'node:http'

/** The floor for images: forwards requests to Azure and its responses to the client, unread. */

const agent = new Agent({ keepAlive: true })
const azure = new URL(process.env.AZURE_BASE_URL ?? '')

createServer({ keepAliveTimeout: 72_000 }, (request, response) => {
  if (request.url === '/health') return void response.end('{"status":"ok"}')
  const headers = {
    'content-type': request.headers['content-type'],
    'content-length': request.headers['content-length'],
  }
  const exchange = send(azure, { agent, method: 'POST', headers }, (upstream) => {
    response.writeHead(upstream.statusCode ?? 502, upstream.headers)
    upstream.pipe(response)
  })
  request.pipe(exchange)
}).listen(Number(process.env.PORT), '127.0.0.1')
