import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'

/** One image to generate or edit. */
export interface Item {
  /** Number of its line, from 1. */
  line: number
  /** The same for the same line of the same file content, so that a repeated run recognizes it. */
  key: string
  tool: 'generate_image' | 'edit_image'
  args: Readonly<Record<string, unknown>>
  /** Name of the image file in the output folder, without its extension. */
  name: string
}

/** What is wrong with the file of prompts; the message is for the person at the terminal. */
export class PromptsError extends Error {
  override name = 'PromptsError'
}

/** Arguments that make a line an edit. */
const EDIT_ARGUMENTS = ['image', 'image_data_base64', 'image_path'] as const
const MAX_LINE_CHARACTERS = 1_048_576
const MAX_ITEMS = 100_000
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,99}$/u

/**
 * Reads a file with a JSON object or a JSON string on each line. A string is a prompt; an object has the arguments of
 * `generate_image` or, if it names an image, of `edit_image`, and may have a `name` for its file. Blank lines are skipped.
 * @throws PromptsError with the first ten mistakes
 */
export async function readPrompts(path: string): Promise<Item[]> {
  const file = await open(path).catch(() => {
    throw new PromptsError(`${path} cannot be opened.`)
  })
  const items: Item[] = []
  const mistakes: string[] = []
  const copies = new Map<string, number>()
  const names = new Map<string, number>()
  let line = 0
  for await (const text of file.readLines()) {
    line++
    if (text.trim() === '') continue
    const parsed = parseLine(text)
    if (typeof parsed === 'string') mistakes.push(`line ${line}: ${parsed}`)
    else {
      const copy = (copies.get(text) ?? 0) + 1
      copies.set(text, copy)
      const { name = String(line).padStart(4, '0'), ...rest } = parsed
      const taken = names.get(name.toLowerCase())
      if (taken !== undefined) mistakes.push(`line ${line}: has the same name as line ${taken}`)
      names.set(name.toLowerCase(), line)
      items.push({ line, key: keyOf(text, copy), name, ...rest })
    }
    if (mistakes.length >= 10 || items.length > MAX_ITEMS) break
  }
  if (items.length > MAX_ITEMS) mistakes.push(`has more than ${MAX_ITEMS} lines`)
  if (mistakes.length > 0) throw new PromptsError(`${path} is not valid:\n${mistakes.join('\n')}`)
  if (items.length === 0) throw new PromptsError(`${path} has no prompts.`)
  return items
}

/** The item, or what is wrong with it. */
function parseLine(text: string): (Pick<Item, 'tool' | 'args'> & { name?: string }) | string {
  if (text.length > MAX_LINE_CHARACTERS) return `is longer than ${MAX_LINE_CHARACTERS} characters`
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'is not JSON: write one object or one string in quotes on each line'
  }
  if (typeof value === 'string') value = { prompt: value }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be an object or a string'
  const { name, ...args }: Record<string, unknown> = { ...value }
  if (typeof args.prompt !== 'string' || args.prompt.trim() === '') return '"prompt" is missing'
  const reserved = ['job', 'return', 'idempotency_key'].find((each) => Object.hasOwn(args, each))
  if (reserved !== undefined) return `"${reserved}" is set by the batch itself`
  if (name !== undefined && !(typeof name === 'string' && NAME.test(name))) {
    return '"name" must be 1 to 100 letters, digits, spaces, dots, dashes or underscores'
  }
  const isEdit = EDIT_ARGUMENTS.some((each) => Object.hasOwn(args, each))
  return { tool: isEdit ? 'edit_image' : 'generate_image', args, ...(name === undefined ? {} : { name }) }
}

/** Also the idempotency key of its call: a line is paid for once, however often the batch is started. */
function keyOf(text: string, copy: number): string {
  return `batch-${createHash('sha256').update(`${copy}\n${text}`).digest('hex').slice(0, 40)}`
}
