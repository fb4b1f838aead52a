import { once } from 'node:events'
import { connect } from 'node:net'

/**
 * A program: `node closing-client.ts URL CALLS BODY`. Posts a body several times, each on its own connection, which it closes
 * as soon as it has the event with the response, as the official Python SDK does. Prints a line with the texts of each.
 */

const [url = '', calls = '1', body = ''] = process.argv.slice(2)
const { hostname, port, host } = new URL(url)

const head = [
  'POST /mcp HTTP/1.1',
  `host: ${host}`,
  'content-type: application/json',
  'accept: application/json, text/event-stream',
  `content-length: ${Buffer.byteLength(body)}`,
]

for (let call = 0; call < Number(calls); call++) {
  const socket = connect({ host: hostname, port: Number(port) }).on('error', () => {})
  const closed = once(socket, 'close')
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
    if (text.includes('"id":1') && text.slice(text.indexOf('"id":1')).includes('\n\n')) socket.destroy()
  })
  await closed
  process.stdout.write(`${[...text.matchAll(/"text":"([^"]*)"/g)].map(([, one]) => one).join(' ')}\n`)
}
