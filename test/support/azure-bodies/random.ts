/** A generator of numbers whose sequence is fixed by its seed, so that a case can be made again. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 to below 1, by mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** From 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, order: this.next() }))
      .sort((a, b) => a.order - b.order)
      .map(({ item }) => item)
  }
}

/** Stands in every text of Azure's; no message to a client and no log may contain it. */
export const CANARY = 'Canary7'

/** A value that mutations must not replace or drop; what is inside it may still change. */
export class Fixed {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}
export const fix = (value: unknown) => new Fixed(value)

const strangeNames = [
  ...['url', 'image', 'thumbnail', 'revised_prompt', 'content_filter_results', 'prompt_filter_results', 'x', 'seed'],
  ...[
    'finish_reason',
    'warnings',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'id',
    'object',
    'details2',
  ],
]

/** Null most often, then every other type; nothing that means an image, a link or a verdict. */
function junk(random: Random, depth = 0): unknown {
  const plain = [
    null,
    null,
    null,
    true,
    false,
    0,
    -1,
    1e300,
    1.5,
    '',
    'null',
    CANARY,
    '日"\\\n',
    [],
    {},
    [null],
    [[[]]],
  ]
  if (depth < 2 && random.chance(0.2)) {
    return random.chance(0.5)
      ? [junk(random, depth + 1), junk(random, depth + 1)]
      : { [random.pick(strangeNames)]: junk(random, depth + 1) }
  }
  return random.chance(0.03) ? `${CANARY} `.repeat(2_000) : random.pick(plain)
}

/** An object in a fixed order of members, in which `__proto__` is an ordinary one. */
type Members = Map<string, unknown>

/** The value with members replaced, dropped, added and in another order, and list entries added. */
export function mutate(value: unknown, random: Random): unknown {
  if (value instanceof Fixed) return mutate(value.value, random)
  if (Array.isArray(value)) {
    const entries = value.map((entry) => (entry instanceof Fixed || random.chance(0.8) ? mutate(entry, random) : null))
    return random.chance(0.2) ? entries.toSpliced(random.below(entries.length + 1), 0, junk(random)) : entries
  }
  if (typeof value !== 'object' || value === null) return value
  const own = Object.entries(value).flatMap(([name, member]): [string, unknown][] => {
    const fate = member instanceof Fixed ? 1 : random.next()
    if (fate < 0.12) return []
    return [[name, fate < 0.32 ? junk(random) : mutate(member, random)]]
  })
  const names = new Set(Object.keys(value))
  const strangers = random
    .shuffled(strangeNames)
    .slice(0, random.below(4))
    .filter((name) => !names.has(name))
    .map((name): [string, unknown] => [name, junk(random)])
  return new Map(random.shuffled([...own, ...strangers])) satisfies Members
}

/** JSON as some serializer may write it: with blanks, and with characters escaped that need not be. */
export function toJson(value: unknown, random: Random): string {
  const blank = random.pick(['', '', ' ', '\n  ', '\t'])
  const mustEscape = random.chance(0.2)
  const text = (content: unknown) => {
    const json = JSON.stringify(content) ?? 'null'
    return mustEscape && typeof content === 'string' ? json.replaceAll('/', '\\/').replaceAll('+', '\\u002b') : json
  }
  function write(each: unknown): string {
    if (each instanceof Fixed) return write(each.value)
    if (Array.isArray(each)) return `[${blank}${each.map(write).join(`,${blank}`)}${blank}]`
    if (typeof each !== 'object' || each === null) return text(each)
    const entries = each instanceof Map ? [...each] : Object.entries(each)
    const members = entries.map(([name, member]) => `${JSON.stringify(name)}:${blank}${write(member)}`)
    return `{${blank}${members.join(`,${blank}`)}${blank}}`
  }
  return write(value)
}

/** The bytes in chunks cut anywhere, some of them of one byte. */
export function cut(bytes: Buffer, random: Random): Buffer[] {
  const places = Array.from({ length: random.below(9) }, () => random.below(bytes.length + 1))
  const start = random.below(bytes.length + 1)
  const single = random.chance(0.3) ? Array.from({ length: 12 }, (_none, index) => start + index) : []
  const cuts = [...places, ...single].filter((place) => place <= bytes.length).sort((a, b) => a - b)
  const ends = [...cuts, bytes.length]
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}
