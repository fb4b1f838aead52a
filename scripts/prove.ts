import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

/**
 * `npm run prove -- NAME [--share 0.1]`: runs a proof of `test/proofs/`, which drives the real service with far more than
 * a test can, prints its figures and fails if they are worse than it promises. `--share` runs a part of it.
 */

export interface ProofOptions {
  /** Part of the whole work, above 0 to 1. */
  share: number
  say(line: string): void
}

/** What a file of `test/proofs/` exports; resolves to whether the promise holds. */
export type Proof = (options: ProofOptions) => Promise<boolean>

const folder = join(import.meta.dirname, '../test/proofs')
const names = readdirSync(folder)
  .filter((name) => name.endsWith('.proof.ts'))
  .map((name) => name.slice(0, -'.proof.ts'.length))

const { values, positionals } = parseArgs({
  options: { share: { type: 'string', default: '1' } },
  allowPositionals: true,
})
const [name = ''] = positionals
const share = Number(values.share)
if (!names.includes(name) || !(share > 0 && share <= 1)) {
  process.stderr.write(`Usage: npm run prove -- NAME [--share 0.1]\n\nNAME is one of: ${names.join(', ')}\n`)
  process.exit(2)
}

const { prove }: { prove: Proof } = await import(join(folder, `${name}.proof.ts`))
const holds = await prove({ share, say: (line) => process.stdout.write(`${line}\n`) })
process.stdout.write(holds ? 'The proof holds.\n' : 'THE PROOF FAILS.\n')
process.exitCode = holds ? 0 : 1
