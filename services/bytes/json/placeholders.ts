import { randomUUID } from 'node:crypto'

/**
 * Strings that stand for blobs while the JSON around them goes through `JSON.parse` or `JSON.stringify`. They begin with
 * a random UUID and never leave the call that made them, so that no text of a client can be one.
 */
export class Placeholders<T> {
  #prefix: string | undefined
  readonly #blobs = new Map<string, T>()

  get size(): number {
    return this.#blobs.size
  }

  add(blob: T): string {
    this.#prefix ??= randomUUID()
    const name = `${this.#prefix}:${this.#blobs.size}`
    this.#blobs.set(name, blob)
    return name
  }

  find(text: string): T | undefined {
    return this.#blobs.get(text)
  }

  /** In the order in which they were added. */
  entries(): Iterable<[name: string, blob: T]> {
    return this.#blobs.entries()
  }

  values(): Iterable<T> {
    return this.#blobs.values()
  }
}

/**
 * Calls back for every member of every object and array in `root`, which may change it; `root`'s own have depth 1.
 * @param visit returns `false` where the value that it was called with is not to be entered
 */
export function forEachMember(
  root: object,
  visit: (parent: object, key: string, value: unknown, depth: number) => boolean,
): void {
  // Not recursive: the depth of Azure's JSON is not bounded, the stack is.
  const open: [parent: object, depth: number][] = [[root, 1]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [parent, depth] = next
    for (const key of Object.keys(parent)) {
      const value: unknown = Reflect.get(parent, key)
      const isEntered = visit(parent, key, value, depth)
      if (isEntered && typeof value === 'object' && value !== null) open.push([value, depth + 1])
    }
  }
}
