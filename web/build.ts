import { globSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build, type Plugin } from 'rolldown'
import * as studioSchemas from '../schemas/studio.ts'

/** Builds the studio: one HTML file with its script and style in it, which loads nothing. */

const root = join(import.meta.dirname, '..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** Of schemas: limits that the studio does not check. */
const unchecked = new Set([
  'additionalProperties',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
])

/**
 * Replaces `schemas/studio.ts` by the JSON of what it exports, because TypeBox is 71 KB. Functions are not in it: importing one
 * fails the build.
 */
const plainSchemas: Plugin = {
  name: 'plain-schemas',
  load: {
    filter: { id: /\/schemas\/studio\.ts$/ },
    handler: sharedJson,
  },
}

/** Parts of many schemas. */
const common = {
  text: { type: 'string' },
  integer: { type: 'integer' },
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  texts: { type: 'array', items: { type: 'string' } },
}

/** Schemas that contain other exported ones, or common ones, name them. */
function sharedJson(): string {
  const exported = Object.entries({ ...common, ...studioSchemas })
    .filter(([, value]) => typeof value !== 'function')
    .map(([name, value]) => ({ name, json: JSON.stringify(value, withoutLimits) }))
    .sort((one, other) => one.json.length - other.json.length)
  return exported
    .map(({ name, json }, at) => {
      const smaller = exported.slice(0, at).reverse()
      return `export const ${name} = ${smaller.reduce((text, each) => text.replaceAll(each.json, each.name), json)}`
    })
    .join('\n')
}

const withoutLimits = (name: string, value: unknown): unknown =>
  unchecked.has(name) && typeof value !== 'object' ? undefined : value

/**
 * The whole page: UTF-8, with exactly one `<style>` and one `<script>`, whose text is between their tags, for the hashes of a
 * Content-Security-Policy. About 0.2 s; the same sources give the same bytes.
 */
export async function buildStudio(): Promise<string> {
  const { version } = JSON.parse(read('package.json'))
  const { output } = await build({
    cwd: root,
    input: './web/main.tsx',
    write: false,
    platform: 'browser',
    plugins: [plainSchemas],
    tsconfig: false,
    transform: {
      // The classic form is 5 KB smaller than the one that `web/tsconfig.json` checks, and means the same.
      jsx: { runtime: 'classic', pragma: 'h', pragmaFrag: 'Fragment' },
      inject: { h: ['preact', 'h'], Fragment: ['preact', 'Fragment'] },
      define: { STUDIO_VERSION: JSON.stringify(version) },
    },
    output: { format: 'iife', minify: true, comments: false },
  })
  const sheets = ['web/style.css', ...globSync('web/{parts,screens,editor}/*.css', { cwd: root }).sort()]
  return read('web/studio.html')
    .replace('/* style */', () => smaller(sheets.map(read).join('\n')))
    .replace('/* script */', () => escaped(output[0].code.trim()))
}

/** Without comments and spaces that mean nothing. No string of our style sheets contains any of these. */
const smaller = (css: string): string =>
  css
    .replace(/\/\*[^*]*\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,]) ?/g, '$1')
    .replace(/: /g, ':')
    .replaceAll(';}', '}')
    .trim()

/** The parser of HTML ends a script at its end tag, also inside a string: https://html.spec.whatwg.org/#restrictions-for-contents-of-script-elements */
const escaped = (script: string): string => script.replace(/<(?=\/script|!--|script)/gi, '\\x3C')

if (import.meta.main) {
  await mkdir(join(root, 'dist'), { recursive: true })
  await writeFile(join(root, 'dist/studio.html'), await buildStudio())
}
