import { readFileSync, writeFileSync } from 'node:fs'
import { variables } from '../schemas/config.ts'

/**
 * Writes what is said of the variables from their schema: `.env.example` whole, the table between the markers
 * `<!-- variables -->` and `<!-- /variables -->` of the READMEs, and the list that `docker-compose.yml` hands through.
 * Run by `npm run docs`; a test compares.
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

const markers = /(<!-- variables -->\n)([\s\S]*?)(<!-- \/variables -->)/

/**
 * Replaces the table between the markers. Its first line stays (its language), and with `translated` so does what it
 * says of each variable; one that is new there gets the schema's words until somebody translates them.
 */
export function withVariablesTable(markdown: string, translated: boolean): string {
  return markdown.replace(markers, (_all, start: string, table: string, end: string) => {
    const [head = '', ...rows] = table.split('\n')
    const said = new Map(rows.map((line) => [/`(\w+)`/.exec(line)?.[1], line.split(' | ')[1]]))
    const lines = variables.map(({ name, description, required, default: value, example }) => {
      const meaning = (translated ? said.get(name) : undefined) ?? description
      return `| \`${name}\` | ${meaning} | ${required ? '**–**' : value === undefined ? `– (\`${example}\`)` : `\`${value}\``} |`
    })
    return `${start}${[head, '|---|---|---|', ...lines].join('\n')}\n${end}`
  })
}

const handedThrough = /(# Handed through.*\n)(?: +- \w+\n)*/

/** Every variable that the compose file does not set itself, except the folders, which the image fixes. */
export function withHandedThroughVariables(compose: string): string {
  const set = new Set([...compose.matchAll(/- (\w+)=/g)].map(([, name]) => name))
  const rest = variables.filter(({ name }) => !set.has(name) && name !== 'IMAGES_DIR' && name !== 'LOG_DIR')
  return compose.replace(handedThrough, (_all, comment: string) => {
    return comment + rest.map(({ name }) => `      - ${name}\n`).join('')
  })
}

if (import.meta.main) {
  writeFileSync('docker-compose.yml', withHandedThroughVariables(readFileSync('docker-compose.yml', 'utf8')))
  writeFileSync('.env.example', environmentExample())
  writeFileSync('README.md', withVariablesTable(readFileSync('README.md', 'utf8'), false))
  writeFileSync('README.zh-CN.md', withVariablesTable(readFileSync('README.zh-CN.md', 'utf8'), true))
}
