import { readFileSync, writeFileSync } from 'node:fs'
import { GROUPS, type Group } from '../schemas/config-row.ts'
import type { Model, Price } from '../schemas/models.ts'
import { onRoute } from '../services/azure/dialects/index.ts'
import { modelTable } from '../services/azure/models/table.ts'
import { type VariableInfo, variables } from '../services/config/variables.ts'
import { errorTable } from '../services/errors/error-table.ts'
import { errorCodes, isBilled } from '../services/errors/errors.ts'
import { allowedArguments } from '../services/parameters/arguments.ts'
import { imageArguments } from '../services/parameters/table.ts'
import { createMetrics } from '../services/telemetry/metrics.ts'
import { chinese, english, type Language } from './docs-language.ts'
import { faultTableRows } from './faults/table.ts'
import { boards } from './grafana/boards.ts'
import { dashboardOf } from './grafana/dashboard.ts'
import { withInstallButtons } from './install-buttons.ts'
import { code, type Row } from './markdown-table.ts'
import { withTools } from './published-tools.ts'
import { serverJsonText } from './server-json.ts'

/**
 * Generates documentation from the code: `.env.example`, `server.json`, the tables between markers such as `<!-- variables -->` and
 * `<!-- /variables -->`, and the variables that `docker-compose.yml` passes through. Run by `npm run docs`; a test compares.
 */

const header = `# Configuration of azure-image-editor-mcp. Copy to .env and set the first three; the others are shown with their default or an example.
# A secret can be read from a file instead: set <NAME>_FILE to its path (Docker or Kubernetes secrets).
`

const groupTitles: Readonly<Record<Group, string>> = {
  azure: 'Azure',
  server: 'Server',
  auth: 'Authentication',
  limits: 'Limits',
  images: 'Images and results',
  library: 'Library',
  logging: 'Logging',
  tracing: 'Traces',
}

export function environmentExample(): string {
  const groups = GROUPS.map(
    (group) => `\n# ---- ${groupTitles[group]} ----\n${variablesOf(group).map(exampleOf).join('')}`,
  )
  return header + groups.join('')
}

const variablesOf = (group: Group) => variables.filter((variable) => variable.group === group)

function exampleOf({ name, description, required, example, default: value }: VariableInfo): string {
  const note = value === undefined ? '' : ` Default: ${value}`
  return `\n# ${description}.${note}\n${required ? '' : '# '}${name}=${required ? example : (value ?? example)}\n`
}

/** The documents with generated tables. */
export const documents: Readonly<Record<string, Language>> = {
  'README.md': english,
  'README.zh-CN.md': chinese,
  'docs/configuration.md': english,
  'docs/configuration.zh-CN.md': chinese,
  'docs/errors.md': english,
  'docs/errors.zh-CN.md': chinese,
  'docs/faults.md': english,
  'docs/faults.zh-CN.md': chinese,
  'docs/metrics.md': english,
  'docs/metrics.zh-CN.md': chinese,
  'docs/models.md': english,
  'docs/models.zh-CN.md': chinese,
}

/** The variables that most installations set, for the READMEs; docs/configuration.md has all. */
const mainVariables: ReadonlySet<string> = new Set([
  'AZURE_BASE_URL',
  'AZURE_API_KEY',
  'AZURE_DEPLOYMENT_NAME',
  'AZURE_MODEL',
  'MCP_SERVER_HOST',
  'MCP_SERVER_PORT',
  'ALLOWED_HOSTS',
  'MCP_API_KEYS',
  'IMAGES_PER_DAY',
  'IMAGES_DIR',
])

function mainVariableRows(language: Language): Row[] {
  return variables
    .filter(({ name }) => mainVariables.has(name))
    .map((variable) => [code(variable.name), ...variableCells(variable, language, 'docs/models.md')])
}

/** The name of the table of one subject: `variables-azure`. */
function variableTable(group: Group): string {
  return `variables-${group}`
}

function variableRows(group: Group): (language: Language) => Row[] {
  return (language) =>
    variablesOf(group).map((variable) => {
      const marks = `${variable.secret ? ' 🔑' : ''}${variable.usedBy === 'http' ? ' ¹' : ''}`
      return [code(variable.name) + marks, ...variableCells(variable, language, 'models.md')]
    })
}

function variableCells(variable: VariableInfo, language: Language, modelsPath: string): string[] {
  const { description, required, default: value, example } = variable
  const shown = value === undefined ? `– (${code(example)})` : code(value)
  const meaning = description.replace('docs/models.md', `[docs/models.md](${modelsPath})`)
  return [required ? language.required : shown, meaning]
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

/** Messages stay English, as clients read them. */
function errorRows({ families, yes, no, mayCostAgain }: Language): Row[] {
  return errorCodes.map((code) => {
    const { family, retryable, message } = errorTable[code]
    const retry = isBilled(code) ? mayCostAgain : retryable ? yes : no
    return [`\`${code}\``, families[family], retry, withEllipses(message)]
  })
}

/** A message with "…" for its arguments; some are texts, some lists. */
function withEllipses(message: (...args: never[]) => string): string {
  const format: (...args: unknown[]) => string = message as never
  for (const filler of ['…', ['…']]) {
    try {
      return format(...Array.from({ length: message.length }, () => filler))
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
    }
  }
  throw new Error(`no example can be made of ${message}`)
}

function priceRows(language: Language): Row[] {
  return modelTable.map(({ id, price, sources }) => [
    code(id),
    withCached(price?.textIn, price?.textInCached),
    inputPrice(price, language),
    outputPrice(price, language),
    price?.asOf ?? '–',
    (['price', 'tokens', 'retirement', 'capabilities'] as const)
      .flatMap((name) => {
        const source = sources[name]
        return source === undefined ? [] : [`[${language.sources[name]}](${source.url}) ${source.checked}`]
      })
      .join('<br>'),
  ])
}

const withCached = (rate: number | undefined, cached: number | undefined) =>
  rate === undefined ? '–' : `${rate}${cached === undefined ? '' : ` (${cached})`}`

function inputPrice(price: Price | undefined, { perMegapixel }: Language): string {
  if (price?.megapixelIn !== undefined) return `${price.megapixelIn} ${perMegapixel}`
  return withCached(price?.imageIn, price?.imageInCached)
}

function outputPrice(price: Price | undefined, { perImage, perMegapixel, firstMegapixel }: Language): string {
  if (price?.image !== undefined) return `${price.image} ${perImage}`
  if (price?.megapixelOut === undefined) return price?.imageOut === undefined ? '–' : String(price.imageOut)
  const first = price.firstMegapixelOut === undefined ? '' : `, ${firstMegapixel(price.firstMegapixelOut)}`
  return `${price.megapixelOut} ${perMegapixel}${first}`
}

function modelRows({ yes, no, ...words }: Language): Row[] {
  return modelTable.map((model) => [
    `\`${model.id}\``,
    model.dialects.map(code).join(', '),
    model.operations.includes('generate') ? yes : no,
    model.operations.includes('edit') ? editsOf(model, words) : no,
    argumentsOf(model),
    model.retires ?? '–',
  ])
}

function editsOf(
  { maxImages, mask, editSize }: Model,
  words: Pick<Language, 'images' | 'mask' | 'sizeOfImage'>,
): string {
  const facts = [words.images(maxImages), ...(mask ? [words.mask] : [])]
  return [...facts, ...(editSize.kind === 'none' ? [words.sizeOfImage] : [])].join(', ')
}

/** The arguments by dialect, or once if they are the same on all. */
function argumentsOf(model: Model): string {
  const byDialect = model.dialects.map((dialect) => {
    const capabilities = onRoute(model, dialect)
    const names = new Set(model.operations.flatMap((operation) => allowedArguments(operation, capabilities)))
    return (
      [...names]
        .filter((name) => name !== 'size' && !(name in imageArguments))
        .map(code)
        .join(', ') || '–'
    )
  })
  if (new Set(byDialect).size === 1) return byDialect[0] ?? '–'
  return model.dialects.map((dialect, index) => `${code(dialect)}: ${byDialect[index]}`).join('; ')
}

const tables: Readonly<Record<string, (language: Language) => Row[]>> = {
  variables: mainVariableRows,
  ...Object.fromEntries(GROUPS.map((group) => [variableTable(group), variableRows(group)])),
  metrics: metricRows,
  errors: errorRows,
  faults: faultTableRows,
  models: modelRows,
  prices: priceRows,
}

/** Tables whose last column is translated in the document. */
const translated: ReadonlySet<string> = new Set(['variables', 'metrics', ...GROUPS.map(variableTable)])

/** Replaces the rows between the markers; each table keeps its head. */
export function withTables(markdown: string, language: Language): string {
  return Object.entries(tables).reduce((text, [name, rowsOf]) => {
    const between = new RegExp(`(<!-- ${name} -->\\n\\|.*\\n\\|.*\\n)([\\s\\S]*?)(<!-- /${name} -->)`)
    return text.replace(between, (_all, head: string, old: string, end: string) => {
      const meanings = language.keepsMeanings && translated.has(name) ? meaningsIn(old) : new Map<string, string>()
      const lines = rowsOf(language).map((row) => `| ${withMeaning(row, meanings.get(row[0])).join(' | ')} |\n`)
      return head + lines.join('') + end
    })
  }, markdown)
}

/** The last column by the first. */
function meaningsIn(table: string): Map<string, string> {
  const rows = table.split('\n').map((line) => line.replace(/^\| | \|$/g, '').split(' | '))
  return new Map(rows.map((cells) => [cells[0] ?? '', cells.at(-1) ?? '']))
}

function withMeaning(row: Row, meaning: string | undefined): readonly string[] {
  return meaning === undefined ? row : [...row.slice(0, -1), meaning]
}

const handedThrough = /(# Passed through.*\n)(?: +- \w+\n)*/

/** Every variable that the compose file does not set itself, except the folders, which the image sets. */
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
  writeFileSync('server.json', serverJsonText())
  for (const board of boards) writeFileSync(`deploy/grafana/${board.name}.json`, dashboardOf(board))
  rewrite('docker-compose.yml', withHandedThroughVariables)
  for (const [path, language] of Object.entries(documents)) rewrite(path, (text) => withTables(text, language))
  for (const page of ['README.md', 'README.zh-CN.md', 'docs/clients.md', 'docs/clients.zh-CN.md'])
    rewrite(page, withInstallButtons)
  for (const readme of ['README.md', 'README.zh-CN.md'])
    writeFileSync(readme, await withTools(readFileSync(readme, 'utf8')))
}
