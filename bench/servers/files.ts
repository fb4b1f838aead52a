import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'

/** The floor for downloads: sends one file, in the chunks in which Node reads it. */

const file = process.env.FILE ?? ''
const { size } = statSync(file)

createServer({ keepAliveTimeout: 72_000 }, (request, response) => {
  if (request.url === '/health') return void response.end('{"status":"ok"}')
  response.writeHead(200, { 'content-type': 'image/png', 'content-length': size })
  createReadStream(file).pipe(response)
}).listen(Number(process.env.PORT), '127.0.0.1')
