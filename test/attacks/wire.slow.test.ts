import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { listen } from '../support/app.ts'

/** Sends raw bytes and the end, and returns what comes back; the service then ends as well, whatever it makes of them. */
async function exchange(url: string, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')))
  socket.on('error', () => {})
  socket.end(bytes, 'latin1')
  await once(socket, 'close')
  return received
}

const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
/** A smuggled request that must not be recognized as one. */
const hidden = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

const smuggling: Record<string, string> = {
  'Content-Length beside Transfer-Encoding': `${head}Content-Length: ${ping.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'two lengths that differ': `${head}Content-Length: 5\r\nContent-Length: ${ping.length}\r\n\r\n${ping}${hidden}`,
  'a list of lengths': `${head}Content-Length: 5, ${ping.length}\r\n\r\n${ping}${hidden}`,
  'a signed length': `${head}Content-Length: +${ping.length}\r\n\r\n${ping}${hidden}`,
  'a length in hex': `${head}Content-Length: 0x10\r\n\r\n${ping}${hidden}`,
  'a negative length': `${head}Content-Length: -1\r\n\r\n${hidden}`,
  'an encoding that ends in something else': `${head}Transfer-Encoding: chunked, identity\r\n\r\n${chunk(ping)}0\r\n\r\n${hidden}`,
  'an encoding in disguise': `${head}Transfer-Encoding: xchunked\r\n\r\n${chunk(ping)}0\r\n\r\n${hidden}`,
  'a space before the colon': `${head}Transfer-Encoding : chunked\r\n\r\n${chunk(ping)}0\r\n\r\n${hidden}`,
  'a folded header': `${head}X-Fold: a\r\n b: c\r\nContent-Length: 0\r\n\r\n${hidden}`,
  'a bare line feed in the head': `POST / HTTP/1.1\nHost: localhost\n\n${hidden}`,
  'a NUL in a header': `${head}X-Nul: a\0b\r\nContent-Length: 0\r\n\r\n${hidden}`,
  'a chunk size that is none': `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n${ping}\r\n0\r\n\r\n${hidden}`,
  'a chunk longer than it says': `${head}Transfer-Encoding: chunked\r\n\r\n2\r\n${ping}\r\n0\r\n\r\n${hidden}`,
  'an encoding named twice': `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${chunk(ping)}0\r\n\r\n${hidden}`,
  'an encoding twice over': `${head}Transfer-Encoding: chunked, chunked\r\n\r\n${chunk(ping)}0\r\n\r\n${hidden}`,
  'an encoding behind a tab and a control character': `${head}Transfer-Encoding:\x0bchunked\r\n\r\n${chunk(ping)}0\r\n\r\n${hidden}`,
  'an encoding in quotes': `${head}Transfer-Encoding: "chunked"\r\n\r\n${chunk(ping)}0\r\n\r\n${hidden}`,
  'an encoding on a folded line': `${head}Transfer-Encoding:\r\n chunked\r\n\r\n${chunk(ping)}0\r\n\r\n${hidden}`,
  'an encoding before HTTP/1.1': `${head.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n${chunk(ping)}0\r\n\r\n${hidden}`,
  'a length with a blank inside': `${head}Content-Length: 1 0\r\n\r\n${ping}${hidden}`,
  'a length that is no number': `${head}Content-Length: abc\r\n\r\n${ping}${hidden}`,
  'a length beyond any number': `${head}Content-Length: 99999999999999999999\r\n\r\n${ping}${hidden}`,
  'a length twice, with a blank name between': `${head}Content-Length: 0\r\n: x\r\n\r\n${hidden}`,
  'a bare line feed after a header': `${head}X-A: b\nContent-Length: 0\r\n\r\n${hidden}`,
  'a bare carriage return in a header': `${head}X-A: b\rContent-Length: 0\r\n\r\n${hidden}`,
  'a chunk size that overflows': `${head}Transfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\n${ping}\r\n0\r\n\r\n${hidden}`,
  'a chunk size with a sign': `${head}Transfer-Encoding: chunked\r\n\r\n+5\r\n${ping}\r\n0\r\n\r\n${hidden}`,
  'a chunk that ends in a bare line feed': `${head}Transfer-Encoding: chunked\r\n\r\n${ping.length.toString(16)}\n${ping}\n0\n\n${hidden}`,
  'a chunk extension without an end': `${head}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\n${hidden}`,
  'a header name with a blank': `${head}X A: b\r\nContent-Length: 0\r\n\r\n${hidden}`,
  'no Host': `POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${ping.length}\r\n\r\n${ping}${hidden}`,
  'HTTP/2 by prior knowledge': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`,
  'a version that is none': `POST / HTTP/1.9\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n${hidden}`,
}

describe('a request that two servers would parse differently is rejected, and so is everything after it', () => {
  for (const [what, bytes] of Object.entries(smuggling)) {
    test(what, async (t: TestContext) => {
      const { url } = await listen(t)
      const response = await exchange(url, bytes)
      t.assert.doesNotMatch(response, /HTTP\/1\.1 200/)
      t.assert.equal(response.split('HTTP/1.1 ').length - 1 <= 1, true, response)
    })
  }
})

test('the head is limited in bytes and in headers', async (t: TestContext) => {
  const { url } = await listen(t)
  t.assert.match(await exchange(url, `${head}X-Long: ${'x'.repeat(20_000)}\r\n\r\n`), /^HTTP\/1\.1 431/)
  t.assert.match(
    await exchange(url, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
    /^HTTP\/1\.1 431/,
  )
})

test('two requests on one connection get two responses, in order', async (t: TestContext) => {
  const { url } = await listen(t)
  const one = (id: number) => {
    const body = ping.replace('1,', `${id},`)
    return `${head}Content-Length: ${body.length}\r\n\r\n${body}`
  }
  const response = await exchange(url, one(1) + one(2))
  t.assert.match(response, /"id":1,"result".*"id":2,"result"/s)
})

for (const [what, lines] of [
  ['two Hosts', 'Host: localhost\r\nHost: evil.example\r\n'],
  ['an untrusted Host', 'Host: evil.example\r\n'],
  ['a Host with a user', 'Host: localhost@evil.example\r\n'],
  ['a Host that begins like ours', 'Host: localhost.evil.example\r\n'],
  ['an untrusted Origin', 'Host: localhost\r\nOrigin: https://evil.example\r\n'],
  ['a Host with a trailing dot', 'Host: localhost.\r\n'],
  ['a Host with a path', 'Host: localhost/evil.example\r\n'],
  ['a Host with a port that is none', 'Host: localhost:80:evil.example\r\n'],
  ['an empty Host', 'Host: \r\n'],
  ['two Hosts in one', 'Host: localhost, evil.example\r\n'],
  ['a Host that ends like ours', 'Host: evillocalhost\r\n'],
  ['the network of the machine', 'Host: 192.168.1.5:8000\r\n'],
  ['the Origin null', 'Host: localhost\r\nOrigin: null\r\n'],
  ['an Origin in capitals', 'Host: localhost\r\nOrigin: HTTP://LOCALHOST\r\n'],
  ['an Origin with a user', 'Host: localhost\r\nOrigin: http://localhost@evil.example\r\n'],
  ['an Origin with a trailing dot', 'Host: localhost\r\nOrigin: http://localhost.\r\n'],
  ['an Origin with a path', 'Host: localhost\r\nOrigin: http://localhost/\r\n'],
  ['an Origin of a file', 'Host: localhost\r\nOrigin: file://localhost\r\n'],
  ['two Origins', 'Host: localhost\r\nOrigin: http://localhost\r\nOrigin: https://evil.example\r\n'],
  ['an empty Origin', 'Host: localhost\r\nOrigin: \r\n'],
  ['an Origin that begins like ours', 'Host: localhost\r\nOrigin: http://localhost.evil.example\r\n'],
] as const) {
  test(`${what} is rejected on a local bind`, async (t: TestContext) => {
    const { url } = await listen(t)
    const response = await exchange(
      url,
      `POST / HTTP/1.1\r\n${lines}Content-Type: application/json\r\nContent-Length: ${ping.length}\r\n\r\n${ping}`,
    )
    t.assert.match(response, /^HTTP\/1\.1 (400|403) /)
    t.assert.doesNotMatch(response, /"result"/)
  })
}
