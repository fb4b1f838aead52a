import { stripTypeScriptTypes } from 'node:module'

/** A regular expression in a source text: a literal, or the `pattern` of a schema. */
export interface FoundPattern {
  pattern: RegExp
  /** Its source text. */
  text: string
}

/** Words after which a slash begins a pattern; after any other it is a division. */
const operators = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'do',
  'else',
  'void',
  'delete',
  'throw',
  'yield',
  'await',
])
const blank = /\s+/y
const comment = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y
const word = /[\p{ID_Continue}$#]+/uy
const quoted = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y
const literal = /\/((?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([a-z]*)/y

/**
 * Reads a source token by token, so that no pattern is missed and no division is mistaken for one.
 * @throws {Error} for a pattern that is built at run time: `new RegExp`
 */
export function findPatterns(source: string): FoundPattern[] {
  const code = stripTypeScriptTypes(source)
  const found: FoundPattern[] = []
  const braces: ('code' | 'template')[] = []
  /** The last tokens, latest first. */
  let [last, before] = ['', '']
  let at = 0

  const take = (token: RegExp) => {
    token.lastIndex = at
    const match = token.exec(code)
    if (match !== null) at = token.lastIndex
    return match
  }
  const push = (token: string) => {
    before = last
    last = token
  }
  /** The text of a template up to its end or its next expression. */
  function skipTemplate(): void {
    for (; at < code.length; at++) {
      if (code[at] === '\\') at++
      else if (code[at] === '`') break
      else if (code.startsWith('${', at)) {
        braces.push('template')
        at++
        break
      }
    }
    push(code[at++] === '`' ? ')' : '{')
  }
  const beginsPattern = () => last === '' || operators.has(last) || !/^[\p{ID_Continue}$#)\]}'"]/u.test(last)

  while (at < code.length) {
    if (take(blank) ?? take(comment)) continue
    const name = take(word)?.[0]
    if (name !== undefined) {
      if (name === 'RegExp' && last === 'new')
        throw new Error(`a pattern is made at run time: ${code.slice(at - 20, at + 60)}`)
      push(name)
      continue
    }
    const text = take(quoted)?.[0]
    if (text !== undefined) {
      const isPattern = (last === ':' && before === 'pattern') || (last === '=' && /pattern$/i.test(before))
      if (isPattern) found.push({ pattern: new RegExp(unquote(text), 'u'), text })
      push("'")
      continue
    }
    if (code[at] === '/' && beginsPattern()) {
      const [all = '', pattern = '', flags = ''] = take(literal) ?? []
      if (all === '') throw new Error(`no pattern can be read at ${code.slice(at, at + 60)}`)
      found.push({ pattern: new RegExp(pattern, flags.replace(/[gy]/g, '')), text: all })
      push(')')
      continue
    }
    const sign = code[at++] ?? ''
    if (sign === '`') skipTemplate()
    else if (sign === '}' && braces.pop() === 'template') skipTemplate()
    else {
      if (sign === '{') braces.push('code')
      push(sign)
    }
  }
  return found
}

function unquote(text: string): string {
  const inner = text.slice(1, -1)
  return JSON.parse(`"${text.startsWith("'") ? inner.replaceAll("\\'", "'").replaceAll('"', '\\"') : inner}"`)
}
