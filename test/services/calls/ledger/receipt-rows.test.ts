import { type TestContext, test } from 'node:test'
import { formatRow } from '../../../../services/calls/ledger/receipt-rows.ts'

/** The text that a cell has in a CSV file of one column. */
const cellOf = (text: string) => formatRow({ prompt: text }, 'csv', false).slice(0, -2)

/** The cells of a spreadsheet that splits at this separator and, as they do, reads quotes at the start of a cell only. */
function split(line: string, separator: string): string[] {
  return line.split(separator).map((each) => each.replace(/^[\s\u200b\ufeff"]+/u, ''))
}

test('no part of a text begins a formula, whatever separates cells and precedes it', (t: TestContext) => {
  for (const sign of '=+-@＝＋－＠') {
    for (const before of ['', ' ', '\t', '\r\n', '"', ' "', '\u200b', '\ufeff ', '\u00a0']) {
      for (const separator of [',', ';', '\t', '|', '\n', '\r']) {
        for (const text of [
          `${before}${sign}1`,
          `a${separator}${before}${sign}1`,
          `a"${separator}"${before}${sign}1`,
        ]) {
          const formulas = split(cellOf(text), separator).filter((each) => /^[=+\-@＝＋－＠]/u.test(each))
          t.assert.deepStrictEqual(formulas, [], JSON.stringify(text))
        }
      }
    }
  }
})

test('a caller, a rule and every other text of a receipt is written the same way, and numbers stay numbers', (t: TestContext) => {
  const row = { caller: 'key:ann', rules: ['=1', 'b'], time: '2026-11-27T00:00:00.000Z', cost_usd: -1, none: undefined }
  t.assert.strictEqual(formatRow(row, 'csv', false), "key:ann,'=1 b,2026-11-27T00:00:00.000Z,-1,\r\n")
})

test('ordinary text stays as it is, and a long one of separators takes no time', (t: TestContext) => {
  for (const text of ['a red-haired fox', 'x=1', 'a@b.example', '日本 = x']) t.assert.strictEqual(cellOf(text), text)
  t.assert.strictEqual(cellOf('a, b'), '"a, b"')
  const startedAt = performance.now()
  cellOf('\t'.repeat(1_000_000))
  t.assert.ok(performance.now() - startedAt < 5_000)
})
