import { readFileSync, writeFileSync } from 'node:fs'
import { variables } from '../schemas/config.ts'

/**
 * Writes what is said of the variables from their schema: `.env.example` whole, and the table between the markers
 * `<!-- variables -->` and `<!-- /variables -->` of the READMEs. Run by `npm run docs`; a test compares.
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

export function variablesTable(head: string): string {
  const rows = variables.map(
    ({ name, description, required, default: value, example }) =>
      `| \`${name}\` | ${description} | ${required ? '**required**' : value === undefined ? `– (\`${example}\`)` : `\`${value}\``} |`,
  )
  return [head, '|---|---|---|', ...rows].join('\n')
}

const markers = /(<!-- variables -->\n)(\|.*\n)?[\s\S]*?(<!-- \/variables -->)/

/** Replaces the table, keeping its own head (its language). */
export function withVariablesTable(markdown: string): string {
  return markdown.replace(markers, (_all, start: string, head = '| Variable | What | Default |\n', end: string) => {
    return `${start}${variablesTable(head.trimEnd())}\n${end}`
  })
}

if (import.meta.main) {
  writeFileSync('.env.example', environmentExample())
  for (const readme of ['README.md', 'README.zh-CN.md']) {
    writeFileSync(readme, withVariablesTable(readFileSync(readme, 'utf8')))
  }
}
