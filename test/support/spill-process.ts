import { createBufferSpool } from '../../services/bytes/spooled-buffer.ts'

/** Spools 3,000,000 bytes to the given folder, reads them back and prints the outcome. */
const spool = createBufferSpool({ maxBytes: 100_000, spillFolders: [process.argv[2] ?? ''] })
const writer = spool.open()
for (let written = 0; written < 30; written++) await writer.write(Buffer.alloc(100_000, written))
const text = await writer.end()
const chunks: Buffer[] = []
for await (const chunk of text.chunks()) chunks.push(chunk)
const whole = Buffer.concat(chunks)
const isWhole = whole.length === 3_000_000 && whole.every((byte, at) => byte === Math.floor(at / 100_000))
const { used, spilled } = spool
await text[Symbol.asyncDispose]()
process.stdout.write(JSON.stringify({ isWhole, used, spilled, usedAfter: spool.used }))
