import { createHash, type Hash } from 'node:crypto'

/** The same for the same caller, tool and arguments, in whatever order the arguments came. */
export function fingerprintOf(caller: string, tool: string, args: unknown): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([caller, tool]))
  addValue(hash, args)
  return hash.digest('hex')
}

/** Who owns a kept picture, without telling who that is. */
export function ownerOf(caller: string): string {
  return createHash('sha256').update(caller).digest('hex')
}

function addValue(hash: Hash, value: unknown): void {
  if (Array.isArray(value)) {
    hash.update('[')
    for (const item of value) addValue(hash, item)
    hash.update(']')
  } else if (typeof value === 'object' && value !== null) {
    hash.update('{')
    for (const [key, member] of Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(JSON.stringify(key))
      addValue(hash, member)
    }
    hash.update('}')
  } else if (typeof value === 'string') {
    // A picture of megabytes is hashed as it is; its length keeps it apart from what follows.
    hash.update(`"${value.length}:`).update(value)
  } else {
    hash.update(`${JSON.stringify(value)},`)
  }
}
