import { readFileSync, writeFileSync } from 'node:fs'
import { variables } from '../services/config/variables.ts'
import { type ErrorFamily, errorTable } from '../services/errors/errors.ts'
import { createMetrics } from '../services/telemetry/metrics.ts'
import { withTools } from './published-tools.ts'

/**
 * Writes what the documentation says of variables, metrics and errors from the code that defines them: `.env.example`
 * whole, tables between markers such as `<!-- variables -->` and `<!-- /variables -->` in the READMEs, and the list that
 * `docker-compose.yml` hands through. Run by `npm run docs`; a test compares.
 */

const header = `# Configuration of azure-image-editor-mcp. Copy to .env and fill in the first three; the rest shows its default or an example.
# A secret may come from a file instead: set <NAME>_FILE to its path (Docker or Kubernetes secrets).
`

export function environmentExample(): string {
  const blocks = variables.map(({ name, description, required, example, default: value }) => {
    const note = value === undefined ? '' : ` Default: ${value}`
    return `\n# ${description}.${note}\n${required ? '' : '# '}${name}=${required ? example : (value ?? example)}\n`
  })
  return header + blocks.join('')
}

/** Words of one language. */
interface Language {
  required: string
  yes: string
  no: string
  /** Who can mend an error, by its family. */
  families: Readonly<Record<ErrorFamily, string>>
  /** Whether meanings are translated in the README itself; a row that is new there starts with the English words. */
  keepsMeanings: boolean
}

/** The READMEs and the language of each. */
export const readmes: Readonly<Record<string, Language>> = {
  'README.md': {
    required: '**required**',
    yes: 'yes',
    no: 'no',
    families: { input: 'the caller', upstream: 'Azure or the operator', service: 'the operator' },
    keepsMeanings: false,
  },
  'README.zh-CN.md': {
    required: '**必需**',
    yes: '是',
    no: '否',
    families: { input: '调用者', upstream: 'Azure 或运维人员', service: '运维人员' },
    keepsMeanings: true,
  },
}

/** Cells of one row; the first names it, the last says what it means. */
type Row = readonly [string, ...string[]]

function variableRows({ required }: Language): Row[] {
  return variables.map(({ name, description, required: isRequired, default: value, example }) => {
    const shown = value === undefined ? `– (\`${example}\`)` : `\`${value}\``
    return [`\`${name}\``, isRequired ? required : shown, description]
  })
}

function metricRows(): Row[] {
  const own = createMetrics('')
    .registry.getMetricsAsArray()
    .filter(({ name }) => name.startsWith('image_mcp_'))
  return own.map((series) => {
    const labels: string[] = 'labelNames' in series && Array.isArray(series.labelNames) ? series.labelNames : []
    return [`\`${series.name}\``, labels.map((label) => `\`${label}\``).join(' '), series.help]
  })
}

/** Sentences stay English, since that is what a caller reads. */
function errorRows({ families, yes, no }: Language): Row[] {
  return Object.entries(errorTable).map(([code, { family, retryable, sentence }]) => [
    `\`${code}\``,
    families[family],
    retryable ? yes : no,
    withEllipses(sentence),
  ])
}

/** A sentence with "…" where it has something to fill in; some fill in a text, some a list. */
function withEllipses(sentence: (...args: never[]) => string): string {
  const say: (...args: unknown[]) => string = sentence as never
  for (const filler of ['…', ['…']]) {
    try {
      return say(...Array.from({ length: sentence.length }, () => filler))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
  throw new Error(`no example can be made of ${sentence}`)
}

const tables: Readonly<Record<string, (language: Language) => Row[]>> = {
  variables: variableRows,
  metrics: metricRows,
  errors: errorRows,
}

/** Replaces the tables between the markers, each keeping its own head. */
export function withTables(markdown: string, language: Language): string {
  return Object.entries(tables).reduce((text, [name, rowsOf]) => {
    const between = new RegExp(`(<!-- ${name} -->\\n\\|.*\\n\\|.*\\n)([\\s\\S]*?)(<!-- /${name} -->)`)
    return text.replace(between, (_all, head: string, old: string, end: string) => {
      const meanings = language.keepsMeanings && name !== 'errors' ? meaningsIn(old) : new Map<string, string>()
      const lines = rowsOf(language).map((row) => `| ${withMeaning(row, meanings.get(row[0])).join(' | ')} |\n`)
      return head + lines.join('') + end
    })
  }, markdown)
}

/** What the last column says of each row. */
function meaningsIn(table: string): Map<string, string> {
  const rows = table.split('\n').map((line) => line.replace(/^\| | \|$/g, '').split(' | '))
  return new Map(rows.map((cells) => [cells[0] ?? '', cells.at(-1) ?? '']))
}

function withMeaning(row: Row, meaning: string | undefined): readonly string[] {
  return meaning === undefined ? row : [...row.slice(0, -1), meaning]
}

const handedThrough = /(# Passed through.*\n)(?: +- \w+\n)*/

/** Every variable that the compose file does not set itself, except the folders, which the image fixes. */
export function withHandedThroughVariables(compose: string): string {
  const set = new Set([...compose.matchAll(/- (\w+)=/g)].map(([, name]) => name))
  const names = variables.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name]))
  const rest = names.filter((name) => !set.has(name) && name !== 'IMAGES_DIR' && name !== 'LOG_DIR')
  return compose.replace(handedThrough, (_all, comment: string) => {
    return comment + rest.map((name) => `      - ${name}\n`).join('')
  })
}

function rewrite(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')))
}

if (import.meta.main) {
  writeFileSync('.env.example', environmentExample())
  rewrite('docker-compose.yml', withHandedThroughVariables)
  for (const [readme, language] of Object.entries(readmes)) rewrite(readme, (text) => withTables(text, language))
  for (const readme of Object.keys(readmes)) writeFileSync(readme, await withTools(readFileSync(readme, 'utf8')))
}
