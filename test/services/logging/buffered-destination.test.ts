import { type TestContext, test } from 'node:test'
import { createLogLines } from '../../../services/logging/buffered-destination.ts'

function collect() {
  const texts: string[] = []
  return { texts, write: (text: string) => texts.push(text) }
}

test('writes a line at once where lines need not wait', (t: TestContext) => {
  const lines = createLogLines({ delayMs: 0 })
  const destination = collect()
  lines.add(destination)
  lines.write('one\n')
  lines.write('two\n')
  t.assert.deepEqual(destination.texts, ['one\n', 'two\n'])
})

test('writes the lines of a while together, in their order, to every destination', (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const lines = createLogLines({ delayMs: 50 })
  const [one, two] = [collect(), collect()]
  lines.add(one)
  lines.add(two)
  lines.write('a\n')
  lines.write('b\n')
  t.assert.deepEqual(one.texts, [])
  t.mock.timers.tick(50)
  t.assert.deepEqual(one.texts, ['a\nb\n'])
  t.assert.deepEqual(two.texts, ['a\nb\n'])
})

test('keeps lines for the first destination', (t: TestContext) => {
  const lines = createLogLines({ delayMs: 0 })
  lines.write('early\n')
  const destination = collect()
  lines.add(destination)
  t.assert.deepEqual(destination.texts, ['early\n'])
})

test('does not wait when much is waiting', (t: TestContext) => {
  const lines = createLogLines({ delayMs: 60_000 })
  const destination = collect()
  lines.add(destination)
  lines.write(`${'x'.repeat(70_000)}\n`)
  t.assert.strictEqual(destination.texts.length, 1)
})

test('gives a destination that goes what was waiting, and nothing more', (t: TestContext) => {
  const lines = createLogLines({ delayMs: 60_000 })
  const destination = collect()
  lines.add(destination)
  lines.write('last\n')
  lines.remove(destination)
  lines.write('too late\n')
  lines.flush()
  t.assert.deepEqual(destination.texts, ['last\n'])
})
