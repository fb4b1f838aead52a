import { createHash, type Hash } from 'node:crypto'
import type { PendingCall } from '../mcp/method.ts'
import type { SentPictures } from '../mcp/sent-pictures.ts'

/** The same for the same caller, tool and arguments, in whatever order the arguments came. */
export function fingerprintOf({ caller, tool, args, pictures }: PendingCall): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([caller, tool]))
  addValue(hash, args, pictures)
  return hash.digest('hex')
}

/** Who owns a kept picture, without telling who that is. */
export function ownerOf(caller: string): string {
  return createHash('sha256').update(caller).digest('hex')
}

function addValue(hash: Hash, value: unknown, pictures: SentPictures): void {
  if (Array.isArray(value)) {
    hash.update('[')
    for (const item of value) addValue(hash, item, pictures)
    hash.update(']')
  } else if (typeof value === 'object' && value !== null) {
    hash.update('{')
    for (const [key, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(JSON.stringify(key))
      addValue(hash, member, pictures)
    }
    hash.update('}')
  } else if (typeof value === 'string') {
    addText(hash, value, pictures)
  } else {
    hash.update(`${JSON.stringify(value)},`)
  }
}

/** A picture of megabytes is hashed as it is; its length keeps it apart from what follows. */
function addText(hash: Hash, text: string, pictures: SentPictures): void {
  const picture = pictures.find(text)
  if (picture === undefined) hash.update(`"${text.length}:`).update(text)
  else hash.update(`'${picture.header.length},${picture.bytes.length}:`).update(picture.header).update(picture.bytes)
}
