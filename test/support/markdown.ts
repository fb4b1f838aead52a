import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Fenced examples of the documentation. */

const root = join(import.meta.dirname, '../..')

/** All documents, by path. */
export const documents: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

export const readDocument = (path: string): string => readFileSync(join(root, path), 'utf8')

export interface Example {
  document: string
  line: number
  /** `bash`, `json`, … of the fence. */
  language: string
  code: string
  /** The comment in the line above, without its dashes: `demo`, `not run: needs Trivy`. */
  mark: string | undefined
}

export function examplesOf(document: string): Example[] {
  const lines = readDocument(document).split('\n')
  const examples: Example[] = []
  for (let at = 0; at < lines.length; at += 1) {
    const [, indent = '', language] = /^( *)```(\w+)$/.exec(lines[at] ?? '') ?? []
    if (language === undefined) continue
    const end = lines.indexOf(`${indent}\`\`\``, at)
    if (end === -1) throw new Error(`${document}:${at + 1}: the fence is never closed`)
    const code = lines.slice(at + 1, end).map((line) => line.slice(indent.length))
    const mark = /<!-- (.+) -->/.exec(lines[at - 1] ?? '')?.[1]
    examples.push({ document, line: at + 1, language, code: `${code.join('\n')}\n`, mark })
    at = end
  }
  return examples
}

/** Whether an example calls Docker, and so needs an engine. */
export const isDockers = ({ code }: Example): boolean => /^\s*docker(-compose)? /m.test(code)
